package awsclient

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
)

// DefaultCalls is the default limit of Lambda control-plane calls a second.
//
// Lambda takes 15 a second for each account and region, all operations together.
// GetFunction has a quota of 100 of its own, and invocations do not count.
// CloudWatch takes 50 GetMetricData a second. Sources:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
const DefaultCalls = 14.5

// The limits of the calls that have quotas of their own, a second. Each leaves a
// tenth of the quota to others.
const (
	getFunctions  = 90
	getMetricData = 45
)

// ErrNotSent is the cause of a call that [Until] stopped before it was sent.
var ErrNotSent = errors.New("not sent")

// Limit makes the clients of cfg send at most so many Lambda control-plane calls
// a second, [DefaultCalls] for 0, and keeps GetFunction and GetMetricData below
// their own quotas. Each attempt counts. Calls wait for their turn in the order
// in which they arrive, for as long as their context allows. After AWS has
// throttled a call, Limit lowers the rate for a while.
func Limit(cfg *aws.Config, calls float64) {
	control := newBucket(cmp.Or(calls, DefaultCalls))
	reads := newBucket(getFunctions)
	metrics := newBucket(getMetricData)
	pick := func(service, operation string) *bucket {
		switch {
		case service == "Lambda" && operation == "GetFunction":
			return reads
		case service == "Lambda" && !strings.HasPrefix(operation, "Invoke"):
			return control
		case service == "CloudWatch" && operation == "GetMetricData":
			return metrics
		}
		return nil
	}
	throttles := retry.IsErrorThrottles(retry.DefaultThrottles)
	limit := middleware.FinalizeMiddlewareFunc("Quota", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
		b := pick(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx))
		if b == nil {
			return next.HandleFinalize(ctx, in)
		}
		if err := wait(ctx, b); err != nil {
			return out, metadata, err
		}
		sent := time.Now()
		out, metadata, err = next.HandleFinalize(ctx, in)
		if throttles.IsErrorThrottle(err) == aws.TrueTernary {
			b.slow(sent)
		}
		return out, metadata, err
	})
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(limit, "Retry", middleware.After)
	})
}
