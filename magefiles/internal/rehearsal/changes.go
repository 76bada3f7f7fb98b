package rehearsal

import (
	"fmt"
	"strings"
)

// change is an answer after the migration that is not worse than the one before, but
// another one.
type change struct {
	function    string
	event       string // " events/a.json with", or "" if the function has one event
	when        string
	before, now string // from shortly before the first difference
}

// changes returns the first change of each function. Times, IDs, addresses and long
// numbers do not count.
func (s *stage) changes() (found []change) {
	for _, f := range s.functions {
		if c, ok := s.change(f.FunctionName); ok {
			found = append(found, c)
		}
	}
	return found
}

func (s *stage) change(function string) (change, bool) {
	for _, a := range s.acts[1:] {
		for i, before := range s.acts[0].answers[function] {
			now := a.answers[function][i]
			was, is := mask(before.text), mask(now.text)
			if before.failed() || now.failed() || now.worseThan(before) || was == is {
				continue
			}
			was, is = difference(was, is)
			return change{function, to(s.samples[function].Events, i), a.name, was, is}, true
		}
	}
	return change{}, false
}

// difference returns both texts from shortly before their first difference.
func difference(a, b string) (string, string) {
	const context = 20
	x, y := []rune(a), []rune(b)
	same := 0
	for same < len(x) && same < len(y) && x[same] == y[same] {
		same++
	}
	if from := same - context; from > 0 {
		a, b = "…"+string(x[from:]), "…"+string(y[from:])
	}
	return answer{text: a}.String(), answer{text: b}.String()
}

// writeChanges writes the changes as one warning. A function may report its runtime
// or draw a random number, so they are no failure.
func (s *stage) writeChanges() error {
	changes := s.changes()
	if len(changes) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("\nwarning: these functions do not fail, but answer otherwise than before\n")
	for _, c := range changes {
		fmt.Fprintf(&b, "  %s: when %s, it answered%s %q before and %q now\n", c.function, c.when, c.event, c.before, c.now)
	}
	return s.options.UI.Text(b.String())
}
