package health

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/ui"
)

// utc parses "2026-11-22 10:00:30".
func utc(s string) time.Time {
	t, err := time.Parse(time.DateTime, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestCompare(t *testing.T) {
	changed := utc("2026-11-22 10:00:30")
	f := &fake{t: t, points: []point{
		{utc("2026-11-22 09:56:59"), "Invocations", 1000}, // before the span
		{utc("2026-11-22 09:57:00"), "Invocations", 2},
		{utc("2026-11-22 09:59:59"), "Invocations", 4},
		{utc("2026-11-22 10:00:00"), "Invocations", 1000}, // in the minute of the change
		{utc("2026-11-22 10:00:59"), "Invocations", 1000},
		{utc("2026-11-22 10:01:00"), "Invocations", 8},
		{utc("2026-11-22 10:03:59"), "Invocations", 16},
		{utc("2026-11-22 10:04:00"), "Invocations", 1000}, // in the minute of now
		{utc("2026-11-22 10:00:45"), "Errors", 1000},
		{utc("2026-11-22 10:02:00"), "Errors", 3},
		{utc("2026-11-22 09:58:00"), "Throttles", 5},
		{utc("2026-11-22 09:57:30"), "Duration", 10}, // a sum
		{utc("2026-11-22 09:59:30"), "Duration", 50},
		{utc("2026-11-22 10:02:30"), "Duration", 36},
		{utc("2026-11-22 10:01:30"), "IteratorAge", 1200},
		{utc("2026-11-22 10:02:30"), "IteratorAge", 90_000.5},
		{utc("2026-11-22 10:02:40"), "IteratorAge", 1200},
	}}
	want := Comparison{
		Function: "f",
		Changed:  changed,
		Before: Figures{
			From: utc("2026-11-22 09:57:00"), To: utc("2026-11-22 10:00:00"),
			Invocations: 6, Throttles: 5, Duration: 10 * time.Millisecond,
		},
		After: Figures{
			From: utc("2026-11-22 10:01:00"), To: utc("2026-11-22 10:04:00"),
			Invocations: 24, Errors: 3, Duration: 1500 * time.Microsecond,
			IteratorAge: 90*time.Second + 500*time.Microsecond, Stream: true,
		},
		Problems: []string{"errors rose from 0 of 6 (0 %) to 3 of 24 (12.5 %)", "the iterator age rose from 0s to 1m30s"},
	}
	for _, page := range []int{0, 1, 2, 3, 7} {
		f.page, f.inputs = page, nil
		got, err := Compare(t.Context(), f, "f", changed, utc("2026-11-22 10:04:59"), Tolerance{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d values on a page (-want +got):\n%s", page, diff)
		}
		if page == 0 && len(f.inputs) != 1 {
			t.Errorf("%d calls, want one", len(f.inputs))
		}
	}
	if got, err := Compare(t.Context(), f, "f", changed, utc("2026-11-22 10:04:59"), Tolerance{ErrorRate: 0.2, IteratorAge: 2 * time.Minute}); err != nil || !got.Healthy() {
		t.Errorf("with more tolerance: %v, %v", got.Problems, err)
	}
}

func TestNothingToAsk(t *testing.T) {
	tests := []struct{ name, changed, now, problem string }{
		{"at once", "2026-11-22 10:00:30", "2026-11-22 10:00:30", "CloudWatch counts by the minute and none has passed since the change at 2026-11-22 10:00:30 UTC; wait until 2026-11-22 10:02 UTC"},
		{"a second too early", "2026-11-22 10:00:00", "2026-11-22 10:01:59", "CloudWatch counts by the minute and none has passed since the change at 2026-11-22 10:00:00 UTC; wait until 2026-11-22 10:02 UTC"},
		{"another clock", "2026-11-22 10:00:30", "2026-11-22 09:00:00", "CloudWatch counts by the minute and none has passed since the change at 2026-11-22 10:00:30 UTC; wait until 2026-11-22 10:02 UTC"},
		{"too old", "2025-08-01 09:59:00", "2026-10-23 10:00:00", "changed on 2025-08-01 09:59 UTC, too long ago to compare: CloudWatch keeps figures for 455 days"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &fake{t: t}
			got, err := Compare(t.Context(), f, "f", utc(test.changed), utc(test.now), Tolerance{})
			if err != nil {
				t.Fatal(err)
			}
			want := Comparison{Function: "f", Changed: utc(test.changed), Problems: []string{test.problem}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(f.inputs) != 0 {
				t.Error("CloudWatch was asked")
			}
		})
	}
}

func TestNotInvoked(t *testing.T) {
	f := &fake{t: t, points: []point{{utc("2026-11-22 09:59:00"), "Invocations", 1}}}
	got, err := Compare(t.Context(), f, "f", utc("2026-11-22 10:00:30"), utc("2026-11-22 10:02:00"), Tolerance{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"not invoked since 2026-11-22 10:01 UTC; CloudWatch can be some minutes late, look again"}, got.Problems); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Before.Invocations != 1 {
		t.Errorf("%d invocations before, want 1", got.Before.Invocations)
	}
}

// TestNoStream tells a function without a stream from one whose stream is read
// without delay.
func TestNoStream(t *testing.T) {
	f := &fake{t: t, points: []point{{utc("2026-11-22 09:59:00"), "IteratorAge", 0}}}
	got, err := Compare(t.Context(), f, "f", utc("2026-11-22 10:00:30"), utc("2026-11-22 10:02:00"), Tolerance{})
	if err != nil || !got.Before.Stream || got.After.Stream {
		t.Errorf("stream %v → %v, %v; want true → false", got.Before.Stream, got.After.Stream, err)
	}
}

// TestFinerPeriods compares by the second.
func TestFinerPeriods(t *testing.T) {
	f := &fake{t: t, points: []point{
		{utc("2026-11-22 10:00:29"), "Invocations", 1},
		{utc("2026-11-22 10:00:30"), "Invocations", 2},
		{utc("2026-11-22 10:00:31"), "Invocations", 4},
	}}
	got, err := compare(t.Context(), f, "f", utc("2026-11-22 10:00:30"), utc("2026-11-22 10:00:32"), Tolerance{}, time.Second)
	if err != nil || got.Before.Invocations != 1 || got.After.Invocations != 4 {
		t.Errorf("%d → %d invocations, %v; want 1 → 4", got.Before.Invocations, got.After.Invocations, err)
	}
}

func TestErrors(t *testing.T) {
	status := func(code types.StatusCode) func(*cloudwatch.GetMetricDataOutput) {
		return func(out *cloudwatch.GetMetricDataOutput) {
			out.MetricDataResults[1].StatusCode = code
			out.MetricDataResults[1].Messages = []types.MessageData{{Code: aws.String("Busy"), Value: aws.String("try later")}}
		}
	}
	const asked = `asking CloudWatch for the metrics from 2026-11-22 09:57 UTC to 2026-11-22 10:04 UTC: `
	tests := []struct {
		name  string
		err   error
		alter func(*cloudwatch.GetMetricDataOutput)
		want  string
		calls int
	}{
		{
			name: "connection", err: errors.New("connection refused"),
			want: asked + "connection refused", calls: 1,
		},
		{
			name: "denied", err: &smithy.GenericAPIError{Code: "AccessDenied", Message: "User is not authorized"},
			want: asked + "AccessDenied: User is not authorized; allow the action cloudwatch:GetMetricData", calls: 1,
		},
		{
			name: "denied, in another protocol", err: &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"},
			want: asked + "AccessDeniedException: no; allow the action cloudwatch:GetMetricData", calls: 1,
		},
		{
			name: "partial", alter: status(types.StatusCodePartialData),
			want: asked + "the answer for Errors is PartialData (Busy: try later); run the command again", calls: 1,
		},
		{
			name: "internal error", alter: status(types.StatusCodeInternalError),
			want: asked + "the answer for Errors is InternalError (Busy: try later); run the command again", calls: 1,
		},
		{
			name: "pages without end",
			alter: func(out *cloudwatch.GetMetricDataOutput) {
				status(types.StatusCodePartialData)(out)
				out.NextToken = aws.String("0")
			},
			want: asked + "the answer for Errors is PartialData (Busy: try later); run the command again", calls: 2,
		},
		{
			name: "message",
			alter: func(out *cloudwatch.GetMetricDataOutput) {
				out.Messages = []types.MessageData{{Code: aws.String("Limit"), Value: aws.String("too many")}}
			},
			want: asked + "the answer is not complete (Limit: too many)", calls: 1,
		},
		{
			name:  "a metric is missing",
			alter: func(out *cloudwatch.GetMetricDataOutput) { out.MetricDataResults = out.MetricDataResults[:4] },
			want:  asked + "no answer for IteratorAge; run the command again", calls: 1,
		},
		{
			name:  "no values",
			alter: func(out *cloudwatch.GetMetricDataOutput) { out.MetricDataResults[0].Values = nil },
			want:  asked + "the answer has 1 times for 0 values; is there a proxy in between?", calls: 1,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &fake{t: t, err: test.err, alter: test.alter, points: []point{{utc("2026-11-22 10:02:00"), "Invocations", 1}}}
			got, err := Compare(t.Context(), f, "f", utc("2026-11-22 10:00:30"), utc("2026-11-22 10:04:00"), Tolerance{})
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if test.err != nil && !errors.Is(err, test.err) {
				t.Error("the cause is lost")
			}
			if !got.After.To.IsZero() || got.Problems != nil {
				t.Errorf("got %+v with the error", got)
			}
			if len(f.inputs) != test.calls {
				t.Errorf("%d calls, want %d", len(f.inputs), test.calls)
			}
		})
	}
}

// TestInternalErrorIsAskedAgain follows the token of a metric that failed at
// first.
func TestInternalErrorIsAskedAgain(t *testing.T) {
	f := &fake{t: t, points: []point{{utc("2026-11-22 10:02:00"), "Invocations", 1}}}
	f.alter = func(out *cloudwatch.GetMetricDataOutput) {
		if len(f.inputs) == 1 {
			out.MetricDataResults[0] = types.MetricDataResult{Id: aws.String("invocations"), StatusCode: types.StatusCodeInternalError}
			out.NextToken = aws.String("0")
		}
	}
	got, err := Compare(t.Context(), f, "f", utc("2026-11-22 10:00:30"), utc("2026-11-22 10:04:00"), Tolerance{})
	if err != nil || got.After.Invocations != 1 {
		t.Errorf("%d invocations, %v; want 1", got.After.Invocations, err)
	}
}

// TestJSON writes comparisons as mage verify does.
func TestJSON(t *testing.T) {
	c := Comparison{
		Function: "f", Changed: utc("2026-11-22 10:00:30").In(time.FixedZone("+09:00", 32_400)),
		Before: Figures{From: utc("2026-11-22 09:57:00"), To: utc("2026-11-22 10:00:00"), Invocations: 6, Errors: 1, Throttles: 5, Duration: 1500 * time.Microsecond},
		After:  Figures{From: utc("2026-11-22 10:01:00"), To: utc("2026-11-22 10:04:00"), IteratorAge: 90 * time.Second, Stream: true},
	}
	for _, test := range []struct {
		comparison Comparison
		want       string
	}{
		{c, `{"FunctionName":"f","Healthy":true,"Problems":[],"Changed":"2026-11-22T10:00:30Z",` +
			`"Before":{"From":"2026-11-22T09:57:00Z","To":"2026-11-22T10:00:00Z","Invocations":6,"Errors":1,"Throttles":5,"DurationMs":1.5},` +
			`"After":{"From":"2026-11-22T10:01:00Z","To":"2026-11-22T10:04:00Z","Invocations":0,"Errors":0,"Throttles":0,"DurationMs":0,"IteratorAgeMs":90000}}` + "\n"},
		{Comparison{Function: "g", Changed: c.Changed, Problems: []string{"none has passed"}}, `{"FunctionName":"g","Healthy":false,"Problems":["none has passed"],"Changed":"2026-11-22T10:00:30Z",` +
			`"Before":{"Invocations":0,"Errors":0,"Throttles":0,"DurationMs":0},"After":{"Invocations":0,"Errors":0,"Throttles":0,"DurationMs":0}}` + "\n"},
	} {
		var out strings.Builder
		if err := ui.JSON(&out, test.comparison); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, out.String()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
