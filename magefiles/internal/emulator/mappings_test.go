package emulator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dualboot/magefiles/internal/emulator"
)

const (
	kinesisARN = "arn:aws:kinesis:us-east-1:123456789012:stream/orders"
	queueARN   = "arn:aws:sqs:us-east-1:123456789012:mail"
)

// mapSource maps an event source to a function.
func (b *bench) mapSource(function, source string, position types.EventSourcePosition) *lambda.CreateEventSourceMappingOutput {
	b.Helper()
	out, err := b.client.CreateEventSourceMapping(b.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: &function, EventSourceArn: &source, StartingPosition: position,
	})
	if err != nil {
		b.Fatalf("mapping %s to %s: %v", source, function, err)
	}
	return out
}

// enable enables or disables a mapping.
func (b *bench) enable(id *string, enabled bool) {
	b.Helper()
	if _, err := b.client.UpdateEventSourceMapping(b.Context(), &lambda.UpdateEventSourceMappingInput{UUID: id, Enabled: &enabled}); err != nil {
		b.Fatal(err)
	}
}

// The SDK reads the settings of a mapping as it has written them.
func TestMappingSettings(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.publish("1")
	b.alias("live", "1", nil)
	at := time.Now().Add(-time.Hour).Truncate(time.Second).UTC()
	in := &lambda.CreateEventSourceMappingInput{
		FunctionName:                   aws.String("123456789012:function:f:live"),
		EventSourceArn:                 aws.String(kinesisARN),
		Enabled:                        aws.Bool(false),
		StartingPosition:               "AT_TIMESTAMP",
		StartingPositionTimestamp:      &at,
		BatchSize:                      aws.Int32(10000),
		MaximumBatchingWindowInSeconds: aws.Int32(300),
		ParallelizationFactor:          aws.Int32(10),
		MaximumRecordAgeInSeconds:      aws.Int32(60),
		MaximumRetryAttempts:           aws.Int32(0),
		TumblingWindowInSeconds:        aws.Int32(900),
		BisectBatchOnFunctionError:     aws.Bool(true),
		DestinationConfig:              &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String(queueARN)}},
		FunctionResponseTypes:          []types.FunctionResponseType{"ReportBatchItemFailures"},
		FilterCriteria:                 &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"data":{"a":[1]}}`)}}},
	}
	created, err := b.client.CreateEventSourceMapping(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(*created.LastModified); age < -time.Second || age > time.Minute {
		t.Errorf("LastModified is %s", created.LastModified)
	}
	got, err := b.client.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: created.UUID})
	if err != nil {
		t.Fatal(err)
	}
	want := &lambda.GetEventSourceMappingOutput{
		UUID:                           created.UUID,
		EventSourceMappingArn:          aws.String("arn:aws:lambda:us-east-1:123456789012:event-source-mapping:" + *created.UUID),
		LastModified:                   created.LastModified,
		FunctionArn:                    aws.String(arnOfF + ":live"),
		EventSourceArn:                 in.EventSourceArn,
		StartingPosition:               in.StartingPosition,
		StartingPositionTimestamp:      in.StartingPositionTimestamp,
		BatchSize:                      in.BatchSize,
		MaximumBatchingWindowInSeconds: in.MaximumBatchingWindowInSeconds,
		ParallelizationFactor:          in.ParallelizationFactor,
		MaximumRecordAgeInSeconds:      in.MaximumRecordAgeInSeconds,
		MaximumRetryAttempts:           in.MaximumRetryAttempts,
		TumblingWindowInSeconds:        in.TumblingWindowInSeconds,
		BisectBatchOnFunctionError:     in.BisectBatchOnFunctionError,
		DestinationConfig:              in.DestinationConfig,
		FunctionResponseTypes:          in.FunctionResponseTypes,
		FilterCriteria:                 in.FilterCriteria,
		LastProcessingResult:           aws.String("No records processed"),
		State:                          aws.String("Disabled"),
		StateTransitionReason:          aws.String("User action"),
	}
	diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(middleware.Metadata{}),
		cmpopts.IgnoreUnexported(lambda.GetEventSourceMappingOutput{}, types.DestinationConfig{}, types.OnFailure{}, types.FilterCriteria{}, types.Filter{}))
	if diff != "" {
		t.Errorf("mapping (-want +got):\n%s", diff)
	}
}

// An update of a mapping takes a while, and another one is refused meanwhile.
func TestUpdateMapping(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{UpdateTime: time.Second})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.create(function("g", types.RuntimeGo1x, smallZip(t)))
	id, to := b.mapSource("f", kinesisARN, "LATEST").UUID, b.mapSource("g", queueARN, "")
	update := func(function string) error {
		_, err := b.client.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: id, FunctionName: &function})
		return err
	}
	if err := update("g"); err != nil {
		t.Fatal(err)
	}
	var inUse *types.ResourceInUseException
	if err := update("f"); !errors.As(err, &inUse) {
		t.Errorf("an update during an update: %v", err)
	}
	for ; ; time.Sleep(10 * time.Millisecond) {
		out, err := b.client.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: id})
		if err != nil {
			t.Fatal(err)
		}
		if *out.FunctionArn != *to.FunctionArn || *out.State != "Updating" && *out.State != "Enabled" {
			t.Errorf("the mapping is %s and invokes %s", *out.State, *out.FunctionArn)
		}
		if *out.State == "Enabled" {
			break
		}
	}
	if err := update("f"); err != nil {
		t.Error(err)
	}
}

func TestListMappings(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.publish("1")
	b.alias("live", "1", nil)
	b.create(function("g", types.RuntimeGo1x, smallZip(t)))
	for i := range 101 {
		b.mapSource("f", fmt.Sprint(queueARN, i), "")
	}
	b.mapSource("f:live", queueARN+"0", "")
	b.mapSource("g", queueARN+"0", "")

	for _, test := range []struct {
		function, source string
		max              int32
		want             []int // by page
	}{
		{"", "", 0, []int{100, 3}},
		{"", "", 10000, []int{100, 3}},
		{"", "", 51, []int{51, 51, 1}},
		{"f", "", 0, []int{100, 1}},
		{arnOfF + ":live", "", 0, []int{1}},
		{"g", "", 1, []int{1}},
		{"none", "", 0, []int{0}},
		{"", queueARN + "0", 2, []int{2, 1}},
		{"", queueARN, 0, []int{0}},
		{"g", queueARN + "0", 0, []int{1}},
		{"g", queueARN + "1", 0, []int{0}},
	} {
		given := func(s string) *string {
			if s == "" {
				return nil
			}
			return &s
		}
		in := &lambda.ListEventSourceMappingsInput{FunctionName: given(test.function), EventSourceArn: given(test.source)}
		if test.max != 0 {
			in.MaxItems = &test.max
		}
		var got []int
		seen := map[string]bool{}
		for paginator := lambda.NewListEventSourceMappingsPaginator(b.client, in); paginator.HasMorePages(); {
			out, err := paginator.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, len(out.EventSourceMappings))
			for _, m := range out.EventSourceMappings {
				if seen[*m.UUID] || *m.State != "Enabled" {
					t.Errorf("%s is %s, listed before: %t", *m.UUID, *m.State, seen[*m.UUID])
				}
				seen[*m.UUID] = true
			}
		}
		if !cmp.Equal(got, test.want) {
			t.Errorf("%+v: pages of %v", test, got)
		}
	}
}

// kinesisEvent returns an event with records of the given arrival times.
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
	count := func(want float64) {
		t.Helper()
		b.wantStatistic(want, "IteratorAge", "SampleCount", "FunctionName", "f")
	}

	b.sendRaw("f", kinesisEvent(kinesisARN, ago(5))) // before there is a mapping
	m := b.mapSource("f", kinesisARN, "LATEST")
	b.mapSource("f", queueARN, "")
	b.sendRaw("g", kinesisEvent(kinesisARN, ago(5)))
	b.sendRaw("f", kinesisEvent(kinesisARN+"2", ago(5)))
	b.sendRaw("f", kinesisEvent(queueARN, ago(5)))
	b.sendRaw("f", kinesisEvent(kinesisARN))
	b.sendRaw("f", kinesisEvent(kinesisARN, 0))
	b.sendRaw("f", []byte(`{"Records":[{"eventSourceARN":"`+kinesisARN+`","kinesis":{"approximateArrivalTimestamp":1e300}}]}`))
	b.sendRaw("f", []byte(`{"Records":"`+kinesisARN+`"}`))
	b.sendRaw("f", []byte(`[]`))
	b.wantStatistic(none, "IteratorAge", "SampleCount") // of all functions

	b.sendRaw("f", kinesisEvent(kinesisARN, ago(100), ago(5.5)))
	count(1)
	if age, _ := b.statistic("IteratorAge", "Sum", "FunctionName", "f"); age < 5499 || age > 15000 {
		t.Errorf("the iterator age is %v ms, want a little over 5500", age)
	}
	b.sendRaw("f", kinesisEvent(kinesisARN, ago(-100))) // from a clock that is ahead
	count(2)
	b.wantStatistic(0, "IteratorAge", "Minimum", "FunctionName", "f")

	b.enable(m.UUID, false)
	b.sendRaw("f", kinesisEvent(kinesisARN, ago(5)))
	count(2)
}

// The sample functions' events have times as Kinesis and DynamoDB write them.
func TestIteratorAgeOfSamples(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t), timeout(30)))
	for _, test := range []struct {
		sample, stream string
		last           time.Time
	}{
		{"order-stream", "arn:aws:kinesis:ap-northeast-1:123456789012:stream/orders", time.UnixMilli(1706756646402)},
		{"inventory-table", "arn:aws:dynamodb:ap-northeast-1:123456789012:table/inventory/stream/2024-01-15T00:00:00.000", time.Unix(1706756645, 0)},
	} {
		payload, err := os.ReadFile(filepath.Join("../../../functions", test.sample, "testdata/event.json"))
		if err != nil {
			t.Fatal(err)
		}
		b.mapSource("f", test.stream, "LATEST")
		before, _ := b.statistic("IteratorAge", "Sum", "FunctionName", "f")
		least := float64(time.Since(test.last).Milliseconds()) - 1
		b.sendRaw("f", payload)
		sum, _ := b.statistic("IteratorAge", "Sum", "FunctionName", "f")
		if age := sum - before; age < least || age > least+30000 {
			t.Errorf("the age of the last record of %s is %v ms, want a little over %v", test.sample, age, least)
		}
	}
}
