package health

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/text"
)

// metrics are the metrics to read and their statistics. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
var metrics = []struct{ name, stat string }{
	{"Invocations", "Sum"},
	{"Errors", "Sum"},
	{"Throttles", "Sum"},
	{"Duration", "Sum"},        // milliseconds
	{"IteratorAge", "Maximum"}, // milliseconds
}

// add adds the value of a metric in one period.
func (f *Figures) add(metric string, value float64) {
	number, duration := int64(math.Round(value)), time.Duration(value*float64(time.Millisecond))
	switch metric {
	case "Invocations":
		f.Invocations += number
	case "Errors":
		f.Errors += number
	case "Throttles":
		f.Throttles += number
	case "Duration":
		f.Duration += duration
	case "IteratorAge":
		f.IteratorAge = max(f.IteratorAge, duration)
		f.Stream = true
	}
}

// measure reads the figures of both spans. The spans begin and end with a period,
// so CloudWatch does not round StartTime and EndTime.
func measure(ctx context.Context, client cloudwatch.GetMetricDataAPIClient, function string, period time.Duration, before, after *Figures) error {
	in := &cloudwatch.GetMetricDataInput{StartTime: &before.From, EndTime: &after.To}
	for _, m := range metrics {
		in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{
			Id: aws.String(strings.ToLower(m.name)), // an ID begins with a lower-case letter
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{
					Namespace:  aws.String("AWS/Lambda"),
					MetricName: aws.String(m.name),
					Dimensions: []types.Dimension{{Name: aws.String("FunctionName"), Value: aws.String(function)}},
				},
				Period: aws.Int32(int32(period / time.Second)),
				Stat:   aws.String(m.stat),
			},
		})
	}
	results, err := read(ctx, client, in)
	if err != nil {
		return fmt.Errorf("reading CloudWatch's metrics from %s to %s: %w", text.Minute(before.From), text.Minute(after.To), awsclient.Explain(err, ""))
	}
	for _, m := range metrics {
		for _, r := range results[strings.ToLower(m.name)] {
			for i, at := range r.Timestamps {
				for _, f := range []*Figures{before, after} {
					if !at.Before(f.From) && at.Before(f.To) {
						f.add(m.name, r.Values[i])
					}
				}
			}
		}
	}
	for _, f := range []*Figures{before, after} {
		f.Duration /= time.Duration(max(1, f.Invocations)) // the sum becomes the average
	}
	return nil
}

// read returns the results of all pages by ID. A metric has a result on each
// page. The last one must be Complete: while pages follow, CloudWatch reports
// PartialData, or InternalError for a metric that it tries again. Source:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html
func read(ctx context.Context, client cloudwatch.GetMetricDataAPIClient, in *cloudwatch.GetMetricDataInput) (map[string][]types.MetricDataResult, error) {
	results := map[string][]types.MetricDataResult{}
	pages := cloudwatch.NewGetMetricDataPaginator(client, in, func(o *cloudwatch.GetMetricDataPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		if len(page.Messages) > 0 {
			return nil, errors.New("the answer is incomplete" + quote(page.Messages) + "; run the command again")
		}
		for _, r := range page.MetricDataResults {
			if len(r.Timestamps) != len(r.Values) {
				return nil, fmt.Errorf("the answer has %s for %s; is there a proxy in between?",
					text.Count(len(r.Timestamps), "timestamp"), text.Count(len(r.Values), "value"))
			}
			results[aws.ToString(r.Id)] = append(results[aws.ToString(r.Id)], r)
		}
	}
	for _, m := range metrics {
		of := results[strings.ToLower(m.name)]
		if len(of) == 0 {
			return nil, fmt.Errorf("the answer lacks %s; run the command again", m.name)
		}
		if last := of[len(of)-1]; last.StatusCode != types.StatusCodeComplete {
			return nil, fmt.Errorf("the answer for %s is %s%s; run the command again", m.name, last.StatusCode, quote(last.Messages))
		}
	}
	return results, nil
}

// quote returns CloudWatch's messages in parentheses.
func quote(messages []types.MessageData) string {
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, " (%s: %s)", aws.ToString(m.Code), aws.ToString(m.Value))
	}
	return b.String()
}
