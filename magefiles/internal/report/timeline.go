// Package report writes what happened during a command: as a page for people, and
// as trace events for Perfetto. A [Recorder] takes in the events of the command; the
// page and the trace are pure functions of the [Timeline] that it keeps.
package report

import (
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/progress"
)

// Timeline is what happened during a command. All times are since it began.
type Timeline struct {
	Title    string // "deploy prod"
	Began    time.Time
	Took     time.Duration
	Account  string // or "" if the command did not get so far
	Region   string
	Endpoint string // if it is not AWS's own
	Calls    int    // requests to AWS
	Bytes    int64  // in these requests
	Verdict  string // "PASS: 3 changed, 0 unchanged, 0 failed"
	Failures []string

	Stages    []Stage
	Functions []*Function
	// Traffic counts the invocations in each [Tick], or is nil if there was no
	// traffic to count.
	Traffic []Count
}

// Span is a stretch of time.
type Span struct{ Begin, End time.Duration }

// Took returns how long the span is.
func (s Span) Took() time.Duration { return s.End - s.Begin }

// Stage is a part of a command that works on all functions: "building".
type Stage struct {
	Name  string
	Spans []Span // the last one has no end while the stage is not over
	open  bool
}

// Function is what happened to a function.
type Function struct {
	Name          string
	Segments      []Segment
	Before, After lambda.State // as first and as last read
	Outcome       progress.Outcome
	Over          bool   // the outcome is known
	Reason        string // why it failed, or ""
	open          bool   // the last segment has no end
}

// Segment is the time of one step.
type Segment struct {
	Span
	Kind   fleet.Kind
	Text   string
	Queued bool // the step waits for its turn
}

// Count is what functions were sent in a [Tick].
type Count struct{ Invocations, Errors int }

// Tick is the time between two counts of [Timeline.Traffic].
const Tick = 100 * time.Millisecond

// fold takes in an event of the progress of the command.
func (t *Timeline) fold(at time.Duration, e progress.Event) {
	switch e := e.(type) {
	case progress.Counted:
		if e.Over || e.Total > 0 && e.Done >= e.Total {
			t.endStage(at, e.Stage)
		} else {
			t.beginStage(at, e.Stage)
		}
	case progress.Began:
		for _, name := range e.Functions {
			if t.function(name) == nil {
				t.Functions = append(t.Functions, &Function{Name: name})
			}
		}
	case progress.Stepped:
		if f := t.function(e.Function); f != nil {
			f.end(at)
			f.open = true
			f.Segments = append(f.Segments, Segment{Span{at, at}, e.Step.Kind, e.Step.String(), e.Queued})
		}
	}
}

// result takes in the outcome of a function. A later command of a rehearsal may
// change it; a failure stays.
func (t *Timeline) result(at time.Duration, f *fleet.Function, outcome progress.Outcome) {
	g := t.function(f.Label())
	if g == nil {
		return
	}
	g.end(at)
	if g.Before.Runtime == "" {
		g.Before = f.Observed
	}
	if f.Current.Runtime != "" {
		g.After = f.Current
	}
	if !g.Over || outcome != progress.Unchanged && g.Reason == "" {
		g.Outcome = outcome
	}
	g.Over = true
	if f.Err != nil && g.Reason == "" {
		g.Reason = f.Err.Error()
	}
}

// invoked counts an invocation.
func (t *Timeline) invoked(at time.Duration, failed bool) {
	i := int(at / Tick)
	if more := i + 1 - len(t.Traffic); more > 0 {
		t.Traffic = append(t.Traffic, make([]Count, more)...)
	}
	t.Traffic[i].Invocations++
	if failed {
		t.Traffic[i].Errors++
	}
}

// clone returns a copy that [Timeline.end] can change.
func (t *Timeline) clone() Timeline {
	c := *t
	c.Stages = slices.Clone(t.Stages)
	for i := range c.Stages {
		c.Stages[i].Spans = slices.Clone(c.Stages[i].Spans)
	}
	c.Functions = slices.Clone(t.Functions)
	for i, f := range c.Functions {
		g := *f
		g.Segments = slices.Clone(f.Segments)
		c.Functions[i] = &g
	}
	return c
}

// end ends what is not over and takes in the error of the command.
func (t *Timeline) end(at time.Duration, err error) {
	t.Took = at
	for i := range t.Stages {
		t.endStage(at, t.Stages[i].Name)
	}
	for _, f := range t.Functions {
		f.end(at)
	}
	if err == nil {
		return
	}
	errs := fleet.Flatten(err)
	t.Failures = fleet.Distinct(errs)
	if t.Verdict == "" {
		first, _, _ := strings.Cut(err.Error(), "\n")
		t.Verdict = "FAIL: " + first
	}
	for _, e := range fleet.Failures(errs) {
		if f := t.function(e.Function); f != nil && f.Reason == "" {
			f.Outcome, f.Over, f.Reason = progress.Failed, true, e.Error()
		}
	}
}

func (t *Timeline) function(name string) *Function {
	i := slices.IndexFunc(t.Functions, func(f *Function) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return t.Functions[i]
}

func (t *Timeline) beginStage(at time.Duration, name string) {
	i := slices.IndexFunc(t.Stages, func(s Stage) bool { return s.Name == name })
	if i < 0 {
		i = len(t.Stages)
		t.Stages = append(t.Stages, Stage{Name: name})
	}
	if s := &t.Stages[i]; !s.open {
		s.Spans, s.open = append(s.Spans, Span{at, at}), true
	}
}

func (t *Timeline) endStage(at time.Duration, name string) {
	i := slices.IndexFunc(t.Stages, func(s Stage) bool { return s.Name == name })
	if i >= 0 && t.Stages[i].open {
		s := &t.Stages[i]
		s.Spans[len(s.Spans)-1].End, s.open = at, false
	}
}

func (f *Function) end(at time.Duration) {
	if f.open {
		f.Segments[len(f.Segments)-1].End, f.open = at, false
	}
}

// Took returns the time from the beginning of the first step to the end of the last
// one.
func (f *Function) Took() time.Duration {
	if len(f.Segments) == 0 {
		return 0
	}
	return f.Segments[len(f.Segments)-1].End - f.Segments[0].Begin
}
