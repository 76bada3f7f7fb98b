// Package awserror says errors of the AWS SDK in AWS's own words.
package awserror

import (
	"errors"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// explained is an error of AWS, said in AWS's own words and no others.
type explained struct {
	err  error
	text string
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }

// Explain shortens the SDK's account of an error that AWS has answered with to
// "Code: message (request id)", with a hint before the request if there is one.
// Other errors are returned as they are.
func Explain(err error, hint string) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err
	}
	text := api.ErrorCode() + ": " + api.ErrorMessage()
	if hint != "" {
		text += "; " + hint
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.RequestID != "" {
		text += " (request " + response.RequestID + ")"
	}
	return &explained{err: err, text: text}
}

// Code returns AWS's code of an error, or "".
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}
