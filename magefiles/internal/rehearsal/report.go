package rehearsal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/traffic"
)

// most is how many functions are written one by one.
const most = 20

// write writes what the functions did at each moment, and the outcome of their
// traffic.
func (s *stage) write(reports []traffic.Report, took time.Duration) error {
	u := s.options.UI
	deployments, unstartable := s.deployed()
	errs := []error{u.Table(s.table())}
	if len(reports) > 0 {
		errs = append(errs, u.Text("\n"), u.Table(trafficTable(reports)))
	}
	errs = append(errs, u.Prose(fmt.Sprintf("\n%s in %.1f s\ndeployments served: %d, of which %d without a binary that the runtime could start\ncalls, with those of the rehearsal itself: %s\n",
		text.Count(len(s.functions), "function"), took.Seconds(), deployments, len(unstartable), text.Counts(s.server.Calls()))))
	return errors.Join(errs...)
}

// table has a row for each function, moment and event, or counts the functions at
// the end of many.
func (s *stage) table() text.Table {
	t := text.Table{
		Header:   []string{"FUNCTION", "WHEN", "RUNTIME", "ARCH", "HANDLER", "ZIP", "ANSWER"},
		Optional: []string{"ARCH", "HANDLER"},
	}
	for _, f := range s.functions[:min(most, len(s.functions))] {
		name, events := f.FunctionName, s.samples[f.FunctionName].Events
		for _, a := range s.acts {
			d := a.served[name]
			first := []string{name, a.name, d.Runtime, d.Architecture, d.Handler, strings.Join(d.Files, " + ")}
			if a.name != s.acts[0].name {
				first[0] = ""
			}
			for i, answer := range a.answers[name] {
				shown := answer.String()
				if len(events) > 1 {
					shown = events[i].Name + ": " + shown
				}
				t.Add(append(first, shown)...)
				first = make([]string, len(first))
			}
		}
	}
	if more := len(s.functions) - most; more > 0 {
		t.Add(fmt.Sprintf("and %d more", more), "", "", "", "", "", "")
	}
	return t
}

// trafficTable has a row for each source of events, or, if there are many, for
// each kind of source.
func trafficTable(reports []traffic.Report) text.Table {
	if len(reports) > most {
		reports = byKind(reports)
	}
	t := text.Table{
		Header:   []string{"TRAFFIC", "SOURCE", "INVOCATIONS", "ERRORS", "RETRIES", "RECORDS", "LOST", "OUT OF ORDER", "WORST LATENCY", "WORST ITERATOR AGE"},
		Optional: []string{"WORST ITERATOR AGE", "WORST LATENCY", "RETRIES", "OUT OF ORDER"},
	}
	for _, r := range reports {
		records, age := "", ""
		if r.Produced > 0 {
			records, age = fmt.Sprint(r.Produced), r.WorstIteratorAge.Round(time.Millisecond).String()
		}
		t.Add(r.Function, fmt.Sprint(r.Kind), fmt.Sprint(r.Invocations), fmt.Sprint(r.Errors), fmt.Sprint(r.Retries), records,
			fmt.Sprint(r.Lost+r.Pending), fmt.Sprint(r.OutOfOrder), r.WorstLatency.Round(time.Millisecond).String(), age)
	}
	return t
}

// byKind adds up the reports of each kind of source.
func byKind(reports []traffic.Report) []traffic.Report {
	var kinds []traffic.Report
	functions := map[traffic.Kind]int{}
	for _, r := range reports {
		i := slices.IndexFunc(kinds, func(k traffic.Report) bool { return k.Kind == r.Kind })
		if i < 0 {
			i = len(kinds)
			kinds = append(kinds, traffic.Report{Kind: r.Kind})
		}
		functions[r.Kind]++
		kinds[i] = add(kinds[i], r)
		kinds[i].Function = text.Count(functions[r.Kind], "function")
	}
	return kinds
}

func add(a, b traffic.Report) traffic.Report {
	a.Invocations += b.Invocations
	a.Errors += b.Errors
	a.Retries += b.Retries
	a.Produced += b.Produced
	a.Lost += b.Lost
	a.Pending += b.Pending
	a.OutOfOrder += b.OutOfOrder
	a.WorstLatency = max(a.WorstLatency, b.WorstLatency)
	a.WorstIteratorAge = max(a.WorstIteratorAge, b.WorstIteratorAge)
	return a
}
