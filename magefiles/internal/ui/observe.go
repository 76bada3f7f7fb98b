package ui

import (
	"io"

	"example.com/dualboot/magefiles/internal/audit"
	"example.com/dualboot/magefiles/internal/health"
)

// Audit writes the findings of an audit.
func (u *UI) Audit(r *audit.Report) error {
	return rows(u, r.Findings, func(w io.Writer) error { r.Print(w); return nil })
}

// Health writes the comparisons of a fleet.
func (u *UI) Health(comparisons []health.Comparison) error {
	return rows(u, comparisons, func(w io.Writer) error { health.Print(w, comparisons); return nil })
}
