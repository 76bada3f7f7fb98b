// Package health compares how a function performed before and after its last
// change, with CloudWatch's metrics of equal lengths of time.
//
// It reads the metrics by FunctionName, which cover all versions and aliases of a
// function, not $LATEST alone. Source:
// https://github.com/awsdocs/aws-lambda-developer-guide/blob/main/doc_source/monitoring-metrics.md
package health

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// Figures are the metrics of a function over a span of whole periods.
type Figures struct {
	From, To    time.Time // To is exclusive; both are zero if CloudWatch was not called
	Invocations int64     // without throttled ones
	Errors      int64
	Throttles   int64
	Duration    time.Duration // average of an invocation
	IteratorAge time.Duration // maximum
	Stream      bool          // CloudWatch has iterator ages: the function reads a stream
}

// ErrorRate returns the errors per invocation, or 0 without invocations.
func (f Figures) ErrorRate() float64 {
	if f.Invocations == 0 {
		return 0
	}
	return float64(f.Errors) / float64(f.Invocations)
}

// share describes the errors: "31 of 1,190 (2.6 %)".
func (f Figures) share() string {
	return fmt.Sprintf("%s of %s (%s)", text.Thousands(f.Errors), text.Thousands(f.Invocations), text.Percent(f.ErrorRate()))
}

// Comparison is a function before and after a change.
type Comparison struct {
	Function string
	Changed  time.Time
	Before   Figures
	After    Figures
	Problems []string // reasons not to consider the function healthy

	// NotBefore is zero, or the time before which there is nothing to compare:
	// the change is too recent. Early is the reason.
	NotBefore time.Time
	Early     string

	// NotMigrated says that there is nothing to judge yet: see Unmigrated.
	NotMigrated bool
}

// Healthy reports whether the function was compared and there are no problems.
func (c Comparison) Healthy() bool {
	return len(c.Problems) == 0 && c.NotBefore.IsZero() && !c.NotMigrated
}

// Unmigrated returns the comparison of a function that is still on its previous
// runtime, or again. Its last change says nothing about the migration, so only what
// its metrics show is a problem.
func (c Comparison) Unmigrated() Comparison {
	if c.Judged() && len(c.Problems) > 0 {
		return c
	}
	c.NotMigrated, c.Problems, c.NotBefore, c.Early = true, nil, time.Time{}, ""
	return c
}

// Judged reports whether the figures say something about the function: it was
// invoked since the change.
func (c Comparison) Judged() bool { return c.NotBefore.IsZero() && c.After.Invocations > 0 }

// Compare compares the time since a function's last change with the same length
// of time before it. If that is more than 7 days, it compares the last 7 days before now with the
// last 7 days before the change.
// The credentials need cloudwatch:GetMetricData.
//
// The change is the function's LastModified. It is the time of the runtime switch
// unless code or configuration was changed later. For up to about a minute after
// it, the old version may still serve; its invocations count as after the change.
// Source: https://aws.amazon.com/lambda/faqs/
//
// Lambda sends the metrics of an invocation at its end, with the time of its
// beginning, so the figures lack invocations in progress. Sources:
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics.html
// https://github.com/awsdocs/aws-lambda-developer-guide/blob/main/doc_source/monitoring-metrics.md
// Assumption: CloudWatch shows them some minutes later; AWS gives no number.
//
// A change that is too old to compare is a problem. It is an error
// if the time of the change is unknown, or if CloudWatch does not answer, or not
// completely.
func Compare(ctx context.Context, client cloudwatch.GetMetricDataAPIClient, s lambda.State) (Comparison, error) {
	c := Comparison{Function: s.Function, Changed: s.Modified}
	if s.Modified.IsZero() {
		return c, fmt.Errorf("its last change is at an unknown time: Lambda reports the LastModified %q, which is not a time such as 2024-01-31T12:00:00.000+0000; look at its metrics in CloudWatch", s.LastModified)
	}
	changed, now := s.Modified, s.Modified.Add(s.Age)
	p := period(now.Sub(changed))
	before, after := spans(changed, now, p)
	switch {
	case !after.To.After(after.From):
		c.NotBefore = before.To.Add(2 * p)
		c.Early = fmt.Sprintf("CloudWatch counts by the minute, and no whole minute has passed since the change at %s; wait until %s",
			text.Second(changed), text.Minute(c.NotBefore))
		return c, nil
	case now.Sub(before.From) > retention:
		c.Problems = []string{fmt.Sprintf("the last change, at %s, is too long ago: CloudWatch keeps metrics for %d days", text.Minute(changed), retention/(24*time.Hour))}
		return c, nil
	}
	if err := measure(ctx, client, s.Function, p, &before, &after); err != nil {
		return c, err
	}
	c.Before, c.After, c.Problems = before, after, problems(before, after)
	return c, nil
}

// The tolerated rises.
const (
	errorRateRise   = 0.005       // half a percentage point
	iteratorAgeRise = time.Minute // a rise to at most twice the age is tolerated as well
)

// late is the longest delay until CloudWatch receives an invocation: the maximum
// timeout of a function. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
const late = 15 * time.Minute

// problems returns the problems of a function after a change. Throttles and
// duration are not judged.
func problems(before, after Figures) []string {
	if after.Invocations == 0 {
		problem := "not invoked since " + text.Minute(after.From)
		if after.To.Sub(after.From) < late {
			problem += "; CloudWatch can be some minutes late: run the command again later"
		}
		return []string{problem}
	}
	var problems []string
	switch {
	case after.ErrorRate()-before.ErrorRate() > errorRateRise:
		problems = append(problems, fmt.Sprintf("errors rose from %s to %s", before.share(), after.share()))
	case after.ErrorRate() > 0.5: // an earlier change may have caused the errors before
		problems = append(problems, fmt.Sprintf("most invocations fail: %s, and before the change %s", after.share(), before.share()))
	}
	if rise := after.IteratorAge - before.IteratorAge; rise > max(iteratorAgeRise, before.IteratorAge) {
		problems = append(problems, fmt.Sprintf("the iterator age rose from %s to %s", text.Duration(before.IteratorAge), text.Duration(after.IteratorAge)))
	}
	return problems
}
