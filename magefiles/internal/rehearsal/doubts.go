package rehearsal

import (
	"fmt"
	"strings"

	"example.com/dualboot/magefiles/internal/sample"
	"example.com/dualboot/magefiles/internal/traffic"
)

// doubt is what a rehearsal did not learn about some functions.
type doubt struct {
	what      string
	functions []string // with details
}

// doubts returns what was not learnt, without doubts about no function.
func (s *stage) doubts(reports []traffic.Report) []doubt {
	sent := map[string]int{}
	for _, r := range reports {
		sent[r.Function] += r.Invocations
	}
	failed := doubt{what: "failed from the start"}
	unknown := doubt{what: "no event, {} instead"}
	madeUp := doubt{what: "no event, a made-up one instead"}
	quiet := doubt{what: "no traffic"}
	for _, f := range s.functions {
		name, answered := f.FunctionName, false
		events := s.samples[name].Events
		for i, event := range events {
			if s.acts[0].answers[name][i].failed() {
				failed.functions = append(failed.functions, name+detail(events, i))
				continue
			}
			answered = true
			switch event.Origin {
			case sample.Unknown:
				unknown.functions = append(unknown.functions, name)
			case sample.MadeUp:
				madeUp.functions = append(madeUp.functions, name+" ("+event.Shape+")")
			}
		}
		if answered && sent[name] == 0 {
			quiet.functions = append(quiet.functions, name)
		}
	}
	var all []doubt
	for _, d := range []doubt{failed, unknown, madeUp, quiet} {
		if len(d.functions) > 0 {
			all = append(all, d)
		}
	}
	return all
}

// detail describes an event of a function, unless it is its own and only one.
func detail(events []sample.Event, i int) string {
	switch e := events[i]; {
	case e.Origin == sample.Unknown:
		return " (with {})"
	case e.Origin == sample.MadeUp:
		return " (with a made-up " + e.Shape + " event)"
	case len(events) > 1:
		return " (with " + e.Name + ")"
	}
	return ""
}

// writeDoubts writes what was not learnt as one warning.
func (s *stage) writeDoubts(reports []traffic.Report) error {
	doubts := s.doubts(reports)
	if len(doubts) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("\nwarning: little or nothing was learnt about these functions\n")
	for _, d := range doubts {
		fmt.Fprintf(&b, "  %s: %s\n", d.what, strings.Join(d.functions, ", "))
	}
	return s.options.UI.Prose(b.String())
}
