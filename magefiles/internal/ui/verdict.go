package ui

import (
	"errors"
	"fmt"
	"strings"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/progress"
	"example.com/dualboot/magefiles/internal/text"
)

// concluded is an error that ends with a verdict: mage prints the error of a
// command after everything else.
type concluded struct {
	error
	verdict string
	width   int // of the terminal
}

func (e *concluded) Error() string {
	return strings.TrimSuffix(text.WrapLines(e.error.Error()+"\n\n"+e.verdict, e.width), "\n")
}
func (e *concluded) Unwrap() error { return e.error }

// cause returns the error of a command without its verdict.
func cause(err error) error {
	if c, ok := err.(*concluded); ok { // not errors.AsType: a joined error says more
		return c.error
	}
	return err
}

// Verdict writes the verdict of a command to stdout as the last line. It returns
// err, which has the verdict as its own last line where people would look for it.
func (u *UI) Verdict(line string, err error) error {
	u.record.Verdict(line)
	if terminal(u.stdout) == nil {
		return errors.Join(err, u.Prose("\n"+line+"\n"))
	}
	if err != nil && u.board.Live() {
		return &concluded{err, u.emphasize(line), u.columns()}
	}
	return errors.Join(err, u.Prose("\n"+u.emphasize(line)+"\n"))
}

// Conclude writes the verdict on functions below their table, if that is redrawn.
// It returns err, which then has the verdict as its own last line.
func (u *UI) Conclude(functions []*fleet.Function, err error) error {
	if u.inner {
		return err
	}
	plain := verdict(functions, err)
	u.record.Verdict(plain)
	if !u.board.Live() {
		return err
	}
	line := u.emphasize(plain)
	if err != nil {
		return &concluded{err, line, u.columns()}
	}
	u.board.Raw(line + "\n")
	return nil
}

// verdict says in one line what came of the functions.
func verdict(functions []*fleet.Function, err error) string {
	const again = "run the same command again to finish"
	var names []string
	for _, f := range functions {
		if f.Err != nil {
			names = append(names, f.Label())
		}
	}
	switch {
	case errors.Is(err, fleet.ErrInterrupted):
		return fmt.Sprintf("FAIL: interrupted, with %s left; %s", text.Count(len(names), "function"), again)
	case len(names) > 0:
		return fmt.Sprintf("FAIL: %d of %s: %s; %s", len(names), text.Count(len(functions), "function"), text.List(names, 5), again)
	case err != nil:
		first, _, _ := strings.Cut(err.Error(), "\n")
		return "FAIL: " + first
	}
	return "PASS: " + Summary(functions)
}

// columns returns the width of the terminal on which progress is redrawn.
func (u *UI) columns() int { return u.board.Size().Width }

// emphasize colours the first word of a verdict.
func (u *UI) emphasize(line string) string {
	word, rest, _ := strings.Cut(line, ":")
	style := progress.Green
	if word == "FAIL" {
		style = progress.Red
	}
	return style.Paint(u.colour, word) + ":" + rest
}

// Failed annotates the run of GitHub Actions with each error of the command.
func (u *UI) Failed(err error) {
	if u.inner || err == nil {
		return
	}
	for _, t := range fleet.Distinct(fleet.Flatten(cause(err))) {
		u.annotate("error", t)
	}
}
