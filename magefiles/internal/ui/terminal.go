package ui

import (
	"io"
	"os"

	"golang.org/x/term"

	"example.com/dualboot/magefiles/internal/progress"
)

// terminal returns the file if w is a terminal, or nil.
func terminal(w io.Writer) *os.File {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// Width returns the number of columns of a terminal, or 0 if w is none or does not
// tell.
func Width(w io.Writer) int {
	if f := terminal(w); f != nil {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

// boardOptions returns how progress is shown on w: redrawn in place on a terminal
// that can do that, and in lines elsewhere, in CI, and if plain is set. Sources:
// https://no-color.org and https://bixense.com/clicolors/
func boardOptions(w io.Writer, plain bool, env func(string) string) progress.Options {
	o := progress.Options{Group: env("GITHUB_ACTIONS") == "true"}
	f := terminal(w)
	if f != nil && !plain && env("CI") == "" && env("TERM") != "" && env("TERM") != "dumb" {
		o.Size = func() progress.Size {
			columns, rows, err := term.GetSize(int(f.Fd()))
			if err != nil || columns == 0 || rows == 0 {
				return progress.Size{Width: 80, Height: 24}
			}
			return progress.Size{Width: columns, Height: rows}
		}
	}
	forced := env("CLICOLOR_FORCE") != "" && env("CLICOLOR_FORCE") != "0"
	o.Colour = env("NO_COLOR") == "" && (forced || o.Size != nil && env("CLICOLOR") != "0")
	return o
}
