package progress

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
)

// Model is how far a command is.
type Model struct {
	start       time.Time
	title       string
	stages      []Counted // those that are not over
	rows        []row
	index       map[string]int // of rows, by name
	samples     []sample       // of the last span
	bytes       int64
	interrupted bool
}

// span is the time over which the rate of calls is measured.
const span = 3 * time.Second

// sample is how many calls had been sent at a time.
type sample struct {
	at    time.Time
	calls int
}

// state is the state of a function.
type state int

const (
	waiting state = iota // nothing has begun
	queued
	active
	settling
	changed
	unchanged
	failed
	stopped
)

// row is a function.
type row struct {
	name        string
	state       state
	text        string // the step, or the outcome
	first       time.Time
	since, ends time.Time

	kind     fleet.Kind
	delay    time.Duration
	switched bool    // the runtime switch has begun
	bridge   bool    // it has the bridge, and a second settle delay
	before   float64 // the share that was done when the step began
}

// NewModel returns the model of a command that begins at that time.
func NewModel(start time.Time) *Model { return &Model{start: start} }

// Fold takes in an event.
func (m *Model) Fold(at time.Time, e Event) { e.fold(m, at) }

func (m *Model) row(name string) *row {
	i, ok := m.index[name]
	if !ok {
		return nil
	}
	return &m.rows[i]
}

// advance returns the row of a function at the beginning of its next step, or nil.
func (m *Model) advance(name string, at time.Time) *row {
	r := m.row(name)
	if r == nil {
		return nil
	}
	if r.first.IsZero() {
		r.first = at
	}
	r.before = r.share(at)
	return r
}

func (r *row) over() bool { return r.state >= changed }

func (r row) busy() bool { return r.state > waiting && !r.over() }

// share returns which part of its way a function has behind it, from 0 to 1. The
// settle delay is most of the way.
func (r *row) share(now time.Time) float64 {
	at := 0.0
	switch {
	case r.state == changed || r.state == unchanged:
		return 1
	case r.over(): // a failure leaves the rest of the way
	case r.state == waiting || r.state == queued:
	case r.kind == fleet.UpdateCode, r.kind == fleet.Attach:
		at = 0.05
	case r.kind == fleet.Wait && r.switched && !r.bridge:
		at = 0.95
	case r.kind == fleet.Wait:
		at = 0.1
	case r.bridge && (r.kind == fleet.UpdateConfiguration || r.kind == fleet.Publish):
		at = 0.5
	case r.kind == fleet.UpdateConfiguration, r.kind == fleet.Publish, r.kind == fleet.Detach:
		at = 0.9
	case r.kind == fleet.Settle && r.delay > 0:
		from, to := r.settling()
		at = from + (to-from)*min(1, max(0, 1-float64(r.ends.Sub(now))/float64(r.delay)))
	}
	return max(at, r.before)
}

// settling returns which part of its way a function has behind it before and after a
// settle delay.
func (r *row) settling() (from, to float64) {
	switch {
	case r.bridge && r.switched:
		return 0.55, 0.9
	case r.bridge:
		return 0.15, 0.5
	}
	return 0.2, 0.9
}

// share returns which part of the work is done, from 0 to 1.
func (m *Model) share(now time.Time) float64 {
	sum := 0.0
	for i := range m.rows {
		sum += m.rows[i].share(now)
	}
	return sum / float64(max(1, len(m.rows)))
}

// rate returns the calls per second over the last span.
func (m *Model) rate() float64 {
	if len(m.samples) < 2 {
		return 0
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(last.calls-first.calls) / seconds
}

// count returns the number of functions in each state.
func (m *Model) count() map[state]int {
	count := map[state]int{}
	for _, r := range m.rows {
		count[r.state]++
	}
	return count
}

// totals counts the functions: "60 of 200 done, 1 failed, 12 settling, 3 working,
// 124 waiting". The word for those that something is done to is given.
func (m *Model) totals(working string) string {
	count := m.count()
	parts := []string{fmt.Sprintf("%d of %s done", count[changed]+count[unchanged], text.Count(len(m.rows), "function"))}
	for _, c := range []struct {
		n    int
		what string
	}{
		{count[failed], "failed"},
		{count[stopped], "stopped"},
		{count[settling], "settling"},
		{count[active], working},
		{count[queued], "queued"},
		{count[waiting], "waiting"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// working says what is done to the functions that do not wait, if it is the same for
// all, and for how long: "updating for 12s".
func (m *Model) working(now time.Time) string {
	var first row
	same := true
	for _, r := range m.rows {
		switch {
		case r.state != active:
		case first.since.IsZero():
			first = r
		default:
			same = same && r.kind == first.kind
			if r.since.Before(first.since) {
				first = r
			}
		}
	}
	word := "working"
	if same {
		word = map[fleet.Kind]string{
			fleet.UpdateCode: "sending code", fleet.UpdateConfiguration: "switching", fleet.Wait: "updating", fleet.Inspect: "reading the zip",
			fleet.Look: "looking for snapshots", fleet.Publish: "publishing versions", fleet.Point: "moving event source mappings",
			fleet.Attach: "attaching the layer", fleet.Detach: "detaching the layer", fleet.Check: "checking the program",
		}[first.kind]
	}
	return word + " for " + clock(now.Sub(first.since))
}

// traffic says what is sent to AWS, or "".
func (m *Model) traffic() string {
	var parts []string
	if len(m.samples) > 0 {
		parts = append(parts, fmt.Sprintf("%.1f calls/s", m.rate()))
	}
	if m.bytes >= 1<<20 {
		parts = append(parts, text.Size(m.bytes)+" sent")
	}
	return strings.Join(parts, ", ")
}

// String returns a stage with its count: "building (3 of 8 binaries)".
func (e Counted) String() string {
	switch {
	case e.Noun == "":
		return e.Stage
	case e.Total == 0:
		return fmt.Sprintf("%s (%s)", e.Stage, text.Count(e.Done, e.Noun))
	}
	return fmt.Sprintf("%s (%d of %s)", e.Stage, e.Done, text.Count(e.Total, e.Noun))
}

// inFlight is what goes on after an interrupt.
const inFlight = "waiting for the answers to calls in flight"

// soon is before when it is not worth saying that the next step comes.
const soon = time.Second

// Line returns in one line what goes on. If nothing can happen before some time, the
// line says so, and Line returns that time.
func (m *Model) Line(now time.Time) (line string, quiet time.Time) {
	if m.interrupted {
		return inFlight, time.Time{}
	}
	var parts []string
	for _, s := range m.stages {
		parts = append(parts, s.String())
	}
	if slices.ContainsFunc(m.rows, row.busy) {
		parts = append(parts, m.totals(m.working(now)))
	}
	if len(parts) == 0 {
		return "working on " + m.title, time.Time{}
	}
	if m.bytes >= 1<<20 {
		parts = append(parts, text.Size(m.bytes)+" sent")
	}
	line = strings.Join(parts, ", ")
	next := m.next()
	if next.Sub(now) < soon {
		return line, time.Time{}
	}
	return fmt.Sprintf("%s; next step at %s, in %s", line, next.In(now.Location()).Format(time.TimeOnly), clock(next.Sub(now))), next
}

// next returns the time of the next event if everything that goes on waits for a
// time, or zero.
func (m *Model) next() (first time.Time) {
	var ends []time.Time // zero if it is not known
	for _, s := range m.stages {
		ends = append(ends, s.Until)
	}
	for _, r := range m.rows {
		if r.busy() {
			ends = append(ends, r.ends)
		}
	}
	if len(ends) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(ends, time.Time.Compare)
}

// clock returns a duration as a clock shows it: "0.4s", "43s", "1m05s".
func clock(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", max(0, d).Truncate(100*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Truncate(time.Second).Seconds())
	}
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}
