package health

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
)

// utc parses "2026-11-22 10:00:30".
func utc(s string) time.Time {
	t, err := time.Parse(time.DateTime, s)
	if err != nil {
		panic(err)
	}
	return t
}

// changed returns the state of a function that was changed at that time.
func changed(function string, at, now time.Time) lambda.State {
	return lambda.State{Function: function, Modified: at, Age: now.Sub(at)}
}

var errRefused = errors.New("connection refused")

// prepared is an HTTP client that returns prepared answers, and then the last one
// again.
type prepared struct {
	status  int // of HTTP; 0 fails the connection
	answers []cbor.Map
	calls   int
}

func (p *prepared) Do(*http.Request) (*http.Response, error) {
	p.calls++
	if p.status == 0 {
		return nil, errRefused
	}
	answer := p.answers[min(p.calls, len(p.answers))-1]
	return &http.Response{
		StatusCode: p.status,
		Header:     http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}, "Content-Type": {"application/cbor"}},
		Body:       io.NopCloser(bytes.NewReader(cbor.Encode(answer))),
	}, nil
}

func (p *prepared) client() *cloudwatch.Client {
	return cloudwatch.NewFromConfig(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""), HTTPClient: p, RetryMaxAttempts: 1,
	})
}

// series are the values of a metric by time.
type series map[string]float64

// result is the result for a metric with the ID.
func result(id, status string, values series) cbor.Map {
	timestamps, list := cbor.List{}, cbor.List{}
	for at, value := range values {
		timestamps = append(timestamps, &cbor.Tag{ID: 1, Value: cbor.Uint(utc(at).Unix())})
		list = append(list, cbor.Float64(value))
	}
	return cbor.Map{"Id": cbor.String(id), "StatusCode": cbor.String(status), "Timestamps": timestamps, "Values": list}
}

// answer is a complete answer with one invocation, changed by edit.
func answer(edit func(answer cbor.Map, results cbor.List)) cbor.Map {
	results := cbor.List{result("invocations", "Complete", series{"2026-11-22 10:02:00": 1})}
	for _, id := range []string{"errors", "throttles", "duration", "iteratorage"} {
		results = append(results, result(id, "Complete", nil))
	}
	a := cbor.Map{"MetricDataResults": results}
	edit(a, results)
	return a
}

func messages(code, value string) cbor.List {
	return cbor.List{cbor.Map{"Code": cbor.String(code), "Value": cbor.String(value)}}
}

// TestFigures compares with figures that the emulator cannot produce exactly.
func TestFigures(t *testing.T) {
	p := &prepared{status: 200, answers: []cbor.Map{answer(func(_ cbor.Map, results cbor.List) {
		results[0] = result("invocations", "Complete", series{
			"2026-11-22 09:56:00": 1000, // before the span
			"2026-11-22 09:57:00": 2,
			"2026-11-22 09:59:00": 4,
			"2026-11-22 10:00:00": 1000, // in the minute of the change
			"2026-11-22 10:01:00": 8,
			"2026-11-22 10:03:00": 16,
			"2026-11-22 10:04:00": 1000, // in the current minute
		})
		results[1] = result("errors", "Complete", series{"2026-11-22 10:00:00": 1000, "2026-11-22 10:02:00": 3})
		results[2] = result("throttles", "Complete", series{"2026-11-22 09:58:00": 5})
		results[3] = result("duration", "Complete", series{"2026-11-22 09:57:00": 10, "2026-11-22 09:59:00": 50, "2026-11-22 10:02:00": 36})
		results[4] = result("iteratorage", "Complete", series{"2026-11-22 09:59:00": 0, "2026-11-22 10:01:00": 1200, "2026-11-22 10:02:00": 90_000.5})
	})}}
	got, err := Compare(t.Context(), p.client(), changed("f", utc("2026-11-22 10:00:30"), utc("2026-11-22 10:04:59")))
	if err != nil {
		t.Fatal(err)
	}
	want := Comparison{
		Function: "f",
		Changed:  utc("2026-11-22 10:00:30"),
		Before: Figures{
			From: utc("2026-11-22 09:57:00"), To: utc("2026-11-22 10:00:00"),
			Invocations: 6, Throttles: 5, Duration: 10 * time.Millisecond, Stream: true,
		},
		After: Figures{
			From: utc("2026-11-22 10:01:00"), To: utc("2026-11-22 10:04:00"),
			Invocations: 24, Errors: 3, Duration: 1500 * time.Microsecond,
			IteratorAge: 90*time.Second + 500*time.Microsecond, Stream: true,
		},
		Problems: []string{"errors rose from 0 of 6 (0 %) to 3 of 24 (12.5 %)", "the iterator age rose from 0s to 1m30s"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestErrors(t *testing.T) {
	status := func(code string) func(cbor.Map, cbor.List) {
		return func(_ cbor.Map, results cbor.List) {
			r := result("errors", code, nil)
			r["Messages"] = messages("Busy", "try later")
			results[1] = r
		}
	}
	type edit = func(answer cbor.Map, results cbor.List)
	for _, test := range []struct {
		name   string
		status int
		edit   edit
		want   string
		calls  int
	}{
		{"no connection", 0, func(cbor.Map, cbor.List) {}, "connection refused", 1},
		{
			"denied", 403, func(a cbor.Map, _ cbor.List) {
				a["__type"], a["message"] = cbor.String("com.amazon.coral.service#AccessDenied"), cbor.String("User is not authorized")
			},
			"AccessDenied: User is not authorized", 1,
		},
		{
			"denied, with the code of another protocol", 403, func(a cbor.Map, _ cbor.List) {
				a["__type"], a["message"] = cbor.String("com.amazon.coral.service#AccessDeniedException"), cbor.String("no")
			},
			"AccessDeniedException: no", 1,
		},
		{"partial", 200, status("PartialData"), "the answer for Errors is PartialData (Busy: try later); run the command again", 1},
		{"internal error", 200, status("InternalError"), "the answer for Errors is InternalError (Busy: try later); run the command again", 1},
		{
			"endless pages", 200, func(a cbor.Map, results cbor.List) {
				status("PartialData")(a, results)
				a["NextToken"] = cbor.String("0")
			},
			"the answer for Errors is PartialData (Busy: try later); run the command again", 2,
		},
		{
			"message", 200, func(a cbor.Map, _ cbor.List) { a["Messages"] = messages("Limit", "too many") },
			"the answer is incomplete (Limit: too many); run the command again", 1,
		},
		{
			"missing metric", 200, func(a cbor.Map, results cbor.List) { a["MetricDataResults"] = results[:4] },
			"the answer lacks IteratorAge; run the command again", 1,
		},
		{
			"no values", 200, func(_ cbor.Map, results cbor.List) { results[0].(cbor.Map)["Values"] = cbor.List{} },
			"the answer has 1 timestamp for 0 values; is there a proxy in between?", 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &prepared{status: test.status, answers: []cbor.Map{answer(test.edit)}}
			got, err := Compare(t.Context(), p.client(), changed("f", utc("2026-11-22 10:00:30"), utc("2026-11-22 10:04:00")))
			const begin = "reading CloudWatch's metrics from 2026-11-22 09:57 UTC to 2026-11-22 10:04 UTC: "
			if err == nil || !strings.HasPrefix(err.Error(), begin) || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s…%s", err, begin, test.want)
			}
			if test.status == 0 && !errors.Is(err, errRefused) {
				t.Error("the error does not wrap its cause")
			}
			if !got.After.To.IsZero() || got.Problems != nil {
				t.Errorf("got %+v with the error", got)
			}
			if p.calls != test.calls {
				t.Errorf("%d calls, want %d", p.calls, test.calls)
			}
		})
	}
}

// TestInternalErrorOnAPage follows the token of a metric that failed at first.
func TestInternalErrorOnAPage(t *testing.T) {
	p := &prepared{status: 200, answers: []cbor.Map{
		answer(func(a cbor.Map, results cbor.List) {
			results[0] = result("invocations", "InternalError", nil)
			a["NextToken"] = cbor.String("0")
		}),
		answer(func(cbor.Map, cbor.List) {}),
	}}
	got, err := Compare(t.Context(), p.client(), changed("f", utc("2026-11-22 10:00:30"), utc("2026-11-22 10:04:00")))
	if err != nil || got.After.Invocations != 1 || p.calls != 2 {
		t.Errorf("%d invocations in %d calls, %v; want 1 in 2", got.After.Invocations, p.calls, err)
	}
}

// TestUnknownChange compares a function whose LastModified is not a time.
func TestUnknownChange(t *testing.T) {
	for _, text := range []string{"", "2026-11-22"} {
		p := &prepared{status: 200, answers: []cbor.Map{answer(func(cbor.Map, cbor.List) {})}}
		_, err := Compare(t.Context(), p.client(), lambda.State{Function: "f", LastModified: text})
		want := fmt.Sprintf("its last change is at an unknown time: Lambda reports the LastModified %q, which is not a time such as 2024-01-31T12:00:00.000+0000; look at its metrics in CloudWatch", text)
		if err == nil || err.Error() != want || p.calls > 0 {
			t.Errorf("error %v after %d calls\nwant  %s", err, p.calls, want)
		}
	}
}
