// Package progress shows how far a command is. Work posts events to a [Board]; a
// pure [Model] takes them in, and the board shows it: as a table that is redrawn in
// place on a terminal, and as lines elsewhere.
package progress

import (
	"slices"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
)

// Event is something that a [Model] takes in.
type Event interface {
	fold(m *Model, at time.Time)
}

// Titled names the command, or the part of it that begins: "deploy prod".
type Titled string

func (e Titled) fold(m *Model, _ time.Time) { m.title = string(e) }

// Began says that a command begins to work on functions, in the order in which
// they are shown. They replace earlier ones.
type Began struct{ Functions []string }

func (e Began) fold(m *Model, _ time.Time) {
	m.rows = make([]row, len(e.Functions))
	m.index = map[string]int{}
	for i, name := range e.Functions {
		m.rows[i].name = name
		m.index[name] = i
	}
}

// Counted says how far a stage is. The stage is over once all is done.
type Counted struct {
	Stage string // "building"
	Noun  string // of what is counted: "binary"; "" if nothing is
	Done  int
	Total int       // 0 if it is unknown
	Until time.Time // when it ends, if that is known
	Over  bool
}

func (e Counted) fold(m *Model, _ time.Time) {
	i := slices.IndexFunc(m.stages, func(s Counted) bool { return s.Stage == e.Stage })
	over := e.Over || e.Total > 0 && e.Done >= e.Total
	switch {
	case over && i >= 0:
		m.stages = slices.Delete(m.stages, i, i+1)
	case over:
	case i >= 0:
		m.stages[i] = e
	default:
		m.stages = append(m.stages, e)
	}
}

// Stepped says that a step of a function waits for its turn or begins.
type Stepped struct {
	Function string
	Step     fleet.Step
	Queued   bool
	Ends     time.Time // of a settle delay
}

func (e Stepped) fold(m *Model, at time.Time) {
	r := m.advance(e.Function, at)
	if r == nil {
		return
	}
	r.state, r.since, r.ends, r.kind, r.delay = active, at, e.Ends, e.Step.Kind, e.Step.Delay
	r.text = short(e.Step)
	switch {
	case e.Queued:
		r.state, r.text = queued, "queued: "+r.text
	case e.Step.Kind == fleet.Settle:
		r.state = settling
	}
	switch e.Step.Kind {
	case fleet.Attach:
		r.bridge = true
	case fleet.UpdateConfiguration:
		r.switched = true
	case fleet.Detach:
		r.switched, r.bridge = true, false
	}
}

// short describes a step in few words.
func short(s fleet.Step) string {
	switch s.Kind {
	case fleet.UpdateCode:
		return "update the code, " + text.Size(s.Package.Size)
	case fleet.UpdateConfiguration:
		return "switch to " + s.Runtime
	case fleet.Wait:
		return "wait for the update"
	case fleet.Inspect:
		return "read the deployed zip"
	case fleet.Look:
		return "look for the snapshot"
	case fleet.Publish:
		return "publish a version"
	case fleet.Point:
		return "move an event source mapping"
	case fleet.Check:
		return "check the deployed program"
	case fleet.Attach:
		return "attach the layer"
	case fleet.Detach:
		return "detach the layer"
	}
	return "settle"
}

// Outcome is how the work on a function ended.
type Outcome int

const (
	Changed Outcome = iota
	Unchanged
	Failed
	Stopped // by an interrupt
)

// Finished says that the work on a function has ended.
type Finished struct {
	Function string
	Outcome  Outcome
	Text     string // "go1.x → provided.al2023", why it failed, or "while settling"
}

func (e Finished) fold(m *Model, at time.Time) {
	r := m.advance(e.Function, at)
	if r == nil {
		return
	}
	r.state, r.since = [...]state{changed, unchanged, failed, stopped}[e.Outcome], at
	r.text = [...]string{"done, ", "nothing to do, ", "FAILED: ", "stopped "}[e.Outcome] + e.Text
}

// Metered says how many calls were sent to AWS, and how many bytes in them, since
// the command began.
type Metered struct {
	Calls int
	Bytes int64
}

func (e Metered) fold(m *Model, at time.Time) {
	m.bytes = e.Bytes
	if n := len(m.samples); n > 0 && e.Calls < m.samples[n-1].calls {
		m.samples = nil // another connection
	}
	m.samples = append(m.samples, sample{at, e.Calls})
	for len(m.samples) > 2 && at.Sub(m.samples[1].at) >= span {
		m.samples = m.samples[1:]
	}
}

// Interrupted says that nothing new begins.
type Interrupted struct{}

func (Interrupted) fold(m *Model, _ time.Time) { m.interrupted = true }

// Ended says that the command ends.
type Ended struct{}

func (Ended) fold(m *Model, _ time.Time) { m.stages = nil }
