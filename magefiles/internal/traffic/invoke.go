package traffic

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
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

// functionError is an error of the function itself; others are errors to reach it.
type functionError string

func (e functionError) Error() string { return string(e) }

func functionErrorf(format string, args ...any) error {
	return functionError(fmt.Sprintf(format, args...))
}

// invoke invokes the function once and returns its answer.
func (b *base) invoke(ctx context.Context, event []byte) ([]byte, error) {
	target, err := b.target(ctx)
	if err != nil {
		return nil, err
	}
	out, err := b.client.Invoke(ctx, &sdk.InvokeInput{FunctionName: target, Payload: event})
	switch {
	case err != nil:
		return nil, err
	case out.FunctionError != nil:
		// Source: https://docs.aws.amazon.com/lambda/latest/dg/golang-exceptions.html
		var e struct{ ErrorType, ErrorMessage string }
		if json.Unmarshal(out.Payload, &e) != nil || e.ErrorType == "" && e.ErrorMessage == "" {
			e.ErrorMessage = string(out.Payload)
		}
		return nil, functionErrorf("%s: %.500s", cmp.Or(e.ErrorType, *out.FunctionError), e.ErrorMessage)
	case len(out.Payload) > 0 && !json.Valid(out.Payload):
		return nil, functionErrorf("the answer is not JSON: %.200q", out.Payload)
	}
	return out.Payload, nil
}

// target returns what to invoke: what the mapping says, or the function.
func (b *base) target(ctx context.Context) (*string, error) {
	if b.mapping == "" {
		return &b.report.Function, nil
	}
	out, err := b.client.GetEventSourceMapping(ctx, &sdk.GetEventSourceMappingInput{UUID: &b.mapping})
	if err != nil {
		return nil, err
	}
	return out.FunctionArn, nil
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
func processed(answer []byte, batch []record) (int, error) {
	var response map[string]json.RawMessage // whose names are case-sensitive, unlike a struct's
	if json.Unmarshal(answer, &response) != nil || response["batchItemFailures"] == nil {
		return len(batch), nil
	}
	list := response["batchItemFailures"]
	var items []map[string]json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return 0, functionErrorf("batchItemFailures is not a list of objects: %.200s", list)
	}
	first := len(batch)
	for _, item := range items {
		var number string
		if json.Unmarshal(item["itemIdentifier"], &number) != nil || number == "" {
			return 0, functionErrorf("batchItemFailures has an item without an itemIdentifier: %.200s", list)
		}
		at := slices.IndexFunc(batch, func(r record) bool { return r.number == number })
		if at < 0 {
			return 0, functionErrorf("batchItemFailures has an itemIdentifier that is not in the batch: %.200s", list)
		}
		first = min(first, at)
	}
	if first == len(batch) {
		return first, nil
	}
	return first, functionErrorf("the function reported record %s as failed, number %d in a batch of %d", batch[first].number, first+1, len(batch))
}
