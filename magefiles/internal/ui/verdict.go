package ui

import (
	"errors"
	"fmt"
	"strings"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/progress"
	"example.com/dualboot/magefiles/internal/text"
)

// concluded is an error that ends with a verdict: mage prints the error of a
// command after everything else.
type concluded struct {
	error
	verdict string
}

func (e *concluded) Error() string { return e.error.Error() + "\n\n" + e.verdict }
func (e *concluded) Unwrap() error { return e.error }

// fitted is an error in lines of at most width columns, after what mage prints
// before it.
type fitted struct {
	error
	width int
}

func (e *fitted) Error() string {
	const before = "Error: "
	lines := text.WrapLines(before+e.error.Error(), e.width)
	return strings.TrimSuffix(strings.TrimPrefix(lines, before), "\n")
}
func (e *fitted) Unwrap() error { return e.error }

// Fit returns the error of a command, in lines that fit the terminal that mage
// prints it to.
func (u *UI) Fit(err error) error {
	if columns := Width(u.stderr); err != nil && columns > 0 && !u.inner {
		if f := (&fitted{err, columns}); f.Error() != err.Error() {
			return f
		}
	}
	return err
}

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
		return &concluded{err, u.emphasize(line)}
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
	switch line := u.emphasize(plain); {
	case !u.board.Live() && errors.Is(err, fleet.ErrDeclined):
		return fmt.Errorf("%w; %s", err, toContinue)
	case !u.board.Live():
		return err
	case err != nil:
		return &concluded{err, line}
	default:
		u.board.Raw(line + "\n")
		return nil
	}
}

const (
	toContinue = "run the same command again to continue"
	toFinish   = "run the same command again to finish"
	toCorrect  = "correct the errors above and run the same command again"
)

// verdict says in one line what came of the functions.
func verdict(functions []*fleet.Function, err error) string {
	var names []string
	fix := toFinish
	for _, f := range functions {
		if f.Err != nil {
			names = append(names, f.Label())
		}
		if needsCorrection(f.Err) {
			fix = toCorrect
		}
	}
	switch {
	case errors.Is(err, fleet.ErrInterrupted):
		return "FAIL: interrupted; " + brief(functions)
	case len(names) > 0:
		return fmt.Sprintf("FAIL: %d of %s: %s; %s", len(names), text.Count(len(functions), "function"), text.List(names, 5), fix)
	case errors.Is(err, fleet.ErrDeclined):
		return fmt.Sprintf("STOPPED: %s; %s", brief(functions), toContinue)
	case errors.Is(err, fleet.ErrNotYet):
		return "NOT YET: " + brief(functions)
	case err != nil:
		first, _, _ := strings.Cut(err.Error(), "\n")
		return "FAIL: " + first
	}
	return "PASS: " + Summary(functions)
}

// needsCorrection reports whether a function fails again unless somebody corrects
// something before the next run: its code, lambdas.json, or what AWS refuses.
func needsCorrection(err error) bool {
	e, ok := errors.AsType[*fleet.Error](err)
	if !ok || errors.Is(err, fleet.ErrInterrupted) {
		return false
	}
	switch e.Stage {
	case fleet.Building, fleet.Bundling, fleet.Planning:
		return true
	}
	return awsclient.Refused(err)
}

// emphasize colours the first word of a verdict.
func (u *UI) emphasize(line string) string {
	word, rest, _ := strings.Cut(line, ":")
	style, ok := map[string]progress.Style{"PASS": progress.Green, "FAIL": progress.Red}[word]
	if !ok {
		style = progress.Yellow
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
