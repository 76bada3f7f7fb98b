// Package quota keeps this tool's calls to AWS below the quotas of the account,
// so that there is room for others, and makes way when others use them too.
//
// Lambda takes 15 control-plane calls a second for each account and region, all
// operations together, but for GetFunction, which has 100 of its own, and
// invocations, which do not count. CloudWatch takes 50 GetMetricData a second.
//
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
package quota

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

// DefaultCalls are the control-plane calls a second that are made at most.
const DefaultCalls = 14.5

// What is made at most of the calls that have quotas of their own, a second.
const (
	getFunctions  = 90
	getMetricData = 45
)

// ErrNotSent is the cause of a call that was stopped, by way of [Until], before
// any of it was sent.
var ErrNotSent = errors.New("not sent")

// Limit makes the clients of cfg send no more than so many control-plane calls
// of Lambda a second, [DefaultCalls] for 0, and as much of GetFunction and
// GetMetricData as leaves a tenth of their quotas. Each attempt counts. Calls
// wait for their turn in the order in which they come, as long as their context
// allows. When AWS throttles one, those after it are slowed down for a while.
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
