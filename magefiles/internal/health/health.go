// Package health judges by CloudWatch whether a function has run without
// problems since it was last changed: it compares the time since the change
// with as much time right before it.
//
// The metrics are those by FunctionName, which hold all versions and aliases of
// a function, not $LATEST alone. Source:
// https://github.com/awsdocs/aws-lambda-developer-guide/blob/main/doc_source/monitoring-metrics.md
package health

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
)

// Client is what a comparison calls; *cloudwatch.Client satisfies it. It is
// expected to retry what can be retried.
type Client interface {
	GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

// Tolerance is how much worse a function may have become. The zero value is the
// default.
type Tolerance struct {
	// ErrorRate is how far errors per invocation may rise, as a fraction;
	// default 0.005, half a percentage point.
	ErrorRate float64
	// IteratorAge is how far the maximum may rise; default 1 minute. A rise
	// that does not more than double it is tolerated too.
	IteratorAge time.Duration
}

// Figures are the metrics of a function over a span of whole periods.
type Figures struct {
	From, To    time.Time // To is not included; both are zero when CloudWatch was not asked
	Invocations int64     // throttled ones are not among them
	Errors      int64
	Throttles   int64
	Duration    time.Duration // average of an invocation
	IteratorAge time.Duration // maximum
	Stream      bool          // there were iterator ages: a stream is read
}

// Comparison is a function before and after a change.
type Comparison struct {
	Function string
	Changed  time.Time
	Before   Figures
	After    Figures
	Problems []string // why it should not be taken for healthy
}

// Healthy reports whether there is no problem.
func (c Comparison) Healthy() bool { return len(c.Problems) == 0 }

// Compare compares the function since the change with the same length of time
// right before it, 7 days at most: the last ones, if more have passed.
//
// The change is meant to be the function's LastModified. That is the runtime
// switch, unless code or configuration was changed after it. For up to about a
// minute after it the old version may still serve, and counts as new. Source:
// https://aws.amazon.com/lambda/faqs/
//
// Lambda sends the metrics of an invocation when it has ended, and dates them to
// when it began: what is still running is in no figure. Sources:
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics.html
// https://github.com/awsdocs/aws-lambda-developer-guide/blob/main/doc_source/monitoring-metrics.md
// Assumption: CloudWatch shows them some minutes later; AWS gives no number.
//
// What cannot be judged yet, or any more, is a problem. An error is that
// CloudWatch did not answer, or not completely.
func Compare(ctx context.Context, client Client, function string, changed, now time.Time, tolerance Tolerance) (Comparison, error) {
	return compare(ctx, client, function, changed, now, tolerance, period(now.Sub(changed)))
}

// compare is Compare with periods of the given length.
func compare(ctx context.Context, client Client, function string, changed, now time.Time, tolerance Tolerance, period time.Duration) (Comparison, error) {
	c := Comparison{Function: function, Changed: changed}
	before, after := spans(changed, now, period)
	if !after.To.After(after.From) {
		c.Problems = []string{fmt.Sprintf("CloudWatch counts by the minute and none has passed since the change at %s; wait until %s",
			moment(changed, time.DateTime), moment(before.To.Add(2*period), minutes))}
		return c, nil
	}
	if now.Sub(before.From) > kept {
		c.Problems = []string{fmt.Sprintf("changed on %s, too long ago to compare: CloudWatch keeps figures for %d days", moment(changed, minutes), kept/(24*time.Hour))}
		return c, nil
	}
	if err := measure(ctx, client, function, period, &before, &after); err != nil {
		return c, err
	}
	c.Before, c.After = before, after
	c.Problems = judge(before, after, tolerance)
	return c, nil
}
