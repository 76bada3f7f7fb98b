// Package report renders what a rollout does: progress as plain lines for
// people, results as JSON lines for programs.
package ui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/dualboot/magefiles/internal/rollout"
)

// Progress writes plain lines, each with the seconds since the beginning. It
// may be used from many goroutines.
type Progress struct {
	mu    sync.Mutex
	w     io.Writer
	start time.Time
}

// NewProgress returns a progress that writes to w and begins now.
func NewProgress(w io.Writer) *Progress { return &Progress{w: w, start: time.Now()} }

// Printf writes one line.
func (p *Progress) Printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, "%7.1fs  %s\n", time.Since(p.start).Seconds(), fmt.Sprintf(format, args...))
}

// Step writes that a step begins.
func (p *Progress) Step(e rollout.Event) { p.Printf("%s: %v", e.Function, e.Step) }

// Result writes what became of a function.
func (p *Progress) Result(r rollout.Result) {
	switch {
	case r.Err != nil:
		// The whole error comes in the end, with those of the others.
		first, _, _ := strings.Cut(r.Err.Error(), "\n")
		p.Printf("%s: FAILED: %s", r.Function, first)
	case len(r.Done) == 0:
		p.Printf("%s: nothing to do, %s", r.Function, r.After.Runtime)
	case r.Before.Runtime != r.After.Runtime:
		p.Printf("%s: done, %s → %s", r.Function, r.Before.Runtime, r.After.Runtime)
	default:
		p.Printf("%s: done, %s", r.Function, r.After.Runtime)
	}
}

// line is what a program reads of one function.
type line struct {
	FunctionName string
	Runtime      string
	Handler      string
	LastModified string
	Architecture string
	CodeSha256   string
	Changes      []string // API calls that changed the function
	Error        string   `json:",omitempty"`
}

// Lines writes results as JSON lines in the order of their indexes, each as
// soon as those before it are there. It may be used from many goroutines.
type Lines struct {
	mu      sync.Mutex
	w       io.Writer
	next    int
	waiting map[int]rollout.Result
	err     error
}

// NewLines returns lines that are written to w.
func NewLines(w io.Writer) *Lines { return &Lines{w: w, waiting: map[int]rollout.Result{}} }

// Put takes the result with index i, of which the first is 0.
func (l *Lines) Put(i int, r rollout.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[i] = r
	for {
		r, ok := l.waiting[l.next]
		if !ok {
			return
		}
		delete(l.waiting, l.next)
		l.next++
		l.err = cmp.Or(l.err, l.write(r))
	}
}

// Err is why lines could not be written, if they could not.
func (l *Lines) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *Lines) write(r rollout.Result) error {
	out := line{
		FunctionName: r.Function,
		Runtime:      r.After.Runtime,
		Handler:      r.After.Handler,
		LastModified: r.After.LastModified,
		Architecture: r.After.Architecture,
		CodeSha256:   r.After.CodeSha256,
		Changes:      []string{},
	}
	for _, step := range r.Done {
		out.Changes = append(out.Changes, step.Kind.String())
	}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return JSON(l.w, out)
}

// JSON writes v as one line.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Counts renders numbers by name: "2 GetFunction, 1 UpdateFunctionCode".
func Counts(count map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %s", count[name], name))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

// Functions renders a number of functions: "1 function", "4 functions".
func Functions(n int) string {
	if n == 1 {
		return "1 function"
	}
	return fmt.Sprintf("%d functions", n)
}
