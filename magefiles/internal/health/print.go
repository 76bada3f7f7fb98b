package health

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Print writes a table of the comparisons, each figure before → after.
func Print(w io.Writer, comparisons []Comparison) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FUNCTION\tSINCE\tINVOCATIONS\tERRORS\tTHROTTLES\tDURATION\tITERATOR AGE\tVERDICT")
	for _, c := range comparisons {
		verdict := "healthy"
		if n := len(c.Problems); n == 1 {
			verdict = "1 problem"
		} else if n > 1 {
			verdict = fmt.Sprintf("%d problems", n)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Function, moment(c.Changed, minutes),
			c.both(known, func(f Figures) string { return count(f.Invocations) }),
			c.both(known, func(f Figures) string { return fmt.Sprintf("%s (%s)", count(f.Errors), percent(f.errorRate())) }),
			c.both(known, func(f Figures) string { return count(f.Throttles) }),
			c.both(invoked, func(f Figures) string { return short(f.Duration) }),
			c.both(streaming, func(f Figures) string { return short(f.IteratorAge) }),
			verdict)
	}
	table.Flush()
}

// both renders one figure before and after, "-" where it is not there, and
// nothing where neither is.
func (c Comparison) both(there func(Figures) bool, render func(Figures) string) string {
	if !there(c.Before) && !there(c.After) {
		return ""
	}
	cell := func(f Figures) string {
		if !there(f) {
			return "-"
		}
		return render(f)
	}
	return cell(c.Before) + " → " + cell(c.After)
}

func known(f Figures) bool     { return !f.To.IsZero() }
func invoked(f Figures) bool   { return f.Invocations > 0 }
func streaming(f Figures) bool { return f.Stream }
