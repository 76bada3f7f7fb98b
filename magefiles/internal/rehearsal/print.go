package rehearsal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/dualboot/magefiles/internal/traffic"
	"example.com/dualboot/magefiles/internal/ui"
)

// most is how many functions are printed one by one.
const most = 20

// print writes how each function stood at each moment, and what its traffic
// came to.
func (s *stage) print(reports []traffic.Report, took time.Duration) {
	out := s.options.Stdout
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FUNCTION\tWHEN\tRUNTIME\tHANDLER\tZIP\tANSWER")
	for _, t := range s.targets[:min(most, len(s.targets))] {
		name := t.FunctionName
		for _, a := range s.acts {
			d := a.served[t.FunctionName]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name, a.name, d.Runtime, d.Handler, strings.Join(d.Files, " + "), a.answer[t.FunctionName])
			name = ""
		}
	}
	w.Flush()
	if more := len(s.targets) - most; more > 0 {
		fmt.Fprintf(out, "and %d more\n", more)
	}
	if len(reports) > 0 {
		fmt.Fprintln(out)
		printTraffic(out, reports)
	}
	fmt.Fprintf(out, `
%s in %.1f s
deployments served: %d, of which %d without a binary that the runtime could start
calls: %s
`, ui.Functions(len(s.targets)), took.Seconds(), s.states, len(s.unstartable), ui.Counts(s.server.Calls()))
}

// printTraffic writes a row for each source, or where they are many for each
// kind of source.
func printTraffic(out io.Writer, reports []traffic.Report) {
	if len(reports) > most {
		reports = byKind(reports)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TRAFFIC\tSOURCE\tINVOCATIONS\tERRORS\tRETRIES\tRECORDS\tLOST\tOUT OF ORDER\tWORST LATENCY\tWORST ITERATOR AGE")
	for _, r := range reports {
		records, age := "", ""
		if r.Produced > 0 {
			records, age = fmt.Sprint(r.Produced), r.WorstIteratorAge.Round(time.Millisecond).String()
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%d\t%d\t%v\t%s\n", r.Function, r.Kind,
			r.Invocations, r.Errors, r.Retries, records, r.Lost+r.Pending, r.OutOfOrder, r.WorstLatency.Round(time.Millisecond), age)
	}
	w.Flush()
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
		kinds[i].Function = ui.Functions(functions[r.Kind])
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
