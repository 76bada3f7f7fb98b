package ui

import (
	"cmp"
	"fmt"
	"sync"

	"example.com/dualboot/magefiles/internal/fleet"
)

// result is what a program reads about one function.
type result struct {
	FunctionName string
	Runtime      string
	Handler      string
	LastModified string
	Architecture string
	CodeSha256   string
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
		Changes:      []string{},
	}
	for _, step := range f.Done {
		r.Changes = append(r.Changes, step.Kind.String())
	}
	if f.Err != nil {
		r.Error = f.Err.Error()
	}
	return r
}

// Results writes a JSON line for each function in the order of the fleet, as soon
// as the functions before it are done. It may be used from many goroutines.
type Results struct {
	ui *UI

	mu   sync.Mutex
	left []*fleet.Function // not written yet
	done map[*fleet.Function]bool
	err  error
}

// NewResults returns results for the functions.
func (u *UI) NewResults(functions []*fleet.Function) *Results {
	return &Results{ui: u, left: functions, done: map[*fleet.Function]bool{}}
}

// Done records that a function is done.
func (r *Results) Done(f *fleet.Function) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[f] = true
	for len(r.left) > 0 && r.done[r.left[0]] {
		r.err = cmp.Or(r.err, r.ui.JSON(newResult(r.left[0])))
		r.left = r.left[1:]
	}
}

// Err returns the first error of writing a line.
func (r *Results) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Summary counts the outcomes: "1 changed, 2 unchanged, 0 failed".
func Summary(functions []*fleet.Function) string {
	var changed, same, failed int
	for _, f := range functions {
		switch {
		case f.Err != nil:
			failed++
		case len(f.Done) > 0:
			changed++
		default:
			same++
		}
	}
	return fmt.Sprintf("%d changed, %d unchanged, %d failed", changed, same, failed)
}
