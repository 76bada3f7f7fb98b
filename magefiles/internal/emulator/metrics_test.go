package emulator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// metric asks for a metric of Lambda by the hour. Each dimension is a name and a
// value.
func metric(id, name, stat string, dimensions ...string) cwtypes.MetricDataQuery {
	q := cwtypes.MetricDataQuery{Id: &id, MetricStat: &cwtypes.MetricStat{
		Metric: &cwtypes.Metric{Namespace: aws.String("AWS/Lambda"), MetricName: &name},
		Stat:   &stat,
		Period: aws.Int32(3600),
	}}
	for i := 0; i < len(dimensions); i += 2 {
		q.MetricStat.Metric.Dimensions = append(q.MetricStat.Metric.Dimensions,
			cwtypes.Dimension{Name: &dimensions[i], Value: &dimensions[i+1]})
	}
	return q
}

// lastHour asks for the hour around now.
func lastHour(queries ...cwtypes.MetricDataQuery) *cloudwatch.GetMetricDataInput {
	now := time.Now()
	return &cloudwatch.GetMetricDataInput{
		MetricDataQueries: queries, StartTime: aws.Time(now.Add(-30 * time.Minute)), EndTime: aws.Time(now.Add(29 * time.Minute)),
	}
}

// statistic returns a metric of the last hour, which is one data point or none.
func (b *bench) statistic(name, stat string, dimensions ...string) (value float64, ok bool) {
	b.Helper()
	out, err := b.monitoring.GetMetricData(b.Context(), lastHour(metric("q", name, stat, dimensions...)))
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

// none stands for no value.
const none = -1

func (b *bench) wantStatistic(want float64, name, stat string, dimensions ...string) {
	b.Helper()
	if got, ok := b.statistic(name, stat, dimensions...); ok != (want != none) || ok && got != want {
		b.Errorf("%s of %s %v is %v (%t), want %v", stat, name, dimensions, got, ok, want)
	}
}

func TestMetricsOfInvocations(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		b.create(function("g", r, runtimeZip(b, r)))
		b.wantStatistic(none, "Invocations", "Sum", "FunctionName", "f")
		b.invoke("f", event{})
		b.invoke("f:$LATEST", event{Do: "sleep", N: 50})
		b.fail("f", event{Do: "error", Text: "x"})
		b.fail("f", event{Do: "exit"})
		b.invoke("g", event{})

		// None of these reaches the function.
		for _, in := range []*lambda.InvokeInput{
			{FunctionName: aws.String("none")},
			{FunctionName: aws.String("f"), Payload: []byte("{")},
			{FunctionName: aws.String("f"), LogType: "Head"},
			{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeDryRun},
		} {
			b.client.Invoke(b.Context(), in)
		}

		b.wantStatistic(4, "Invocations", "Sum", "FunctionName", "f")
		b.wantStatistic(2, "Errors", "Sum", "FunctionName", "f")
		b.wantStatistic(0, "Errors", "Sum", "FunctionName", "g")
		b.wantStatistic(4, "Duration", "SampleCount", "FunctionName", "f")
		b.wantStatistic(3, "Invocations", "Sum", "FunctionName", "f", "Resource", "f")
		b.wantStatistic(1, "Invocations", "Sum", "Resource", "f:$LATEST", "FunctionName", "f")
		b.wantStatistic(5, "Invocations", "Sum")
		b.wantStatistic(none, "IteratorAge", "Maximum", "FunctionName", "f")
		most, _ := b.statistic("Duration", "Maximum", "FunctionName", "f")
		sum, _ := b.statistic("Duration", "Sum", "FunctionName", "f")
		least, _ := b.statistic("Duration", "Minimum", "FunctionName", "f")
		if most < 50 || most > 3000 || sum < most+least || least < 0 {
			b.Errorf("durations are from %v to %v ms with a sum of %v, want one of at least 50 ms", least, most, sum)
		}

		b.remove("f")
		b.wantStatistic(4, "Invocations", "Sum", "FunctionName", "f")
	})
}

// Timeouts and packages that cannot be started are errors of the function.
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
		t.Errorf("the duration of a timeout after 1 s is %v ms", got)
	}
}

// Each attempt at an asynchronous invocation counts.
func TestMetricsOfEvents(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{}.WithTimes(10*time.Second, time.Millisecond, time.Millisecond))
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	b.sendLater("f", event{Do: "error", Text: "x"})
	eventually(t, "three attempts", func() bool {
		n, _ := b.statistic("Errors", "Sum", "FunctionName", "f")
		return n == 3
	})
	b.wantStatistic(3, "Invocations", "Sum", "FunctionName", "f")
}

// The SDK reads results, pages and errors in CBOR.
func TestMetricDataThroughSDK(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Region: "eu-west-1"})
	b.create(function("f", types.RuntimeProvidedal2023, makeZip(t, file{"x", 0o644, nil})))
	b.fail("f", event{})
	labelled := metric("b", "Invocations", "Maximum", "FunctionName", "f")
	labelled.Label = aws.String("how often")
	in := lastHour(metric("a", "Errors", "Sum", "FunctionName", "f"), labelled)
	in.MaxDatapoints = aws.Int32(1)
	var got []string
	for p := cloudwatch.NewGetMetricDataPaginator(b.monitoring, in); p.HasMorePages(); {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.MetricDataResults {
			got = append(got, fmt.Sprint(*r.Id, ", ", *r.Label, ", ", r.StatusCode, ", ", r.Values))
			if len(r.Timestamps) > 0 && !r.Timestamps[0].Equal(in.StartTime.Truncate(time.Minute)) {
				t.Errorf("timestamps are %v, want %v", r.Timestamps, in.StartTime)
			}
		}
	}
	want := []string{"a, Errors, Complete, [1]", "b, how often, PartialData, []", "a, Errors, Complete, []", "b, how often, Complete, [1]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	in.NextToken = aws.String("!")
	_, err := b.monitoring.GetMetricData(t.Context(), in)
	wantError(t, err, 400, "InvalidNextToken", "The next token specified is invalid.")
	if _, ok := errors.AsType[*cwtypes.InvalidNextToken](err); !ok {
		t.Errorf("%v is not the SDK's InvalidNextToken", err)
	}
	_, err = b.monitoring.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{})
	wantError(t, err, 404, "UnknownOperationException", "the emulator does not implement POST /service/GraniteServiceVersion20100801/operation/ListMetrics")
	if calls := b.Calls()["GetMetricData"]; calls != 3 {
		t.Errorf("%d calls of GetMetricData, want 3", calls)
	}
}

func TestMetricDataSignature(t *testing.T) {
	t.Parallel()
	b, other := newBench(t, emulator.Options{}), newBench(t, emulator.Options{})
	config := b.Config()
	config.Credentials = other.Config().Credentials
	_, err := cloudwatch.NewFromConfig(config).GetMetricData(t.Context(), lastHour(metric("q", "Errors", "Sum")))
	wantError(t, err, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	response := signed{method: "POST", path: "/", body: "{}", header: map[string]string{"X-Amz-Target": "GraniteServiceVersion20100801.GetMetricData"}}.do(t, b)
	if body := bodyOf(t, response); !strings.Contains(body, "Credential should be scoped to correct service: 'monitoring'.") {
		t.Error(body)
	}
}

// In awsJson, as in CBOR, results and their pages are complete.
func TestMetricDataJSON(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	for _, name := range []string{"f", "g"} {
		b.create(function(name, types.RuntimeProvidedal2023, makeZip(t, file{"x", 0o644, nil})))
		b.fail(name, event{})
	}
	start := time.Now().Add(-30 * time.Minute).Truncate(time.Minute).Unix()
	const query = `{"Id":%q,"MetricStat":{"Metric":{"Namespace":"AWS/Lambda","MetricName":"Errors","Dimensions":[{"Name":"FunctionName","Value":%[1]q}]},"Period":3600,"Stat":"Sum"}}`
	response := signed{method: "POST", path: "/", service: "monitoring", header: map[string]string{"X-Amz-Target": "GraniteServiceVersion20100801.GetMetricData"},
		body: fmt.Sprintf(`{"StartTime":%d,"EndTime":%d.5,"MaxDatapoints":1,"MetricDataQueries":[%s,%s]}`, start, start+3500, fmt.Sprintf(query, "f"), fmt.Sprintf(query, "g"))}.do(t, b)
	var got struct {
		MetricDataResults []struct {
			Id, Label, StatusCode string
			Timestamps, Values    []float64
		}
		Messages  []any
		NextToken string
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	r := got.MetricDataResults
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/x-amz-json-1.0" ||
		len(r) != 2 || r[0].StatusCode != "Complete" || r[1].StatusCode != "PartialData" || got.NextToken == "" || got.Messages == nil ||
		!cmp.Equal(r[0].Timestamps, []float64{float64(start)}) || !cmp.Equal(r[0].Values, []float64{1}) {
		t.Errorf("%s, %v: %+v", response.Status, response.Header, got)
	}
}

// The answer to a CBOR request is CBOR, whatever the request contains.
func TestMetricDataCBOR(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	send := func(body string) (status int, message cbor.String) {
		t.Helper()
		response := signed{method: "POST", path: "/service/GraniteServiceVersion20100801/operation/GetMetricData", service: "monitoring", body: body,
			header: map[string]string{"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}}.do(t, b)
		answer, err := cbor.Decode([]byte(bodyOf(t, response)))
		if err != nil || response.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
			t.Errorf("%q: %s, %v, %v", body, response.Status, answer, err)
			return response.StatusCode, ""
		}
		message, _ = answer.(cbor.Map)["message"].(cbor.String)
		return response.StatusCode, message
	}
	for _, body := range []cbor.Value{
		cbor.Map{}, cbor.List{}, cbor.Uint(1), &cbor.Nil{}, &cbor.Undefined{}, cbor.Slice{1}, cbor.Bool(true),
		cbor.Map{"StartTime": &cbor.Tag{ID: 1, Value: cbor.NegInt(5)}, "MetricDataQueries": cbor.List{cbor.Map{"Id": &cbor.Nil{}}}},
		cbor.Map{"MaxDatapoints": cbor.NegInt(0)}, cbor.Map{"MaxDatapoints": cbor.Uint(1 << 63)}, cbor.Map{"MaxDatapoints": cbor.Float32(1.5)},
	} {
		if status, message := send(string(cbor.Encode(body))); status != 400 || message == "" {
			t.Errorf("%v: %d, %q", body, status, message)
		}
	}
	negative := cbor.Map{
		"StartTime": &cbor.Tag{ID: 1, Value: cbor.Uint(1)}, "EndTime": &cbor.Tag{ID: 1, Value: cbor.Float64(2.5)},
		"MetricDataQueries": cbor.List{cbor.Map{"Id": cbor.String("q")}}, "MaxDatapoints": cbor.NegInt(1),
	}
	if _, message := send(string(cbor.Encode(negative))); message != "The parameter MaxDatapoints must be greater than or equal to 1." {
		t.Errorf("MaxDatapoints -1: %q", message)
	}
	if status, message := send("\x1f"); status != 400 || message == "" {
		t.Errorf("a body that is not CBOR: %d, %q", status, message)
	}
}
