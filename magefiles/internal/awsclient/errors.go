package awsclient

import (
	"errors"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// explained is an error of AWS with AWS's own text.
type explained struct {
	err  error
	text string
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }

// Explain shortens the text of an error that AWS answered with to
// "Code: message; hint (request ID)". It returns other errors unchanged.
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

// Code returns the code of an error that AWS answered with, or "".
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}
