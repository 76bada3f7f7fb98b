// Package ui renders everything that people and programs read: progress on stderr,
// results on stdout as a table, as JSON lines or as Markdown.
package ui

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/progress"
	"example.com/dualboot/magefiles/internal/report"
	"example.com/dualboot/magefiles/internal/text"
)

// UI writes the progress and the results of one command. It may be used from many
// goroutines.
type UI struct {
	stdout io.Writer
	stderr io.Writer
	board  *progress.Board
	record *report.Recorder
	colour bool
	github bool   // annotate the run of GitHub Actions
	digest string // file that results are appended to as Markdown, or ""

	// Format is the format of results: "table", "json" or "md". Without one it is
	// table on a terminal and json elsewhere.
	Format string
	title  string // of the command: "deploy prod"
	inner  bool   // the command is a part of another one

	mu *sync.Mutex // held while a line of JSON is written
}

// Options are the options of Open.
type Options struct {
	Stdout, Stderr io.Writer    // default os.Stdout and os.Stderr
	Plain          bool         // write lines, even where progress could be redrawn
	Format         string       // see UI
	Files          report.Files // that are written at the end of the command
}

// New returns a UI that begins now. The writers default to os.Stdout and
// os.Stderr.
func New(stdout, stderr io.Writer) *UI { return Open(Options{Stdout: stdout, Stderr: stderr}) }

// Open returns a UI that begins now and follows the environment of the process:
// TERM, CI, NO_COLOR, CLICOLOR, CLICOLOR_FORCE, GITHUB_ACTIONS and
// GITHUB_STEP_SUMMARY.
func Open(o Options) *UI {
	stderr := cmp.Or[io.Writer](o.Stderr, os.Stderr)
	board := boardOptions(stderr, o.Plain, os.Getenv)
	return &UI{
		stdout: cmp.Or[io.Writer](o.Stdout, os.Stdout),
		stderr: stderr,
		board:  progress.NewBoard(stderr, board),
		record: report.NewRecorder(o.Files),
		colour: board.Colour,
		github: board.Group,
		digest: os.Getenv("GITHUB_STEP_SUMMARY"),
		Format: o.Format,
		mu:     &sync.Mutex{},
	}
}

// CheckFormat returns an error if there is no such format.
func (u *UI) CheckFormat() error {
	switch u.Format {
	case "", formatTable, formatJSON, formatMarkdown:
		return nil
	}
	return fmt.Errorf("-format is %q; pass one of table, json, md", u.Format)
}

// Inner returns the UI for commands that are a part of this one. They write the
// same progress and no results.
func (u *UI) Inner() *UI {
	inner := *u
	inner.stdout, inner.digest, inner.inner = io.Discard, "", true
	return &inner
}

// Begin returns the UI of a command on an environment, and what ends its progress.
// Once ctx is done, progress says so, and the report and the trace are written as
// far as the command has come.
func (u *UI) Begin(ctx context.Context, command, env string) (*UI, func()) {
	named := *u
	if u.inner {
		named.title = u.title + ": " + command
		u.record.Post(progress.Counted{Stage: command})
		return &named, func() { u.record.Post(progress.Counted{Stage: command, Over: true}) }
	}
	named.title = strings.TrimSpace(command + " " + env)
	u.board.Post(progress.Titled(named.title))
	u.record.Title(named.title)
	stop := context.AfterFunc(ctx, func() {
		u.board.Post(progress.Interrupted{})
		u.record.Interrupted(fleet.ErrInterrupted)
	})
	return &named, func() { stop(); u.board.Stop() }
}

// Notef writes one line of progress, after the seconds since the beginning.
func (u *UI) Notef(format string, args ...any) { u.board.Linef(format, args...) }

// Warnf writes a warning of something about an environment as one line of progress.
func (u *UI) Warnf(env, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	u.Notef("%s: %s: %s", env, progress.Yellow.Paint(u.colour, "WARNING"), message)
	u.annotate("warning", env+": "+message)
}

// Meter makes progress show the calls and the bytes that were sent to AWS.
func (u *UI) Meter(meter func() (calls int, bytes int64)) {
	u.board.Meter(func() progress.Metered {
		calls, bytes := meter()
		return progress.Metered{Calls: calls, Bytes: bytes}
	})
	u.record.Meter(meter)
}

// post shows and records an event.
func (u *UI) post(e progress.Event) {
	u.board.Post(e)
	u.record.Post(e)
}

// Fleet says that the command begins to work on functions.
func (u *UI) Fleet(functions []*fleet.Function) {
	names := make([]string, len(functions))
	for i, f := range functions {
		names[i] = f.Label()
	}
	u.post(progress.Titled(u.title))
	u.post(progress.Began{Functions: names})
}

// Event shows what happens to a function.
func (u *UI) Event(e fleet.Event) {
	u.post(progress.Stepped{Function: e.Function.Label(), Step: e.Step, Queued: e.Queued, Ends: e.Ends})
	if !e.Queued && !u.board.Live() {
		u.Notef("%s: %v", e.Function.Label(), e.Step)
	}
}

// Result shows the outcome of a function.
func (u *UI) Result(f *fleet.Function) {
	done := progress.Finished{Function: f.Label(), Text: f.Current.Runtime}
	line := ""
	switch {
	case f.Stopped():
		done.Outcome, done.Text = progress.Stopped, at(f.Err)
		line = "stopped " + done.Text
	case f.Err != nil:
		// The error is in the list at the end.
		line = progress.Red.Paint(u.colour, "FAILED") + ", see below"
		done.Outcome = progress.Failed
		done.Text = headline(f.Err)
	case len(f.Done) == 0:
		line = "nothing to do, " + f.Current.Runtime
		done.Outcome = progress.Unchanged
	default:
		done.Text = f.Current.Runtime
		if f.Observed.Runtime != f.Current.Runtime {
			done.Text = text.Change(f.Observed.Runtime, f.Current.Runtime)
		}
		line = progress.Green.Paint(u.colour, "done") + ", " + done.Text
	}
	u.board.Post(done)
	u.record.Result(f, done.Outcome)
	if !u.board.Live() {
		u.Notef("%s: %s", f.Label(), line)
	}
}

// Space separates what follows on stdout from progress on the same terminal.
func (u *UI) Space() error {
	if terminal(u.stdout) == nil {
		return nil
	}
	return u.Text("\n")
}

// Text writes s to stdout as it is.
func (u *UI) Text(s string) error {
	return u.write(func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	})
}

// Prose writes lines to stdout, which wrap between words on a terminal.
func (u *UI) Prose(s string) error { return u.Text(text.WrapLines(s, Width(u.stdout))) }

// Table writes a table to stdout, on a terminal or not.
func (u *UI) Table(t text.Table) error {
	return u.write(func(w io.Writer) error { return t.WriteFit(w, Width(u.stdout)) })
}

// Markdown writes a table to stdout as Markdown.
func (u *UI) Markdown(t text.Table) error { return u.write(t.WriteMarkdown) }

// JSON writes v to stdout as one line.
func (u *UI) JSON(v any) error {
	return u.write(func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	})
}

// write calls print with stdout. Progress on the same terminal makes room.
func (u *UI) write(print func(io.Writer) error) (err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if terminal(u.stdout) == nil {
		err = print(u.stdout)
	} else {
		u.board.Do(func() { err = print(u.stdout) })
	}
	if err != nil {
		return &writeError{err}
	}
	return nil
}

// writeError is why results were not written.
type writeError struct{ err error }

func (e *writeError) Error() string { return fmt.Sprintf("writing the results: %v", e.err) }
func (e *writeError) Unwrap() error { return e.err }

// Unread reports whether results were not written because nobody reads them any
// more, such as the standard output of mage audit | head.
func Unread(err error) bool {
	e, ok := errors.AsType[*writeError](err)
	return ok && errors.Is(e.err, syscall.EPIPE)
}
