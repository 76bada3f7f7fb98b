package traffic

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// newClient returns a client that sends each request once, because a failure that
// the SDK retries would not be counted. It keeps enough idle connections for many
// functions.
func newClient(config aws.Config) *sdk.Client {
	config.HTTPClient = cmp.Or[aws.HTTPClient](config.HTTPClient, awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost, t.IdleConnTimeout = 1024, 1024, time.Minute
	}))
	return sdk.NewFromConfig(config, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
}

// failure is a failed invocation.
type failure struct {
	errorType string // key in Report.ErrorTypes
	err       error
	function  bool // the function failed; otherwise it was not reached
}

func (f *failure) Error() string { return f.err.Error() }

// invoke invokes the function once and waits for its answer.
func (b *base) invoke(ctx context.Context, event []byte) ([]byte, *failure) {
	out, err := b.client.Invoke(ctx, &sdk.InvokeInput{FunctionName: &b.report.Function, Payload: event})
	switch {
	case err != nil:
		return nil, &failure{errorType: errorType(err), err: err}
	case out.FunctionError != nil:
		// Source: https://docs.aws.amazon.com/lambda/latest/dg/golang-exceptions.html
		var e struct{ ErrorType, ErrorMessage string }
		if json.Unmarshal(out.Payload, &e) != nil || e.ErrorType == "" && e.ErrorMessage == "" {
			e.ErrorMessage = string(out.Payload)
		}
		e.ErrorType = cmp.Or(e.ErrorType, *out.FunctionError)
		return nil, &failure{errorType: e.ErrorType, err: fmt.Errorf("%s: %.500s", e.ErrorType, e.ErrorMessage), function: true}
	case len(out.Payload) > 0 && !json.Valid(out.Payload):
		return nil, &failure{errorType: "invalid answer", err: fmt.Errorf("the answer is not JSON: %.200q", out.Payload), function: true}
	}
	return out.Payload, nil
}

// errorType returns the code of an API error, and a word for other errors.
func errorType(err error) string {
	var api smithy.APIError
	var network net.Error
	var unsent *smithyhttp.RequestSendError
	switch {
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.As(err, &network), errors.As(err, &unsent), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection"
	}
	return "other"
}

// processed returns how many records of a batch, counted from the first, the
// function has processed by its answer. In its answer the function may report
// records as failed:
//
//	{"batchItemFailures": [{"itemIdentifier": "SEQUENCE NUMBER"}]}
//
// The next batch begins with the first of them. Without such a list, or with an
// empty one, the batch is a success. A malformed list, or an identifier that is
// missing, empty or not in the batch, fails the whole batch.
//
// On AWS this holds for mappings with ReportBatchItemFailures. Others ignore the
// answer; the model treats a function that reports failures as one of the former.
// Sources:
// https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
func processed(answer []byte, batch []record) (int, *failure) {
	var response map[string]json.RawMessage // whose names are case-sensitive, unlike a struct's
	if json.Unmarshal(answer, &response) != nil || response["batchItemFailures"] == nil {
		return len(batch), nil
	}
	list := response["batchItemFailures"]
	failed := func(n int, format string, args ...any) (int, *failure) {
		return n, &failure{errorType: "batchItemFailures", err: fmt.Errorf(format, args...), function: true}
	}
	var items []map[string]json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return failed(0, "batchItemFailures is not a list of objects: %.200s", list)
	}
	first := len(batch)
	for _, item := range items {
		var number string
		if json.Unmarshal(item["itemIdentifier"], &number) != nil || number == "" {
			return failed(0, "batchItemFailures has an item without an itemIdentifier: %.200s", list)
		}
		at := slices.IndexFunc(batch, func(r record) bool { return r.number == number })
		if at < 0 {
			return failed(0, "batchItemFailures has an itemIdentifier that is not in the batch: %.200s", list)
		}
		first = min(first, at)
	}
	if first == len(batch) {
		return first, nil
	}
	return failed(first, "the function reported record %s as failed, number %d in a batch of %d", batch[first].number, first+1, len(batch))
}
