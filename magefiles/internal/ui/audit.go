package ui

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/audit"
	"example.com/dualboot/magefiles/internal/text"
)

// Audit writes the findings of an audit.
func (u *UI) Audit(r *audit.Report) error {
	table, warnings := findingsTable(r.Findings)
	d := tabular(auditResult(r), r.Findings, table)
	d.text = func(w io.Writer, width int) error { return writeFindings(w, r.Findings, width) }
	d.markdown = func(w io.Writer) error {
		err := writeMarkdownTable(w, table)
		for _, warning := range warnings {
			fmt.Fprintf(w, "\n- %s", markdown(warning.function+": "+strings.Join(warning.texts, "; ")))
		}
		if len(warnings) > 0 {
			fmt.Fprintln(w)
		}
		return err
	}
	return u.publish(d)
}

// warning is what to look at before a function is migrated.
type warning struct {
	function string
	texts    []string
}

// findingsTable returns a table of the functions, and their warnings.
func findingsTable(findings []audit.Finding) (text.Table, []warning) {
	table := text.Table{
		Header:   []string{"FUNCTION", "RUNTIME", "DEPRECATED", "UPDATES BLOCKED", "COVERED BY"},
		Optional: []string{"DEPRECATED"},
	}
	var warnings []warning
	for _, f := range findings {
		runtime, dates := f.Runtime, f.Dates
		if !f.Due {
			first := slices.MinFunc(f.Versions, func(a, b audit.Version) int { return a.BlockUpdate.Date.Compare(b.BlockUpdate.Date) })
			runtime, dates = first.Runtime+" (versions only)", first.Dates
		}
		table.Add(f.FunctionName, runtime, day(dates.Deprecated), day(dates.BlockUpdate), cmp.Or(f.CoveredBy, "-"))
		if len(f.Warnings) > 0 {
			warnings = append(warnings, warning{f.FunctionName, f.Warnings})
		}
	}
	return table, warnings
}

// writeFindings writes a table of the functions, and their warnings.
func writeFindings(w io.Writer, findings []audit.Finding, width int) error {
	if len(findings) == 0 {
		return nil
	}
	table, warnings := findingsTable(findings)
	if err := table.WriteFit(w, width); err != nil {
		return err
	}
	var b strings.Builder
	for _, warning := range warnings {
		fmt.Fprintf(&b, "\n%s\n", warning.function)
		for _, t := range warning.texts {
			b.WriteString(text.Indent("  ", t, width))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// auditResult counts the findings.
func auditResult(r *audit.Report) string {
	return fmt.Sprintf("%d of %s on a runtime that is deprecated or soon blocked", len(r.Findings), text.Count(r.Functions, "function"))
}

// day returns "2027-03-03, in 101 days", or "-" if there is no date.
func day(d audit.Day) string {
	if d.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%v, %s", d.Date, text.Days(d.Days))
}

// AuditNotes returns a summary of an audit, the age of AWS's plan, and what the
// audit did not judge.
func AuditNotes(r *audit.Report) []string {
	functions := text.Count(r.Functions, "function")
	due := fmt.Sprintf("on a runtime that is deprecated, or blocked for updates within %s", text.Count(int(audit.Soon/(24*time.Hour)), "day"))
	notes := []string{fmt.Sprintf("none of %s is %s", functions, due)}
	if len(r.Findings) > 0 {
		notes = []string{fmt.Sprintf("%d of %s %s; %s", len(r.Findings), functions, due, auditSummary(r.Findings))}
	}
	notes = append(notes, fmt.Sprintf("dates are AWS's plan as of %v; AWS keeps moving them: %s", r.Lifecycle.AsOf(), r.Lifecycle.Table))
	if r.Images > 0 {
		notes = append(notes, fmt.Sprintf("not judged: container images (%s)", text.Count(r.Images, "function")))
	}
	if len(r.Unknown) > 0 {
		notes = append(notes, fmt.Sprintf("not judged: runtimes missing from AWS's plan (%s)", strings.Join(r.Unknown, ", ")))
	}
	for _, f := range r.Findings {
		if i := slices.IndexFunc(f.EventSources, func(s audit.EventSource) bool { return s.Note != "" }); i >= 0 {
			return append(notes, fmt.Sprintf("not judged: SQS event sources (%s)", f.EventSources[i].Note))
		}
	}
	return notes
}

// auditSummary counts findings by what needs attention.
func auditSummary(findings []audit.Finding) string {
	var covered, lossy, used, idle, snapshots int
	for _, f := range findings {
		if f.CoveredBy != "" {
			covered++
		}
		if slices.ContainsFunc(f.EventSources, func(s audit.EventSource) bool { return s.MayLose != "" }) {
			lossy++
		}
		unused := 0
		for _, v := range f.Versions {
			if v.Idle() {
				unused++
			}
			if v.Idle() && v.Snapshot {
				snapshots++
			}
		}
		if unused < len(f.Versions) {
			used++
		}
		idle += unused
	}
	summary := fmt.Sprintf("%d in lambdas.json, %d may lose records, %d with such versions in use, %s that no alias or event source points at",
		covered, lossy, used, text.Count(idle, "version"))
	if snapshots > 0 {
		summary += fmt.Sprintf(" (%s, for a rollback)", text.Count(snapshots, "snapshot"))
	}
	return summary
}
