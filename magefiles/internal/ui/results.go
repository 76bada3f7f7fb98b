package ui

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
)

// result is what a program reads about one function.
type result struct {
	FunctionName string
	Runtime      string
	Handler      string
	LastModified string
	Architecture string
	CodeSha256   string
	Snapshot     string   `json:",omitempty"` // version that keeps the previous runtime
	Changes      []string // API calls that changed the function
	Error        string   `json:",omitempty"`
}

func newResult(f *fleet.Function) result {
	r := result{
		FunctionName: f.FunctionName,
		Runtime:      f.Current.Runtime,
		Handler:      f.Current.Handler,
		LastModified: f.Current.LastModified,
		Architecture: f.Current.Architecture,
		CodeSha256:   f.Current.CodeSha256,
		Snapshot:     f.Current.Insurance.Newest(),
		Changes:      []string{},
	}
	for _, step := range f.Done {
		r.Changes = append(r.Changes, step.Kind.String())
	}
	switch {
	case f.Err != nil:
		r.Error = f.Err.Error()
	case f.NotStarted != "":
		r.Error = "not started: " + f.NotStarted
	}
	return r
}

// Results writes what became of functions: a JSON line for each in the order of
// the fleet, as soon as the functions before it are done, or at the end in another
// format. It may be used from many goroutines.
type Results struct {
	ui        *UI
	functions []*fleet.Function

	mu   sync.Mutex
	left []*fleet.Function // not written yet
	done map[*fleet.Function]bool
	err  error
}

// NewResults returns results for the functions.
func (u *UI) NewResults(functions []*fleet.Function) *Results {
	return &Results{ui: u, functions: functions, left: functions, done: map[*fleet.Function]bool{}}
}

// Done records that a function is done.
func (r *Results) Done(f *fleet.Function) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[f] = true
	for len(r.left) > 0 && r.done[r.left[0]] {
		if r.ui.format() == formatJSON {
			r.err = cmp.Or(r.err, r.ui.JSON(newResult(r.left[0])))
		}
		r.left = r.left[1:]
	}
}

// Finish writes what is left to write once all functions are done, and returns
// the first error of writing.
func (r *Results) Finish() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	// The lines are written, and the table that was redrawn is one.
	d := tabular(Summary(r.functions), []result(nil), resultTable(r.functions))
	if r.ui.Format == "" && r.ui.board.Live() {
		d.text = func(io.Writer, int) error { return nil }
	}
	return cmp.Or(r.err, r.ui.publish(d))
}

// resultTable has a row for each function.
func resultTable(functions []*fleet.Function) text.Table {
	t := text.Table{Header: []string{"FUNCTION", "RESULT", "RUNTIME", "ARCH"}, Optional: []string{"ARCH"}}
	for _, f := range functions {
		outcome := "unchanged"
		switch {
		case f.Stopped():
			outcome = "stopped " + at(f.Err)
		case f.Err != nil:
			outcome = "FAILED: " + text.Line(reason(f.Err))
		case f.NotStarted != "":
			outcome = "not started"
		case len(f.Done) > 0:
			outcome = "changed"
		}
		t.Add(f.Label(), outcome, text.Change(f.Observed.Runtime, f.Current.Runtime), f.Current.Architecture)
	}
	return t
}

// at says at which step a function was stopped: "while settling".
func at(err error) string {
	if e, ok := errors.AsType[*fleet.Error](err); ok {
		return e.At()
	}
	return "by an interrupt"
}

// tally counts functions by what became of them.
type tally struct{ changed, unchanged, failed, stopped, notStarted int }

func count(functions []*fleet.Function) (t tally) {
	for _, f := range functions {
		switch {
		case f.Stopped():
			t.stopped++
		case f.Err != nil:
			t.failed++
		case f.NotStarted != "":
			t.notStarted++
		case len(f.Done) > 0:
			t.changed++
		default:
			t.unchanged++
		}
	}
	return t
}

// Summary counts the outcomes: "1 changed, 2 unchanged, 0 failed".
func Summary(functions []*fleet.Function) string {
	t := count(functions)
	summary := fmt.Sprintf("%d changed, %d unchanged, %d failed", t.changed, t.unchanged, t.failed)
	if t.stopped > 0 {
		summary += fmt.Sprintf(", %d stopped", t.stopped)
	}
	if t.notStarted > 0 {
		summary += fmt.Sprintf(", %d not started", t.notStarted)
	}
	return summary
}

// brief counts the outcomes that there are: "2 changed, 25 not started".
func brief(functions []*fleet.Function) string {
	t := count(functions)
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{t.changed, "changed"}, {t.unchanged, "unchanged"}, {t.failed, "failed"}, {t.stopped, "stopped"}, {t.notStarted, "not started"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}
