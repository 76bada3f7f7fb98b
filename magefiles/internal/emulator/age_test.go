package emulator_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

func TestAge(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.send("f", event{})
	const form = "2006-01-02T15:04:05.000-0700"
	before, err := time.Parse(form, *b.get("f").LastModified)
	if err != nil {
		t.Fatal(err)
	}
	invocations := func(from, to time.Duration) (sum float64) {
		t.Helper()
		now := time.Now().Truncate(time.Minute)
		out, err := b.monitoring().GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
			StartTime: aws.Time(now.Add(from)), EndTime: aws.Time(now.Add(to)),
			MetricDataQueries: []cwtypes.MetricDataQuery{{Id: aws.String("n"), MetricStat: &cwtypes.MetricStat{
				Period: aws.Int32(60), Stat: aws.String("Sum"), Metric: &cwtypes.Metric{
					Namespace: aws.String("AWS/Lambda"), MetricName: aws.String("Invocations"),
					Dimensions: []cwtypes.Dimension{{Name: aws.String("FunctionName"), Value: aws.String("f")}},
				},
			}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range out.MetricDataResults[0].Values {
			sum += v
		}
		return sum
	}
	if n := invocations(-2*time.Minute, time.Minute); n != 1 {
		t.Fatalf("%v invocations now, want 1", n)
	}
	b.Age(10)
	after, err := time.Parse(form, *b.get("f").LastModified)
	if err != nil || before.Sub(after) != 10*time.Minute {
		t.Errorf("LastModified went from %v to %v (%v), want ten minutes back", before, after, err)
	}
	if n, then := invocations(-2*time.Minute, time.Minute), invocations(-12*time.Minute, -8*time.Minute); n != 0 || then != 1 {
		t.Errorf("%v invocations now and %v ten minutes ago, want 0 and 1", n, then)
	}
}
