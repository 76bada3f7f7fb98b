package health

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// point is what Lambda sends of a function.
type point struct {
	at     time.Time
	metric string
	value  float64
}

// fake is a CloudWatch with the metrics of function "f".
type fake struct {
	t      *testing.T
	points []point
	page   int // values on a page; 0 puts all on one

	alter  func(*cloudwatch.GetMetricDataOutput) // when not nil, changes each answer
	err    error
	inputs []cloudwatch.GetMetricDataInput
}

func (f *fake) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	f.inputs = append(f.inputs, *in)
	if f.err != nil {
		return nil, f.err
	}
	if len(f.inputs) > 100 {
		return nil, errors.New("too many calls")
	}
	skip, _ := strconv.Atoi(aws.ToString(in.NextToken))
	room := cmp.Or(f.page, 100_800)
	out := &cloudwatch.GetMetricDataOutput{}
	passed := 0
	for _, q := range in.MetricDataQueries {
		r := types.MetricDataResult{Id: q.Id, StatusCode: types.StatusCodeComplete}
		for _, bin := range f.bins(in, q) {
			switch passed++; {
			case passed <= skip:
			case room == 0:
				r.StatusCode = types.StatusCodePartialData
				out.NextToken = aws.String(strconv.Itoa(skip + f.page))
			default:
				room--
				r.Timestamps = append(r.Timestamps, bin.at)
				r.Values = append(r.Values, bin.value)
			}
		}
		out.MetricDataResults = append(out.MetricDataResults, r)
	}
	if f.alter != nil {
		f.alter(out)
	}
	return out, nil
}

// bins returns the values that a query asks for, the newest first.
func (f *fake) bins(in *cloudwatch.GetMetricDataInput, q types.MetricDataQuery) []point {
	stat := q.MetricStat
	period := time.Duration(*stat.Period) * time.Second
	if got := fmt.Sprintf("%s %s=%s", *stat.Metric.Namespace, *stat.Metric.Dimensions[0].Name, *stat.Metric.Dimensions[0].Value); got != "AWS/Lambda FunctionName=f" || len(stat.Metric.Dimensions) != 1 {
		f.t.Errorf("asked for %s", got)
	}
	if !in.StartTime.Equal(in.StartTime.Truncate(period)) || !in.EndTime.Equal(in.EndTime.Truncate(period)) {
		f.t.Errorf("%v to %v would be rounded to periods of %v", in.StartTime, in.EndTime, period)
	}
	bins := map[time.Time]float64{}
	for _, p := range f.points {
		if p.metric != *stat.Metric.MetricName || p.at.Before(*in.StartTime) || !p.at.Before(*in.EndTime) {
			continue
		}
		at := p.at.Truncate(period)
		switch *stat.Stat {
		case "Sum":
			bins[at] += p.value
		case "Maximum":
			bins[at] = max(bins[at], p.value)
		default:
			f.t.Errorf("asked for the %s of %s", *stat.Stat, p.metric)
		}
	}
	var all []point
	for _, at := range slices.SortedFunc(maps.Keys(bins), func(a, b time.Time) int { return b.Compare(a) }) {
		all = append(all, point{at: at, value: bins[at]})
	}
	return all
}
