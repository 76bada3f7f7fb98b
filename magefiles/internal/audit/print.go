package audit

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes the findings for a terminal: a table of the functions, and what
// there is to warn of.
func (r *Report) Print(w io.Writer) {
	if len(r.Findings) == 0 {
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FUNCTION\tRUNTIME\tDEPRECATED\tUPDATES BLOCKED\tCOVERED BY")
	for _, f := range r.Findings {
		runtime, deprecated, blocked := f.Runtime, f.Deprecated, f.BlockUpdate
		if !f.Due {
			v := slices.MinFunc(f.Versions, func(a, b Version) int { return a.BlockUpdate.Date.Compare(b.BlockUpdate.Date) })
			runtime, deprecated, blocked = v.Runtime+" (versions only)", v.Deprecated, v.BlockUpdate
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.FunctionName, runtime,
			cmp.Or(deprecated.String(), "-"), cmp.Or(blocked.String(), "-"), cmp.Or(f.CoveredBy, "-"))
	}
	table.Flush()
	for _, f := range r.Findings {
		if len(f.Warnings) > 0 {
			fmt.Fprintf(w, "\n%s\n  %s\n", f.FunctionName, strings.Join(f.Warnings, "\n  "))
		}
	}
}

// Notes are a summary, how old AWS's plan is, and what was not judged, one a
// line.
func (r *Report) Notes() []string {
	due := fmt.Sprintf("on a runtime that is deprecated, or blocked for updates within %s", count(int(r.Within/(24*time.Hour)), "day"))
	notes := []string{fmt.Sprintf("none of %s is %s", count(r.Functions, "function"), due)}
	if len(r.Findings) > 0 {
		notes = []string{fmt.Sprintf("%d of %s %s; %s", len(r.Findings), count(r.Functions, "function"), due, r.summary())}
	}
	notes = append(notes, fmt.Sprintf("dates are AWS's plan as of %v; AWS keeps moving them: %s", r.Plan.AsOf(), r.Plan.Table))
	if r.Images > 0 {
		notes = append(notes, fmt.Sprintf("not judged: container images (%s)", count(r.Images, "function")))
	}
	if len(r.Unknown) > 0 {
		notes = append(notes, fmt.Sprintf("not judged: runtimes that the plan does not have (%s)", strings.Join(r.Unknown, ", ")))
	}
	if slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return slices.ContainsFunc(f.EventSources, func(s EventSource) bool { return s.Note != "" })
	}) {
		notes = append(notes, fmt.Sprintf("not judged: SQS event sources (%s)", redrive))
	}
	return notes
}

// summary counts what the findings have.
func (r *Report) summary() string {
	var covered, lossy, left, idle int
	for _, f := range r.Findings {
		if f.CoveredBy != "" {
			covered++
		}
		if slices.ContainsFunc(f.EventSources, func(s EventSource) bool { return s.MayLose != "" }) {
			lossy++
		}
		for _, v := range f.Versions {
			if v.Idle() {
				idle++
			}
		}
		if slices.ContainsFunc(f.Versions, func(v Version) bool { return !v.Idle() }) {
			left++
		}
	}
	return fmt.Sprintf("%d in lambdas.json, %d may lose records, %d with such versions in use, %s that no alias or event source points at",
		covered, lossy, left, count(idle, "version"))
}
