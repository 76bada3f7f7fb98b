package emulator_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// monitoring is a client of CloudWatch that does not retry.
func (b *bench) monitoring() *cloudwatch.Client {
	return cloudwatch.NewFromConfig(b.Config(), func(o *cloudwatch.Options) { o.RetryMaxAttempts = 1 })
}

// metric is a query of one of Lambda's metrics; each dimension is a name and a value.
func metric(id, name, stat string, period int32, dimensions ...string) cwtypes.MetricDataQuery {
	q := cwtypes.MetricDataQuery{Id: &id, MetricStat: &cwtypes.MetricStat{
		Metric: &cwtypes.Metric{Namespace: aws.String("AWS/Lambda"), MetricName: &name},
		Stat:   &stat,
		Period: &period,
	}}
	for i := 0; i < len(dimensions); i += 2 {
		q.MetricStat.Metric.Dimensions = append(q.MetricStat.Metric.Dimensions,
			cwtypes.Dimension{Name: &dimensions[i], Value: &dimensions[i+1]})
	}
	return q
}

// statistic is a metric of a function over the hour around now, which must be
// one data point or none.
func (b *bench) statistic(name, stat string, dimensions ...string) (value float64, ok bool) {
	b.Helper()
	now := time.Now()
	out, err := b.monitoring().GetMetricData(b.Context(), &cloudwatch.GetMetricDataInput{
		MetricDataQueries: []cwtypes.MetricDataQuery{metric("q", name, stat, 3600, dimensions...)},
		StartTime:         aws.Time(now.Add(-30 * time.Minute)), EndTime: aws.Time(now.Add(29 * time.Minute)),
	})
	if err != nil {
		b.Fatal(err)
	}
	switch values := out.MetricDataResults[0].Values; len(values) {
	case 0:
		return 0, false
	case 1:
		return values[0], true
	}
	b.Fatalf("%s of %s has values %v, want one at most", stat, name, out.MetricDataResults[0].Values)
	return 0, false
}

// wantStatistic expects a value; a negative one is none.
func (b *bench) wantStatistic(want float64, name, stat string, dimensions ...string) {
	b.Helper()
	if got, ok := b.statistic(name, stat, dimensions...); ok != (want >= 0) || ok && got != want {
		b.Errorf("%s of %s %v is %v (%t), want %v", stat, name, dimensions, got, ok, want)
	}
}

func TestMetricsOfInvocations(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		b.create(function("g", r, runtimeZip(b, r)))
		b.wantStatistic(-1, "Invocations", "Sum", "FunctionName", "f")
		b.invoke("f", event{})
		b.invoke("f:$LATEST", event{Do: "sleep", N: 50})
		b.fail("f", event{Do: "error", Text: "x"})
		b.fail("f", event{Do: "exit"})
		b.invoke("g", event{})

		// None of these reaches the function's code.
		for _, in := range []*lambda.InvokeInput{
			{FunctionName: aws.String("none")},
			{FunctionName: aws.String("f"), Payload: []byte("{")},
			{FunctionName: aws.String("f"), LogType: "Head"},
			{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeDryRun},
		} {
			b.client.Invoke(b.Context(), in)
		}

		for _, test := range []struct {
			want         float64
			metric, stat string
			dimensions   []string
		}{
			{4, "Invocations", "Sum", []string{"FunctionName", "f"}},
			{1, "Invocations", "Average", []string{"FunctionName", "f"}},
			{2, "Errors", "Sum", []string{"FunctionName", "f"}},
			{0.5, "Errors", "Average", []string{"FunctionName", "f"}},
			{4, "Errors", "SampleCount", []string{"FunctionName", "f"}},
			{0, "Errors", "Minimum", []string{"FunctionName", "f"}},
			{1, "Errors", "Maximum", []string{"FunctionName", "f"}},
			{0, "Errors", "Sum", []string{"FunctionName", "g"}},
			{0, "Throttles", "Sum", []string{"FunctionName", "f"}},
			{4, "Duration", "SampleCount", []string{"FunctionName", "f"}},
			{3, "Invocations", "Sum", []string{"FunctionName", "f", "Resource", "f"}},
			{1, "Invocations", "Sum", []string{"Resource", "f:$LATEST", "FunctionName", "f"}},
			{5, "Invocations", "Sum", nil},
			{-1, "IteratorAge", "Maximum", []string{"FunctionName", "f"}},
			{-1, "Invocations", "Sum", []string{"FunctionName", "none"}},
			{-1, "Invocations", "Sum", []string{"FunctionName", "f", "Resource", "f:1"}},
			{-1, "Invocations", "Sum", []string{"Resource", "f"}},
			{-1, "Invocations", "Sum", []string{"FunctionName", "f", "Colour", "red"}},
			{-1, "Inventions", "Sum", []string{"FunctionName", "f"}},
		} {
			b.wantStatistic(test.want, test.metric, test.stat, test.dimensions...)
		}
		most, _ := b.statistic("Duration", "Maximum", "FunctionName", "f")
		sum, _ := b.statistic("Duration", "Sum", "FunctionName", "f")
		least, _ := b.statistic("Duration", "Minimum", "FunctionName", "f")
		if most < 50 || most > 3000 || sum < most+least || least < 0 {
			b.Errorf("durations are from %v to %v ms, together %v, want one of 50 ms at least", least, most, sum)
		}

		if _, err := b.client.DeleteFunction(b.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
			b.Fatal(err)
		}
		b.wantStatistic(4, "Invocations", "Sum", "FunctionName", "f")
	})
}

// What Lambda itself has to say about a function is the function's error.
func TestMetricsOfFailures(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("slow", types.RuntimeProvidedal2023, dualZip(t), timeout(1)))
	b.create(function("empty", types.RuntimeProvidedal2023, makeZip(t, file{"x", 0o644, nil})))
	b.fail("slow", event{Do: "sleep", N: 60000})
	b.fail("empty", event{})
	for _, name := range []string{"slow", "empty"} {
		b.wantStatistic(1, "Invocations", "Sum", "FunctionName", name)
		b.wantStatistic(1, "Errors", "Sum", "FunctionName", name)
	}
	if got, _ := b.statistic("Duration", "Maximum", "FunctionName", "slow"); got < 1000 || got > 10000 {
		t.Errorf("the duration of what timed out after 1 s is %v ms", got)
	}
}

// Each attempt at an event counts.
func TestMetricsOfEvents(t *testing.T) {
	t.Parallel()
	s, err := emulator.StartWithLimits(emulator.Options{HostBinaries: hostBinaries}, 10*time.Second, time.Millisecond, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	b := adopt(t, s)
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	payload, _ := json.Marshal(event{Do: "error", Text: "x"})
	if _, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent, Payload: payload}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the event is tried three times", func() bool {
		n, _ := b.statistic("Errors", "Sum", "FunctionName", "f")
		return n == 3
	})
	b.wantStatistic(3, "Invocations", "Sum", "FunctionName", "f")
}

// stream is the ARN of the stream in a sample function's event.
const stream = "arn:aws:kinesis:ap-northeast-1:123456789012:stream/orders"

func kinesisEvent(source string, arrivals ...float64) []byte {
	type kinesis struct {
		Arrival float64 `json:"approximateArrivalTimestamp"`
	}
	type record struct {
		Source  string  `json:"eventSourceARN"`
		Kinesis kinesis `json:"kinesis"`
	}
	var records []record
	for _, arrival := range arrivals {
		records = append(records, record{source, kinesis{arrival}})
	}
	payload, _ := json.Marshal(map[string]any{"Records": records})
	return payload
}

func (b *bench) sendRaw(name string, payload []byte) {
	b.Helper()
	if _, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: payload}); err != nil {
		b.Fatal(err)
	}
}

func TestIteratorAge(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	b.create(function("g", types.RuntimeProvidedal2023, dualZip(t)))
	ago := func(seconds float64) float64 { return float64(time.Now().UnixMilli())/1000 - seconds }
	iteratorAges := func(want float64) {
		t.Helper()
		b.wantStatistic(want, "IteratorAge", "SampleCount", "FunctionName", "f")
	}

	b.sendRaw("f", kinesisEvent(stream, ago(5)))
	iteratorAges(-1) // there is no mapping yet

	m := b.mapping(&lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: aws.String(stream), StartingPosition: "LATEST"})
	queue := "arn:aws:sqs:us-east-1:123456789012:q"
	b.mapping(&lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: &queue})
	b.sendRaw("g", kinesisEvent(stream, ago(5)))
	b.sendRaw("f", kinesisEvent(stream+"2", ago(5)))
	b.sendRaw("f", kinesisEvent(queue, ago(5)))
	b.sendRaw("f", kinesisEvent(stream))
	b.sendRaw("f", kinesisEvent(stream, 0))
	b.sendRaw("f", []byte(`{"Records":[{"eventSourceARN":"`+stream+`","kinesis":{"approximateArrivalTimestamp":1e300}}]}`))
	b.sendRaw("f", []byte(`{"Records":"`+stream+`"}`))
	b.sendRaw("f", []byte(`[]`))
	b.wantStatistic(-1, "IteratorAge", "SampleCount") // of any function

	b.sendRaw("f", kinesisEvent(stream, ago(100), ago(5.5)))
	iteratorAges(1)
	if age, _ := b.statistic("IteratorAge", "Sum", "FunctionName", "f"); age < 5499 || age > 15000 {
		t.Errorf("the iterator age is %v ms, want 5500 and a little", age)
	}
	b.sendRaw("f", kinesisEvent(stream, ago(-100))) // of a clock that is ahead
	iteratorAges(2)
	b.wantStatistic(0, "IteratorAge", "Minimum", "FunctionName", "f")

	if _, err := b.client.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: m.UUID, Enabled: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	b.sendRaw("f", kinesisEvent(stream, ago(5)))
	iteratorAges(2)
}

// The samples' events have the times of Kinesis and of DynamoDB as AWS gives them.
func TestIteratorAgeOfSamples(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t), timeout(30)))
	for _, test := range []struct {
		sample, stream string
		last           time.Time
	}{
		{"order-stream", stream, time.UnixMilli(1706756646402)},
		{"inventory-table", "arn:aws:dynamodb:ap-northeast-1:123456789012:table/inventory/stream/2024-01-15T00:00:00.000", time.Unix(1706756645, 0)},
	} {
		payload, err := os.ReadFile(filepath.Join("../../../functions", test.sample, "testdata/event.json"))
		if err != nil {
			t.Fatal(err)
		}
		b.mapping(&lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: &test.stream, StartingPosition: "LATEST"})
		before, _ := b.statistic("IteratorAge", "Sum", "FunctionName", "f")
		sent := time.Since(test.last).Milliseconds()
		b.sendRaw("f", payload)
		sum, _ := b.statistic("IteratorAge", "Sum", "FunctionName", "f")
		if age := sum - before; age < float64(sent)-1 || age > float64(sent)+30000 {
			t.Errorf("the age of %s's last record is %v ms, want %d and a little", test.sample, age, sent)
		}
	}
}

// series is a result as text: minutes since base and values.
func seriesText(r cwtypes.MetricDataResult, base time.Time) []string {
	texts := []string{}
	for i, at := range r.Timestamps {
		texts = append(texts, fmt.Sprintf("%v:%v", at.Sub(base).Minutes(), r.Values[i]))
	}
	return texts
}

// Data points by time, with invocations 0, 1, 2, 5, 7 and 60 minutes after a
// full hour of today or yesterday.
func TestMetricDataTimes(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	base := time.Now().Truncate(time.Hour).Add(-5 * time.Hour)
	for i, minute := range []float64{0, 0.99, 1, 2, 5, 7, 60} {
		b.Serve("f", base.Add(time.Duration(minute*float64(time.Minute))), time.Duration(i)*time.Second, false)
	}
	for _, test := range []struct {
		name       string
		start, end float64 // minutes after base
		period     int32
		scan       cwtypes.ScanBy
		want       []string
	}{
		{"all", -10, 100, 60, "TimestampAscending", []string{"0:2", "1:1", "2:1", "5:1", "7:1", "60:1"}},
		{"the newest first by default", -10, 100, 60, "", []string{"60:1", "7:1", "5:1", "2:1", "1:1", "0:2"}},
		{"the start is inclusive", 1, 6, 60, "TimestampAscending", []string{"1:1", "2:1", "5:1"}},
		{"the start is rounded down", 1.9, 6, 60, "TimestampAscending", []string{"1:1", "2:1", "5:1"}},
		{"the end is exclusive", 0, 5, 60, "TimestampAscending", []string{"0:2", "1:1", "2:1"}},
		{"the end is not rounded", 0, 5.001, 60, "TimestampAscending", []string{"0:2", "1:1", "2:1", "5:1"}},
		{"periods of five minutes", 0, 100, 300, "TimestampAscending", []string{"0:4", "5:2", "60:1"}},
		{"periods from the start", 1, 100, 300, "TimestampAscending", []string{"1:3", "6:1", "56:1"}},
		{"the last period is cut", 0, 7, 300, "TimestampAscending", []string{"0:4", "5:1"}},
		{"nothing there", 8, 60, 60, "TimestampAscending", []string{}},
		{"a start fifteen days ago", -16 * 24 * 60, 100, 60, "TimestampAscending", []string{}},
		{"the same by five minutes", -16 * 24 * 60, 100, 300, "TimestampAscending", []string{"0:4", "5:2", "60:1"}},
		{"its start is rounded down to five", -16*24*60 + 4.5, 100, 300, "TimestampAscending", []string{"0:4", "5:2", "60:1"}},
		{"a start 63 days ago", -64 * 24 * 60, 100, 300, "TimestampAscending", []string{}},
		{"the same by hours", -64*24*60 + 59, 100, 3600, "TimestampAscending", []string{"0:6", "60:1"}},
	} {
		out, err := b.monitoring().GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
			MetricDataQueries: []cwtypes.MetricDataQuery{metric("q", "Invocations", "Sum", test.period, "FunctionName", "f")},
			StartTime:         aws.Time(base.Add(time.Duration(test.start * float64(time.Minute)))),
			EndTime:           aws.Time(base.Add(time.Duration(test.end * float64(time.Minute)))),
			ScanBy:            test.scan,
		})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		r := out.MetricDataResults[0]
		if got := seriesText(r, base); !cmp.Equal(got, test.want) || r.StatusCode != "Complete" || out.NextToken != nil {
			t.Errorf("%s: got %v, %s, token %v, want %v", test.name, got, r.StatusCode, out.NextToken, test.want)
		}
	}
}

// Minutes are kept for fifteen days.
func TestMetricsForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	now := time.Now().Truncate(time.Hour)
	count := func() (n float64) {
		t.Helper()
		out, err := b.monitoring().GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
			MetricDataQueries: []cwtypes.MetricDataQuery{metric("q", "Invocations", "Sum", 3600, "FunctionName", "f")},
			StartTime:         aws.Time(now.Add(-100 * 24 * time.Hour)), EndTime: aws.Time(now.Add(2 * time.Hour)),
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range out.MetricDataResults[0].Values {
			n += v
		}
		return n
	}
	b.Serve("f", now.Add(-16*24*time.Hour), time.Second, false)
	b.Serve("f", now.Add(-14*24*time.Hour), time.Second, false)
	if n := count(); n != 2 {
		t.Fatalf("%v invocations, want 2", n)
	}
	b.Serve("f", now, time.Second, false)
	if n := count(); n != 2 {
		t.Errorf("%v invocations, want the 2 of the last fifteen days", n)
	}
}
