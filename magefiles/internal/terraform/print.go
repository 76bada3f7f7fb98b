package terraform

import (
	"fmt"
	"slices"
	"strings"
)

// String returns it in one line:
//
//	main.tf:12:5: aws_lambda_function.orders: runtime depends on var.runtime (make it "provided.al2023")
func (u Unsure) String() string {
	var b strings.Builder
	b.WriteString(u.File)
	if u.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", u.Line, u.Column)
	}
	b.WriteString(": ")
	if u.Address != "" {
		b.WriteString(u.Address + ": ")
	}
	b.WriteString(u.Reason)
	if u.Hint != "" {
		b.WriteString(" (" + u.Hint + ")")
	}
	return b.String()
}

// Notes says what the diff does not: what must be looked at by hand and what is
// left alone, one a line, and a summary.
func (r *Result) Notes() []string {
	var notes []string
	for _, u := range r.Unsure {
		notes = append(notes, u.String())
	}
	for _, f := range r.Found {
		if len(f.Ignored) > 0 {
			notes = append(notes, fmt.Sprintf("%s:%d: %s: an apply leaves %s alone (ignore_changes); not changed", f.File, f.Line, f.Address, strings.Join(f.Ignored, ", ")))
		}
	}
	if missing := r.Missing(); len(missing) > 0 {
		notes = append(notes, "no resource found for "+strings.Join(missing, ", "))
	}
	return append(notes, r.summary())
}

func (r *Result) summary() string {
	var functions []string
	for _, c := range r.Changes {
		if !slices.Contains(functions, c.Function) {
			functions = append(functions, c.Function)
		}
	}
	places := 0
	for _, e := range r.edited {
		places += len(e.edits)
	}
	s := "nothing to change"
	if places > 0 {
		s = fmt.Sprintf("%s to change in %s, for %s", count(places, "value"), count(len(r.edited), "file"), count(len(functions), "function"))
	}
	if n := len(r.Unsure); n > 0 {
		s += fmt.Sprintf("; %s to look at by hand", count(n, "place"))
	}
	return s
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
