package ui

import (
	"io"

	"example.com/dualboot/magefiles/internal/audit"
)

// Audit writes the findings of an audit.
func (u *UI) Audit(r *audit.Report) error {
	return rows(u, r.Findings, func(w io.Writer) error { r.Print(w); return nil })
}
