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
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// hours are the times of a request about the last five.
func hours() (start, end *time.Time) {
	now := time.Now().Truncate(time.Hour)
	return aws.Time(now.Add(-5 * time.Hour)), aws.Time(now.Add(time.Hour))
}

func TestMetricDataResults(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Region: "eu-west-1"})
	start, end := hours()
	b.Serve("f", start.Add(time.Minute), 1500*time.Millisecond, true)

	labelled := metric("b", "Duration", "Maximum", 60, "FunctionName", "f")
	labelled.Label = aws.String("how long")
	unreturned := metric("c", "Errors", "Sum", 60, "FunctionName", "f")
	unreturned.ReturnData = aws.Bool(false)
	unit := metric("d", "Duration", "Sum", 60, "FunctionName", "f")
	unit.MetricStat.Unit = cwtypes.StandardUnitMilliseconds
	otherUnit := metric("e", "Duration", "Sum", 60, "FunctionName", "f")
	otherUnit.MetricStat.Unit = cwtypes.StandardUnitSeconds
	elsewhere := metric("f", "Errors", "Sum", 60, "FunctionName", "f")
	elsewhere.MetricStat.Metric.Namespace = aws.String("AWS/Lambada")
	out, err := b.monitoring().GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		MetricDataQueries: []cwtypes.MetricDataQuery{metric("a", "Errors", "Sum", 60, "FunctionName", "f"), labelled, unreturned, unit, otherUnit, elsewhere},
		StartTime:         start, EndTime: end,
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range out.MetricDataResults {
		got = append(got, fmt.Sprint(*r.Id, ", ", *r.Label, ", ", r.StatusCode, ", ", seriesText(r, *start)))
	}
	want := []string{"a, Errors, Complete, [1:1]", "b, how long, Complete, [1:1500]", "d, Duration, Complete, [1:1500]", "e, Duration, Complete, []", "f, Errors, Complete, []"}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if calls := b.Calls(); !cmp.Equal(calls, map[string]int{"GetMetricData": 1}) {
		t.Errorf("calls are %v", calls)
	}
}

func TestMetricDataPages(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	start, end := hours()
	for minute := range 7 {
		b.Serve("f", start.Add(time.Duration(minute)*time.Minute), time.Second, false)
	}
	b.Serve("h", *start, time.Second, false)
	for _, scan := range []cwtypes.ScanBy{"", "TimestampAscending"} {
		for size := int32(1); size <= 16; size++ {
			in := &cloudwatch.GetMetricDataInput{
				MetricDataQueries: []cwtypes.MetricDataQuery{
					metric("f", "Invocations", "Sum", 60, "FunctionName", "f"),
					metric("none", "Invocations", "Sum", 60, "FunctionName", "none"),
					metric("g", "Duration", "Sum", 60, "FunctionName", "f"),
					metric("h", "Duration", "Sum", 60, "FunctionName", "h"),
				},
				StartTime: start, EndTime: end, ScanBy: scan, MaxDatapoints: &size,
			}
			var pages int
			got := map[string][]string{}
			for paginator := cloudwatch.NewGetMetricDataPaginator(b.monitoring(), in); paginator.HasMorePages(); pages++ {
				out, err := paginator.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var n int
				for _, r := range out.MetricDataResults {
					got[*r.Id] = append(got[*r.Id], seriesText(r, *start)...)
					n += len(r.Values)
					if complete := r.StatusCode == "Complete"; complete != (len(got[*r.Id]) == map[string]int{"f": 7, "g": 7, "h": 1}[*r.Id]) {
						t.Errorf("%d a page: %s is %s with %v", size, *r.Id, r.StatusCode, got[*r.Id])
					}
				}
				if n != int(size) && out.NextToken != nil {
					t.Errorf("%d a page: one has %d", size, n)
				}
				// What is served meanwhile moves nothing.
				b.Serve("f", start.Add(-time.Hour), time.Second, false)
			}
			if want := (15 + int(size) - 1) / int(size); pages != want {
				t.Errorf("%d a page: %d pages, want %d", size, pages, want)
			}
			want := map[string][]string{"f": {"6:1", "5:1", "4:1", "3:1", "2:1", "1:1", "0:1"}, "g": {"6:1000", "5:1000", "4:1000", "3:1000", "2:1000", "1:1000", "0:1000"}, "h": {"0:1000"}}
			if scan != "" {
				want["f"] = []string{"0:1", "1:1", "2:1", "3:1", "4:1", "5:1", "6:1"}
				want["g"] = []string{"0:1000", "1:1000", "2:1000", "3:1000", "4:1000", "5:1000", "6:1000"}
			}
			delete(got, "none")
			if !cmp.Equal(got, want) {
				t.Errorf("%d a page, %q: %s", size, scan, cmp.Diff(want, got))
			}
		}
	}
}

func TestMetricDataRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	start, end := hours()
	edited := func(edit func(*cwtypes.MetricDataQuery)) func(*cloudwatch.GetMetricDataInput) {
		return func(in *cloudwatch.GetMetricDataInput) { edit(&in.MetricDataQueries[0]) }
	}
	for _, test := range []struct {
		edit          func(*cloudwatch.GetMetricDataInput)
		code, message string
	}{
		{func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries = []cwtypes.MetricDataQuery{} }, "ValidationError", "The parameter MetricDataQueries is required."},
		{func(in *cloudwatch.GetMetricDataInput) {
			for i := range 500 {
				in.MetricDataQueries = append(in.MetricDataQueries, metric(fmt.Sprint("q", i), "Errors", "Sum", 60))
			}
		}, "ValidationError", "The collection MetricDataQueries must not have a size greater than 500."},
		{func(in *cloudwatch.GetMetricDataInput) {
			in.MetricDataQueries = append(in.MetricDataQueries, in.MetricDataQueries[0])
		}, "ValidationError", "The id 'q' is used more than once."},
		{func(in *cloudwatch.GetMetricDataInput) { in.StartTime, in.EndTime = in.EndTime, in.StartTime }, "ValidationError", "The parameter StartTime must be less than the parameter EndTime."},
		{func(in *cloudwatch.GetMetricDataInput) { in.StartTime = in.EndTime }, "ValidationError", "The parameter StartTime must be less than the parameter EndTime."},
		{func(in *cloudwatch.GetMetricDataInput) { in.StartTime = aws.Time(time.Unix(-1, 0)) }, "ValidationError", "The parameters StartTime and EndTime must be between the years 1970 and 9999."},
		{func(in *cloudwatch.GetMetricDataInput) { in.MaxDatapoints = aws.Int32(0) }, "ValidationError", "The parameter MaxDatapoints must be greater than or equal to 1."},
		{func(in *cloudwatch.GetMetricDataInput) { in.ScanBy = "Sideways" }, "ValidationError", "The parameter ScanBy must be TimestampDescending or TimestampAscending."},
		{func(in *cloudwatch.GetMetricDataInput) { in.NextToken = aws.String("!") }, "InvalidNextToken", "The next token specified is invalid."},
		{func(in *cloudwatch.GetMetricDataInput) { in.NextToken = aws.String("e30x") }, "InvalidNextToken", "The next token specified is invalid."},
		{func(in *cloudwatch.GetMetricDataInput) {
			in.LabelOptions = &cwtypes.LabelOptions{Timezone: aws.String("+0900")}
		}, "InvalidParameterValueException", `request member "LabelOptions" is not implemented by the emulator`},
		{edited(func(q *cwtypes.MetricDataQuery) { q.Id = aws.String("Q") }), "ValidationError", "The id 'Q' must begin with a lower-case letter and have up to 255 letters, digits and underscores."},
		{edited(func(q *cwtypes.MetricDataQuery) { q.MetricStat = nil }), "ValidationError", "Query 'q' must have either MetricStat or Expression."},
		{edited(func(q *cwtypes.MetricDataQuery) { q.Expression, q.MetricStat = aws.String("1"), nil }), "InvalidParameterValueException", "Expression, of query 'q', is not implemented by the emulator"},
		{edited(func(q *cwtypes.MetricDataQuery) { q.Label = aws.String("${MAX}") }), "InvalidParameterValueException", "a dynamic label, of query 'q', is not implemented by the emulator"},
		{edited(func(q *cwtypes.MetricDataQuery) { q.MetricStat.Metric.MetricName = nil }), "ValidationError", "The metric of query 'q' must have Namespace and MetricName."},
		{edited(func(q *cwtypes.MetricDataQuery) { q.MetricStat.Period = aws.Int32(90) }), "ValidationError", "The period of query 'q' must be a multiple of 60."},
		{edited(func(q *cwtypes.MetricDataQuery) { q.MetricStat.Period = aws.Int32(0) }), "ValidationError", "The period of query 'q' must be a multiple of 60."},
		{edited(func(q *cwtypes.MetricDataQuery) { q.MetricStat.Period = aws.Int32(-60) }), "ValidationError", "The period of query 'q' must be a multiple of 60."},
		{edited(func(q *cwtypes.MetricDataQuery) { q.MetricStat.Stat = aws.String("p99") }), "InvalidParameterValueException", "statistic 'p99', of query 'q', is not implemented by the emulator"},
		{edited(func(q *cwtypes.MetricDataQuery) {
			q.MetricStat.Metric.Dimensions = []cwtypes.Dimension{{Name: aws.String("ExecutedVersion"), Value: aws.String("1")}}
		}), "InvalidParameterValueException", "dimension ExecutedVersion, of query 'q', is not implemented by the emulator"},
		{edited(func(q *cwtypes.MetricDataQuery) { q.AccountId = aws.String("123456789012") }), "InvalidParameterValueException", `request member "AccountId" is not implemented by the emulator`},
	} {
		in := &cloudwatch.GetMetricDataInput{
			MetricDataQueries: []cwtypes.MetricDataQuery{metric("q", "Errors", "Sum", 60)},
			StartTime:         start, EndTime: end,
		}
		test.edit(in)
		_, err := b.monitoring().GetMetricData(t.Context(), in)
		wantError(t, err, 400, test.code, test.message)
	}
	var token *cwtypes.InvalidNextToken
	_, err := b.monitoring().GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		MetricDataQueries: []cwtypes.MetricDataQuery{metric("q", "Errors", "Sum", 60)},
		StartTime:         start, EndTime: end, NextToken: aws.String("!"),
	})
	if !errors.As(err, &token) {
		t.Errorf("%v is not the SDK's InvalidNextToken", err)
	}
	_, err = b.monitoring().ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{})
	wantError(t, err, 404, "UnknownOperationException", "the emulator does not implement POST /service/GraniteServiceVersion20100801/operation/ListMetrics")
}

func TestMetricDataSignature(t *testing.T) {
	t.Parallel()
	b, other := newBench(t, emulator.Options{}), newBench(t, emulator.Options{})
	config := b.Config()
	config.Credentials = other.Config().Credentials
	client := cloudwatch.NewFromConfig(config, func(o *cloudwatch.Options) { o.RetryMaxAttempts = 1 })
	start, end := hours()
	_, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		MetricDataQueries: []cwtypes.MetricDataQuery{metric("q", "Errors", "Sum", 60)},
		StartTime:         start, EndTime: end,
	})
	wantError(t, err, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")

	if body := bodyOf(t, metricDataJSON("lambda", "{}").do(t, b)); !strings.Contains(body, "Credential should be scoped to correct service: 'monitoring'.") {
		t.Error(body)
	}
}

// metricDataJSON is a request in awsJson 1.0.
func metricDataJSON(service, body string) signed {
	return signed{path: "/", service: service, body: body, header: map[string]string{
		"Content-Type": "application/x-amz-json-1.0",
		"X-Amz-Target": "GraniteServiceVersion20100801.GetMetricData",
	}}
}

func TestMetricDataJSON(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	start, end := hours()
	b.Serve("f", *start, time.Second, false)
	b.Serve("f", start.Add(time.Minute), time.Second, false)
	response := metricDataJSON("monitoring", fmt.Sprintf(`{"StartTime":%d,"EndTime":%d.5,"MaxDatapoints":1,"MetricDataQueries":[{"Id":"q","MetricStat":{"Metric":{"Namespace":"AWS/Lambda","MetricName":"Duration"},"Period":60,"Stat":"Sum"}}]}`, start.Unix(), end.Unix())).do(t, b)
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
	if r := got.MetricDataResults; response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/x-amz-json-1.0" ||
		len(r) != 1 || r[0].Id != "q" || r[0].StatusCode != "PartialData" || got.NextToken == "" || got.Messages == nil ||
		!cmp.Equal(r[0].Timestamps, []float64{float64(start.Unix() + 60)}) || !cmp.Equal(r[0].Values, []float64{1000}) {
		t.Errorf("%s, %v: %+v", response.Status, response.Header, got)
	}

	response = metricDataJSON("monitoring", `{"NextToken":"x"}`).do(t, b)
	if body := bodyOf(t, response); response.StatusCode != 400 || body != `{"__type":"ValidationError","message":"The parameter MetricDataQueries is required."}` ||
		response.Header.Get("X-Amzn-Query-Error") != "ValidationError;Sender" || response.Header.Get("Content-Type") != "application/x-amz-json-1.0" {
		t.Errorf("%s, %v: %s", response.Status, response.Header, body)
	}
}

// Whatever its body is, a CBOR request is answered in CBOR.
func TestMetricDataCBOR(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	for _, body := range []cbor.Value{
		cbor.Map{}, cbor.List{}, cbor.Uint(1), &cbor.Nil{}, &cbor.Undefined{}, cbor.Slice{1}, cbor.Bool(true),
		cbor.Map{"StartTime": &cbor.Tag{ID: 1, Value: cbor.NegInt(5)}, "MetricDataQueries": cbor.List{cbor.Map{"Id": &cbor.Nil{}}}},
		cbor.Map{"MaxDatapoints": cbor.NegInt(0)}, cbor.Map{"MaxDatapoints": cbor.Uint(1 << 63)}, cbor.Map{"MaxDatapoints": cbor.Float32(1.5)},
	} {
		response := signed{path: "/service/GraniteServiceVersion20100801/operation/GetMetricData", service: "monitoring", body: string(cbor.Encode(body)),
			header: map[string]string{"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}}.do(t, b)
		answer, err := cbor.Decode([]byte(bodyOf(t, response)))
		message, _ := answer.(cbor.Map)["message"].(cbor.String)
		if err != nil || response.StatusCode != 400 || message == "" || response.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
			t.Errorf("%v: %s, %v, %v", body, response.Status, answer, err)
		}
	}
	response := signed{path: "/service/GraniteServiceVersion20100801/operation/GetMetricData", service: "monitoring", body: "\x1f",
		header: map[string]string{"Smithy-Protocol": "rpc-v2-cbor"}}.do(t, b)
	if response.StatusCode != 400 || response.Header.Get("X-Amzn-Query-Error") != "SerializationException;Sender" {
		t.Errorf("%s, %v", response.Status, response.Header)
	}
}
