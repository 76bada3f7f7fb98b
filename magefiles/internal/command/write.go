package command

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"example.com/dualboot/magefiles/internal/ui"
)

// write writes rows as people read them if w is a terminal, and else as JSON
// lines.
func write[T any](w io.Writer, rows []T, print func(io.Writer, []T)) error {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		print(w, rows)
		return nil
	}
	for _, row := range rows {
		if err := ui.JSON(w, row); err != nil {
			return fmt.Errorf("writing the results: %w", err)
		}
	}
	return nil
}
