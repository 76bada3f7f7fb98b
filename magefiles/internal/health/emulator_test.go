package health

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// handlerVariable makes the test program the function under test.
const handlerVariable = "HEALTH_TEST_HANDLER"

// event is what the function receives: its result, and a record of the stream.
type event struct {
	Fail    bool
	Records []record `json:",omitempty"`
}

type record struct {
	EventSourceARN string         `json:"eventSourceARN"`
	Kinesis        map[string]any `json:"kinesis"`
}

const stream = "arn:aws:kinesis:us-east-1:123456789012:stream/orders"

func TestMain(m *testing.M) {
	if os.Getenv(handlerVariable) == "" {
		os.Exit(m.Run())
	}
	lambda.Start(func(_ context.Context, e event) error {
		time.Sleep(2 * time.Millisecond)
		if e.Fail {
			return errors.New("failed")
		}
		return nil
	})
}

// account is an emulator with functions whose metrics grow minute by minute.
type account struct {
	*testing.T
	*emulator.Server
	metrics *cloudwatch.Client
	lambda  *sdk.Client
}

func newAccount(t *testing.T) *account {
	t.Helper()
	s, err := emulator.Start(emulator.Options{HostBinaries: runtime.GOOS != "linux" || runtime.GOARCH != "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &account{t, s, cloudwatch.NewFromConfig(s.Config()), sdk.NewFromConfig(s.Config())}
}

// create creates a function that runs the test program and reads the stream.
func (a *account) create(name string) {
	a.Helper()
	if runtime.GOOS == "windows" {
		a.Skip("the function is a shell script")
	}
	self, err := os.Executable()
	if err != nil {
		a.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: "bootstrap"}
	header.SetMode(0o755)
	file, err := w.CreateHeader(header)
	if err == nil {
		_, err = fmt.Fprintf(file, "#!/bin/sh\n%s=1 exec '%s'\n", handlerVariable, self)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		a.Fatal(err)
	}
	_, err = a.lambda.CreateFunction(a.Context(), &sdk.CreateFunctionInput{
		FunctionName: &name,
		Runtime:      types.RuntimeProvidedal2023,
		Handler:      aws.String("bootstrap"),
		Role:         aws.String("arn:aws:iam::123456789012:role/test"),
		Code:         &types.FunctionCode{ZipFile: b.Bytes()},
	})
	if err != nil {
		a.Fatal(err)
	}
	_, err = a.lambda.CreateEventSourceMapping(a.Context(), &sdk.CreateEventSourceMappingInput{
		FunctionName: &name, EventSourceArn: aws.String(stream), StartingPosition: types.EventSourcePositionLatest,
	})
	if err != nil {
		a.Fatal(err)
	}
}

// minute is what happens to a function in a minute.
type minute struct {
	good, bad int           // invocations
	age       time.Duration // if not 0, all of them are from the stream, and as old
}

// play invokes the function minute by minute, and returns the beginning of the
// last one.
func (a *account) play(name string, history ...minute) time.Time {
	a.Helper()
	now := time.Now().Truncate(time.Minute)
	for i, m := range history {
		if i > 0 {
			a.Age(1)
		}
		for n := range m.good + m.bad {
			e := event{Fail: n >= m.good}
			if m.age > 0 {
				arrived := float64(time.Now().Add(-m.age).UnixMicro()) / 1e6
				e.Records = []record{{stream, map[string]any{"approximateArrivalTimestamp": arrived}}}
			}
			payload, _ := json.Marshal(e)
			out, err := a.lambda.Invoke(a.Context(), &sdk.InvokeInput{FunctionName: &name, Payload: payload})
			if err != nil || (out.FunctionError != nil) != e.Fail {
				a.Fatalf("invoking %s: %+v, %v", name, out, err)
			}
		}
	}
	return now
}

// paged is a CloudWatch with few values on a page.
type paged struct {
	*cloudwatch.Client
	values int32
}

func (p paged) GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, options ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	few := *in
	few.MaxDatapoints = &p.values
	return p.Client.GetMetricData(ctx, &few, options...)
}

func TestCompare(t *testing.T) {
	a := newAccount(t)
	var function string
	var now time.Time
	for try := 0; now != time.Now().Truncate(time.Minute); try++ { // the history is for one minute of the real time
		function = fmt.Sprint("f", try)
		a.create(function)
		now = a.play(function,
			minute{good: 7},                   // before the span
			minute{good: 1},                   //
			minute{},                          //
			minute{good: 2},                   //
			minute{good: 7, bad: 7},           // in the minute of the change
			minute{good: 1, age: time.Second}, //
			minute{bad: 3, age: 90 * time.Second},
			minute{good: 2, age: time.Second},               //
			minute{good: 7, bad: 7, age: 1e3 * time.Second}, // in the current minute
		)
	}
	state := changed(function, now.Add(-4*time.Minute+30*time.Second), now.Add(59*time.Second))
	got, err := Compare(t.Context(), a.metrics, state)
	if err != nil {
		t.Fatal(err)
	}
	if n := a.Calls()["GetMetricData"]; n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	if d := got.Before.Duration; d < 2*time.Millisecond || d > 10*time.Second {
		t.Errorf("duration %v before", d)
	}
	if d := got.After.Duration; d < 2*time.Millisecond || d > 10*time.Second {
		t.Errorf("duration %v after", d)
	}
	if age := got.After.IteratorAge; age < 90*time.Second || age > 100*time.Second {
		t.Errorf("iterator age %v", age)
	}
	want := Comparison{
		Function: function,
		Changed:  state.Modified,
		Before:   Figures{From: now.Add(-7 * time.Minute).UTC(), To: now.Add(-4 * time.Minute).UTC(), Invocations: 3, Duration: got.Before.Duration},
		After: Figures{
			From: now.Add(-3 * time.Minute).UTC(), To: now.UTC(), Invocations: 6, Errors: 3,
			Duration: got.After.Duration, IteratorAge: got.After.IteratorAge, Stream: true,
		},
		Problems: []string{"errors rose from 0 of 3 (0 %) to 3 of 6 (50 %)", "the iterator age rose from 0s to 1m30"},
	}
	if len(got.Problems) == 2 && strings.HasPrefix(got.Problems[1], want.Problems[1]) {
		want.Problems[1] = got.Problems[1] // the age grows with the time that the test takes
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, values := range []int32{1, 2, 3, 7} {
		again, err := Compare(t.Context(), paged{a.metrics, values}, state)
		if diff := cmp.Diff(got, again); diff != "" || err != nil {
			t.Errorf("%d values on a page: %v (-one page +several):\n%s", values, err, diff)
		}
	}
}

// TestPeriods compares a function on either side of each limit of period.
func TestPeriods(t *testing.T) {
	a := newAccount(t)
	a.create("f")
	a.play("f", minute{good: 1})
	a.Age(4 * 60)
	a.play("f", minute{good: 2})
	aged := time.Duration(0)
	for _, age := range []time.Duration{9 * time.Hour, 13 * time.Hour, 61 * time.Hour} {
		a.Age(int((age - aged) / time.Minute))
		aged = age
		now := time.Now()
		got, err := Compare(t.Context(), a.metrics, changed("f", now.Add(-age-2*time.Hour), now))
		if err != nil || got.Before.Invocations != 1 || got.After.Invocations != 2 {
			t.Errorf("%v ago: %d → %d invocations, %v; want 1 → 2", age, got.Before.Invocations, got.After.Invocations, err)
		}
	}
}

// TestOldMinutes compares a function with spans that begin before the 15 days for
// which CloudWatch keeps minutes.
func TestOldMinutes(t *testing.T) {
	const day = 24 * 60
	a := newAccount(t)
	a.create("f")
	a.play("f", minute{good: 1})
	a.Age(13 * day)
	a.play("f", minute{good: 2})
	a.Age(2 * day)
	now := time.Now()
	got, err := Compare(t.Context(), a.metrics, changed("f", now.Add(-14*day*time.Minute), now))
	if err != nil || got.Before.Invocations != 1 || got.After.Invocations != 2 {
		t.Errorf("%d → %d invocations, %v; want 1 → 2", got.Before.Invocations, got.After.Invocations, err)
	}
}

func TestNothingToRead(t *testing.T) {
	a := newAccount(t)
	for _, test := range []struct{ name, changed, now, early, problem string }{
		{"at once", "2026-11-22 10:00:30", "2026-11-22 10:00:30", "CloudWatch counts by the minute, and no whole minute has passed since the change at 2026-11-22 10:00:30 UTC; wait until 2026-11-22 10:02 UTC", ""},
		{"a second too early", "2026-11-22 10:00:00", "2026-11-22 10:01:59", "CloudWatch counts by the minute, and no whole minute has passed since the change at 2026-11-22 10:00:00 UTC; wait until 2026-11-22 10:02 UTC", ""},
		{"clocks differ", "2026-11-22 10:00:30", "2026-11-22 09:00:00", "CloudWatch counts by the minute, and no whole minute has passed since the change at 2026-11-22 10:00:30 UTC; wait until 2026-11-22 10:02 UTC", ""},
		{"too old", "2025-08-01 09:59:00", "2026-10-23 10:00:00", "", "the last change, at 2025-08-01 09:59 UTC, is too long ago: CloudWatch keeps metrics for 455 days"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Compare(t.Context(), a.metrics, changed("f", utc(test.changed), utc(test.now)))
			if err != nil {
				t.Fatal(err)
			}
			want := Comparison{Function: "f", Changed: utc(test.changed), Early: test.early}
			if test.problem != "" {
				want.Problems = []string{test.problem}
			} else {
				want.NotBefore = utc("2026-11-22 10:02:00")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.Healthy() || got.Judged() {
				t.Error("it is healthy or judged")
			}
		})
	}
	if n := a.Calls()["GetMetricData"]; n != 0 {
		t.Errorf("%d calls, want none", n)
	}
}

func TestNotInvoked(t *testing.T) {
	a := newAccount(t)
	for passed, want := range map[time.Duration]string{
		16 * time.Minute: "not invoked since 2026-11-22 10:01 UTC; CloudWatch can be some minutes late: run the command again later",
		17 * time.Minute: "not invoked since 2026-11-22 10:01 UTC",
	} {
		got, err := Compare(t.Context(), a.metrics, changed("f", utc("2026-11-22 10:00:00"), utc("2026-11-22 10:00:00").Add(passed-time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{want}, got.Problems); diff != "" {
			t.Errorf("after %v: -want +got:\n%s", passed, diff)
		}
	}
}
