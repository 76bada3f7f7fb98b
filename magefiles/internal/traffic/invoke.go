package traffic

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// failure is an invocation that failed.
type failure struct {
	kind     string // what it is counted under
	err      error
	function bool // the function failed, rather than the way to it
}

func (f *failure) Error() string { return f.err.Error() }

// invoke invokes a function once and waits for its answer.
func invoke(ctx context.Context, invoker Invoker, function string, payload []byte) ([]byte, *failure) {
	out, err := invoker.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: payload})
	if err != nil {
		return nil, &failure{kind: kindOf(err), err: err}
	}
	if out.FunctionError != nil {
		return nil, functionFailure(*out.FunctionError, out.Payload)
	}
	if len(out.Payload) > 0 && !json.Valid(out.Payload) {
		return nil, &failure{kind: "invalid answer", err: fmt.Errorf("the answer is not JSON: %.200q", out.Payload), function: true}
	}
	return out.Payload, nil
}

// kindOf tells API errors by their code and others by a word.
func kindOf(err error) string {
	var api smithy.APIError
	var network net.Error
	var unsent *smithyhttp.RequestSendError
	switch {
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.Is(err, context.Canceled):
		return "cut short"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.As(err, &network), errors.As(err, &unsent), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection"
	}
	return "other"
}

// functionFailure is what a function, or its runtime, says of its failure.
//
// https://docs.aws.amazon.com/lambda/latest/dg/golang-exceptions.html
func functionFailure(handled string, payload []byte) *failure {
	var said struct{ ErrorType, ErrorMessage string }
	if json.Unmarshal(payload, &said) != nil || said.ErrorType == "" && said.ErrorMessage == "" {
		said.ErrorMessage = string(payload)
	}
	kind := cmp.Or(said.ErrorType, handled)
	return &failure{kind: kind, err: fmt.Errorf("%s: %.500s", kind, said.ErrorMessage), function: true}
}
