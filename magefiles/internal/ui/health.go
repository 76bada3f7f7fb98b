package ui

import (
	"fmt"
	"time"

	"example.com/dualboot/magefiles/internal/health"
	"example.com/dualboot/magefiles/internal/text"
)

// comparison is what a program reads about the health of one function.
type comparison struct {
	FunctionName  string
	Healthy       bool
	Problems      []string
	NotBefore     time.Time `json:",omitzero"` // there is nothing to compare before
	NotMigrated   bool      `json:",omitempty"`
	Changed       time.Time
	Before, After figures
}

// figures are the metrics of a function over a span of time.
type figures struct {
	From          time.Time `json:",omitzero"`
	To            time.Time `json:",omitzero"`
	Invocations   int64
	Errors        int64
	Throttles     int64
	DurationMs    float64  // average
	IteratorAgeMs *float64 `json:",omitempty"` // maximum; nil unless the function reads a stream
}

func newFigures(f health.Figures) figures {
	milliseconds := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	out := figures{f.From, f.To, f.Invocations, f.Errors, f.Throttles, milliseconds(f.Duration), nil}
	if f.Stream {
		age := milliseconds(f.IteratorAge)
		out.IteratorAgeMs = &age
	}
	return out
}

// Health writes the comparisons of a fleet at the time now.
func (u *UI) Health(comparisons []health.Comparison, now time.Time) error {
	var list []comparison
	healthy := 0
	for _, c := range comparisons {
		if c.Healthy() {
			healthy++
		}
		list = append(list, comparison{c.Function, c.Healthy(), append([]string{}, c.Problems...), c.NotBefore, c.NotMigrated, c.Changed.UTC(), newFigures(c.Before), newFigures(c.After)})
	}
	return u.publish(tabular(fmt.Sprintf("%d of %s healthy", healthy, text.Count(len(comparisons), "function")), list, healthTable(comparisons, now)))
}

// healthTable has each figure before and after the change.
func healthTable(comparisons []health.Comparison, now time.Time) text.Table {
	table := text.Table{
		Header:   []string{"FUNCTION", "SINCE", "INVOCATIONS", "ERRORS", "THROTTLES", "DURATION", "ITERATOR AGE", "VERDICT"},
		Optional: []string{"SINCE", "THROTTLES", "ITERATOR AGE", "DURATION"},
	}
	known := func(f health.Figures) bool { return !f.To.IsZero() }
	invoked := func(f health.Figures) bool { return f.Invocations > 0 }
	streaming := func(f health.Figures) bool { return f.Stream }
	for _, c := range comparisons {
		verdict := "healthy"
		switch {
		case c.NotMigrated:
			verdict = "not migrated yet"
		case !c.NotBefore.IsZero():
			verdict = "not yet, from " + text.Soon(c.NotBefore, now)
		case !c.Healthy():
			verdict = text.Count(len(c.Problems), "problem")
		}
		table.Add(c.Function, text.Minute(c.Changed),
			both(c, known, func(f health.Figures) string { return text.Thousands(f.Invocations) }),
			both(c, known, func(f health.Figures) string {
				return fmt.Sprintf("%s (%s)", text.Thousands(f.Errors), text.Percent(f.ErrorRate()))
			}),
			both(c, known, func(f health.Figures) string { return text.Thousands(f.Throttles) }),
			both(c, invoked, func(f health.Figures) string { return text.Duration(f.Duration) }),
			both(c, streaming, func(f health.Figures) string { return text.Duration(f.IteratorAge) }),
			verdict)
	}
	return table
}

// both returns a figure before and after: "-" where it is unknown, and "" if it is
// unknown on both sides.
func both(c health.Comparison, known func(health.Figures) bool, figure func(health.Figures) string) string {
	if !known(c.Before) && !known(c.After) {
		return ""
	}
	side := func(f health.Figures) string {
		if !known(f) {
			return "-"
		}
		return figure(f)
	}
	return side(c.Before) + " → " + side(c.After)
}
