package health

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"example.com/dualboot/magefiles/internal/awsclient"
)

// measure fills in the figures of both spans. StartTime and EndTime are
// boundaries of periods, so that CloudWatch does not round them.
func measure(ctx context.Context, client Client, function string, period time.Duration, before, after *Figures) error {
	in := &cloudwatch.GetMetricDataInput{StartTime: &before.From, EndTime: &after.To, MetricDataQueries: queries(function, period)}
	results, err := get(ctx, client, in)
	if err != nil {
		hint := ""
		if strings.HasPrefix(awsclient.Code(err), "AccessDenied") { // AccessDeniedException in some protocols
			hint = "allow the action cloudwatch:GetMetricData"
		}
		return fmt.Errorf("asking CloudWatch for the metrics from %s to %s: %w", moment(before.From, minutes), moment(after.To, minutes), awsclient.Explain(err, hint))
	}
	for _, r := range results {
		for i, at := range r.Timestamps {
			for _, f := range []*Figures{before, after} {
				if !at.Before(f.From) && at.Before(f.To) {
					f.add(aws.ToString(r.Id), r.Values[i])
				}
			}
		}
	}
	before.average()
	after.average()
	return nil
}

// The metrics. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
const (
	invocations = "Invocations"
	errorCount  = "Errors"
	throttles   = "Throttles"
	duration    = "Duration"    // milliseconds
	iteratorAge = "IteratorAge" // milliseconds
)

func queries(function string, period time.Duration) []types.MetricDataQuery {
	var all []types.MetricDataQuery
	for _, name := range []string{invocations, errorCount, throttles, duration, iteratorAge} {
		stat := "Sum"
		if name == iteratorAge {
			stat = "Maximum"
		}
		all = append(all, types.MetricDataQuery{
			Id: aws.String(id(name)),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{
					Namespace:  aws.String("AWS/Lambda"),
					MetricName: aws.String(name),
					Dimensions: []types.Dimension{{Name: aws.String("FunctionName"), Value: aws.String(function)}},
				},
				Period: aws.Int32(int32(period / time.Second)),
				Stat:   aws.String(stat),
			},
		})
	}
	return all
}

// id names a metric in a request. It has to begin with a small letter.
func id(metric string) string { return strings.ToLower(metric) }

// get returns the results of all pages. A metric may have several, of which the
// last must say that it is complete: while pages follow, CloudWatch answers
// PartialData, or InternalError for one to be asked for again. Source:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html
func get(ctx context.Context, client Client, in *cloudwatch.GetMetricDataInput) ([]types.MetricDataResult, error) {
	var results []types.MetricDataResult
	last := map[string]types.MetricDataResult{}
	pages := cloudwatch.NewGetMetricDataPaginator(client, in, func(o *cloudwatch.GetMetricDataPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		if len(page.Messages) > 0 {
			return nil, fmt.Errorf("the answer is not complete%s", text(page.Messages))
		}
		for _, r := range page.MetricDataResults {
			if len(r.Timestamps) != len(r.Values) {
				return nil, fmt.Errorf("the answer has %d times for %d values; is there a proxy in between?", len(r.Timestamps), len(r.Values))
			}
			last[aws.ToString(r.Id)] = r
			results = append(results, r)
		}
	}
	for _, q := range in.MetricDataQueries {
		name := aws.ToString(q.MetricStat.Metric.MetricName)
		switch r, ok := last[*q.Id]; {
		case !ok:
			return nil, fmt.Errorf("no answer for %s; run the command again", name)
		case r.StatusCode != types.StatusCodeComplete:
			return nil, fmt.Errorf("the answer for %s is %s%s; run the command again", name, r.StatusCode, text(r.Messages))
		}
	}
	return results, nil
}

func text(messages []types.MessageData) string {
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, " (%s: %s)", aws.ToString(m.Code), aws.ToString(m.Value))
	}
	return b.String()
}

// add adds the value of one period.
func (f *Figures) add(metric string, value float64) {
	switch metric {
	case id(invocations):
		f.Invocations += int64(math.Round(value))
	case id(errorCount):
		f.Errors += int64(math.Round(value))
	case id(throttles):
		f.Throttles += int64(math.Round(value))
	case id(duration):
		f.Duration += milliseconds(value)
	case id(iteratorAge):
		f.IteratorAge = max(f.IteratorAge, milliseconds(value))
		f.Stream = true
	}
}

// average turns the sum of the durations into their average.
func (f *Figures) average() { f.Duration /= time.Duration(max(1, f.Invocations)) }

func milliseconds(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
