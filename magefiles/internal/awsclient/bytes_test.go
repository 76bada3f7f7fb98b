package awsclient_test

import (
	"bytes"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/lambdatest"
)

// TestSent counts requests and the bytes of their bodies that are really sent: the
// first attempt is refused before its body is read.
func TestSent(t *testing.T) {
	l := lambdatest.New()
	l.Create("a", nil)
	attempts := 0
	l.Before = func(c lambdatest.Call) *lambdatest.Error {
		if attempts++; c.Operation == lambdatest.Code && attempts == 1 {
			return &lambdatest.Error{Status: 503}
		}
		return nil
	}
	client := awsclient.New(l.Config(), awsclient.Access{})
	lambda := sdk.NewFromConfig(client.Config)
	zip := bytes.Repeat([]byte("zip"), 1<<20/3)
	if _, err := lambda.UpdateFunctionCode(t.Context(), &sdk.UpdateFunctionCodeInput{FunctionName: aws.String("a"), ZipFile: zip}); err != nil {
		t.Fatal(err)
	}
	requests, sent := client.Sent()
	least := int64(len(zip) * 4 / 3) // in base64
	if requests != 2 || sent < least || sent > least+1000 {
		t.Errorf("%d requests with %d bytes, want 2 with %d and little more", requests, sent, least)
	}
	if _, err := lambda.GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: aws.String("a")}); err != nil {
		t.Fatal(err)
	}
	if again, same := client.Sent(); again != 3 || same != sent {
		t.Errorf("%d requests with %d bytes after a read", again, same)
	}
}
