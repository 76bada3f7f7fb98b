package awsclient_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/dualboot/magefiles/internal/awsclient"
)

// TestRefused tells errors that a later run may not meet from those that it does.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		want   bool
	}{
		{403, "AccessDeniedException", true},
		{404, "ResourceNotFoundException", true},
		{400, "InvalidParameterValueException", true},
		{400, "Throttling", false}, // as CloudWatch does
		{429, "TooManyRequestsException", false},
		{409, "ResourceConflictException", false},
		{412, "PreconditionFailedException", false},
		{500, "ServiceException", false},
	} {
		err := fmt.Errorf("updating: %w", awsclient.Explain(&awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: test.status}},
			Err:      &smithy.GenericAPIError{Code: test.code},
		}}, ""))
		if got := awsclient.Refused(err); got != test.want {
			t.Errorf("%d %s: %t", test.status, test.code, got)
		}
	}
	if awsclient.Refused(errors.New("connection refused")) || awsclient.Refused(nil) {
		t.Error("an error that AWS has not answered with is refused")
	}
}
