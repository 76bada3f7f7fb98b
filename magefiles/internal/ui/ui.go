// Package ui renders everything that people and programs read: progress on
// stderr, results on stdout as a table on a terminal and as JSON lines elsewhere.
package ui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
)

// UI writes the progress and the results of one command. It may be used from many
// goroutines.
type UI struct {
	stdout, stderr io.Writer
	start          time.Time

	mu *sync.Mutex // held while a line is written
}

// New returns a UI that begins now. The writers default to os.Stdout and
// os.Stderr.
func New(stdout, stderr io.Writer) *UI {
	return &UI{stdout: cmp.Or[io.Writer](stdout, os.Stdout), stderr: cmp.Or[io.Writer](stderr, os.Stderr), start: time.Now(), mu: &sync.Mutex{}}
}

// WithoutResults returns a UI that writes the same progress and no results.
func (u *UI) WithoutResults() *UI {
	quiet := *u
	quiet.stdout = io.Discard
	return &quiet
}

// Notef writes one line of progress, after the seconds since the beginning.
func (u *UI) Notef(format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	fmt.Fprintf(u.stderr, "%7.1fs  %s\n", time.Since(u.start).Seconds(), fmt.Sprintf(format, args...))
}

// Step writes that a step of a function begins.
func (u *UI) Step(f *fleet.Function, s fleet.Step) { u.Notef("%s: %v", f.Label(), s) }

// Result writes the outcome of a function.
func (u *UI) Result(f *fleet.Function) {
	switch {
	case f.Err != nil:
		// The complete error is in the summary at the end.
		first, _, _ := strings.Cut(f.Err.Error(), "\n")
		u.Notef("%s: FAILED: %s", f.Label(), first)
	case len(f.Done) == 0:
		u.Notef("%s: nothing to do, %s", f.Label(), f.Current.Runtime)
	case f.Observed.Runtime != f.Current.Runtime:
		u.Notef("%s: done, %s → %s", f.Label(), f.Observed.Runtime, f.Current.Runtime)
	default:
		u.Notef("%s: done, %s", f.Label(), f.Current.Runtime)
	}
}

// Text writes s to stdout as it is.
func (u *UI) Text(s string) error {
	_, err := io.WriteString(u.stdout, s)
	return written(err)
}

// Table writes a table to stdout, on a terminal or not.
func (u *UI) Table(t text.Table) error { return written(t.Write(u.stdout)) }

// Markdown writes a table to stdout as Markdown.
func (u *UI) Markdown(t text.Table) error { return written(t.WriteMarkdown(u.stdout)) }

// JSON writes v to stdout as one line.
func (u *UI) JSON(v any) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	e := json.NewEncoder(u.stdout)
	e.SetEscapeHTML(false)
	return written(e.Encode(v))
}

func written(err error) error {
	if err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return nil
}

// rows writes rows to stdout: with print if it is a terminal, and as JSON lines
// otherwise.
func rows[T any](u *UI, rows []T, print func(io.Writer) error) error {
	if f, ok := u.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return written(print(f))
	}
	for _, row := range rows {
		if err := u.JSON(row); err != nil {
			return err
		}
	}
	return nil
}
