package report

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/progress"
)

var (
	pack     = &lambda.Package{Legacy: "lambda", Architecture: "x86_64", Size: 6 << 20}
	codeStep = fleet.Step{Kind: fleet.UpdateCode, Package: pack}
	wait     = fleet.Step{Kind: fleet.Wait}
	settle   = fleet.Step{Kind: fleet.Settle, Delay: time.Minute}
	turn     = fleet.Step{Kind: fleet.UpdateConfiguration, Runtime: "provided.al2023", Handler: "bootstrap"}

	before = lambda.State{Runtime: "go1.x", Handler: "lambda", Architecture: "x86_64", CodeSha256: "old", CodeSize: 5 << 20}
	after  = lambda.State{Runtime: "provided.al2023", Handler: "bootstrap", Architecture: "x86_64", CodeSha256: "new", CodeSize: 6 << 20}
)

// ago returns a time since the beginning.
func ago(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// deployed returns the timeline of a deploy of so many functions. Every seventh has
// nothing to do and every tenth fails.
func deployed(n int) Timeline {
	t := Timeline{
		Title: "deploy prod", Began: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), Account: "123456789012", Region: "ap-northeast-1",
		Calls: 12 * n, Bytes: int64(n) * 6 << 20, Verdict: fmt.Sprintf("PASS: %d changed", n),
	}
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("prod-example-%03d", i+1)
	}
	t.fold(ago(0.2), progress.Counted{Stage: "connecting to AWS"})
	t.fold(ago(0.6), progress.Counted{Stage: "connecting to AWS", Over: true})
	t.fold(ago(0.6), progress.Began{Functions: names})
	t.fold(ago(0.6), progress.Counted{Stage: "building", Noun: "binary", Total: n})
	t.fold(ago(4), progress.Counted{Stage: "building", Noun: "binary", Done: n, Total: n})
	var functions []*fleet.Function
	for i, name := range names {
		f := &fleet.Function{Target: manifest.Target{FunctionName: name}, Observed: before, Current: after}
		functions = append(functions, f)
		at := 4 + 0.1*float64(i)
		step := func(s fleet.Step, queued bool, took float64) {
			t.fold(ago(at), progress.Stepped{Function: name, Step: s, Queued: queued})
			at += took
		}
		outcome := progress.Changed
		switch {
		case i%7 == 6:
			f.Observed, outcome = after, progress.Unchanged
		case i%10 == 1:
			step(codeStep, true, 0.5)
			step(codeStep, false, 1)
			step(wait, false, 2.3)
			f.Current, outcome = before, progress.Failed
			f.Fail(fleet.Applying, wait.Doing(), errors.New("InternalError: <b>out</b> of \"order\""))
		default:
			step(codeStep, true, 0.5)
			step(codeStep, false, 1)
			step(wait, false, 2.3)
			step(settle, false, 60)
			step(turn, true, 0.4)
			step(turn, false, 0.3)
			step(wait, false, 1.5)
			f.Done = []fleet.Step{codeStep, turn}
		}
		t.result(ago(at), f, outcome)
	}
	err := fleet.Errors(functions)
	if err != nil {
		t.Verdict = "FAIL: some functions"
	}
	t.end(ago(72+0.1*float64(n)), err)
	return t
}

// rehearsed is a rehearsal of so many functions, with traffic.
func rehearsed(n int) Timeline {
	t := deployed(n)
	t.Title = "local prod"
	for at := ago(3); at < t.Took; at += 20 * time.Millisecond {
		t.invoked(at, at > ago(66) && at < ago(67) && at%(100*time.Millisecond) == 0)
	}
	return t
}

func TestTimeline(t *testing.T) {
	line := deployed(3)
	if got := len(line.Stages); got != 2 {
		t.Errorf("%d stages, want 2", got)
	}
	if got, want := line.Stages[1].Spans[0], (Span{ago(0.6), ago(4)}); got != want {
		t.Errorf("building took %v, want %v", got, want)
	}
	f := line.Functions[0]
	if len(f.Segments) != 7 || !f.Segments[0].Queued || f.Segments[1].Queued || f.Outcome != progress.Changed || f.failed() {
		t.Errorf("the first function is %+v", f)
	}
	for i, s := range f.Segments {
		if s.Took() <= 0 || i > 0 && s.Begin != f.Segments[i-1].End {
			t.Errorf("segment %d is %v", i, s.Span)
		}
	}
	if f.Before.Runtime != "go1.x" || f.After.Runtime != "provided.al2023" {
		t.Errorf("it went from %q to %q", f.Before.Runtime, f.After.Runtime)
	}
	if g := line.Functions[1]; !g.failed() || g.Reason != `waiting for the update of "prod-example-002": InternalError: <b>out</b> of "order"` {
		t.Errorf("the second function is %+v", g)
	}
	if len(line.Failures) != 1 {
		t.Errorf("failures %q", line.Failures)
	}
}

// TestParts checks a rehearsal, in which a second command works on the functions and
// the end finds out what failed.
func TestParts(t *testing.T) {
	var line Timeline
	line.fold(0, progress.Began{Functions: []string{"a", "b"}})
	first := &fleet.Function{Target: manifest.Target{FunctionName: "a"}, Observed: before, Current: after}
	line.fold(1, progress.Stepped{Function: "a", Step: codeStep})
	line.fold(1, progress.Stepped{Function: "other", Step: codeStep})
	line.result(2, first, progress.Changed)
	line.fold(3, progress.Began{Functions: []string{"a", "b"}})
	cleaned := after
	cleaned.CodeSize = 3
	second := &fleet.Function{Target: manifest.Target{FunctionName: "a"}, Observed: after, Current: cleaned}
	line.result(4, second, progress.Unchanged)
	line.fold(5, progress.Stepped{Function: "b", Step: wait})
	line.end(6, errors.Join(&fleet.Error{Function: "a", Stage: fleet.Rehearsal, Doing: "invoking", Err: errors.New("worse")}, errors.New("another")))
	a, b := line.Functions[0], line.Functions[1]
	if len(line.Functions) != 2 || a.Before.Runtime != "go1.x" || a.After.CodeSize != 3 {
		t.Errorf("functions %+v", line.Functions)
	}
	if a.Outcome != progress.Failed || a.Reason != `invoking "a": worse` {
		t.Errorf("a is %+v", a)
	}
	if b.Over || b.Segments[0].Span != (Span{5, 6}) {
		t.Errorf("b is %+v", b)
	}
	if len(line.Failures) != 2 || line.Verdict != `FAIL: invoking "a": worse` {
		t.Errorf("failures %q, verdict %q", line.Failures, line.Verdict)
	}
}
