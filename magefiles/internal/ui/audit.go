package ui

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"example.com/dualboot/magefiles/internal/audit"
	"example.com/dualboot/magefiles/internal/report"
	"example.com/dualboot/magefiles/internal/text"
)

// Audit writes the findings of an audit.
func (u *UI) Audit(r *audit.Report) error {
	table, warnings := findingsTable(r)
	d := tabular(auditResult(r), r.Findings, table)
	d.rows = append(d.rows, anys(r.Unread)...)
	d.text = func(w io.Writer, width int) error { return writeFindings(w, r, width) }
	d.markdown = func(w io.Writer) error {
		err := writeMarkdownTable(w, table)
		for _, warning := range warnings {
			fmt.Fprintf(w, "\n- %s", markdown(warning.function+": "+strings.Join(warning.texts, "; ")))
		}
		for _, unread := range unreadTexts(r.Unread) {
			fmt.Fprintf(w, "\n- %s", markdown("not read: "+unread))
		}
		if len(warnings)+len(r.Unread) > 0 {
			fmt.Fprintln(w)
		}
		return err
	}
	u.record.Show(u.auditSheet(r, table, warnings))
	return u.publish(d)
}

// auditSheet returns the report of an audit as a page.
func (u *UI) auditSheet(r *audit.Report, table text.Table, warnings []warning) report.Sheet {
	notes := AuditNotes(r)
	sheet := report.Sheet{Title: u.title, Summary: notes[0], Notes: notes[1:], Failures: unreadTexts(r.Unread)}
	if r.Merged {
		places := report.SheetTable{Title: "Accounts and regions", Header: []string{"Account", "Region", "Functions", "Due"}}
		for _, p := range r.Places {
			places.Rows = append(places.Rows, report.SheetRow{Cells: []string{p.Account, p.Region, text.Thousands(p.Functions), text.Thousands(p.Findings)}})
		}
		sheet.Tables = append(sheet.Tables, places)
	}
	functions := report.SheetTable{Title: "Functions"}
	for _, name := range table.Header {
		functions.Header = append(functions.Header, name[:1]+strings.ToLower(name[1:]))
	}
	for _, cells := range table.Rows {
		functions.Rows = append(functions.Rows, report.SheetRow{Cells: cells})
	}
	for _, w := range warnings {
		functions.Rows[w.row].Notes = w.texts
	}
	if len(functions.Rows) > 0 {
		sheet.Tables = append(sheet.Tables, functions)
	}
	return sheet
}

// warning is what to look at before a function is migrated.
type warning struct {
	row      int // of the table
	function string
	texts    []string
}

// findingsTable returns a table of the functions, and their warnings. It says in
// which account and region they are if these were named.
func findingsTable(r *audit.Report) (text.Table, []warning) {
	table := text.Table{
		Header:   []string{"FUNCTION", "RUNTIME", "DEPRECATED", "UPDATES BLOCKED", "COVERED BY", "ROAD", "ARCHITECTURE", "LAST CHANGE", "ARM64 SAVES"},
		Optional: []string{"DEPRECATED", "LAST CHANGE", "ARCHITECTURE", "ARM64 SAVES", "COVERED BY", "ROAD", "UPDATES BLOCKED"},
	}
	if r.Merged {
		table.Header = slices.Insert(table.Header, 1, "ACCOUNT", "REGION", "DAYS LEFT")
	} else {
		table.Optional = table.Optional[:len(table.Optional)-1]
	}
	var warnings []warning
	for _, f := range r.Findings {
		runtime, dates := f.Runtime, f.Dates
		if !f.Due {
			first := slices.MinFunc(f.Versions, func(a, b audit.Version) int { return a.BlockUpdate.Date.Compare(b.BlockUpdate.Date) })
			runtime, dates = first.Runtime+" (versions only)", first.Dates
		}
		changed, _, _ := strings.Cut(f.LastModified, "T")
		cells := []string{f.FunctionName, runtime, day(dates.Deprecated), day(dates.BlockUpdate), cmp.Or(f.CoveredBy, "-"),
			f.Road, f.Architecture, changed, saves(f.Usage)}
		name := f.FunctionName
		if r.Merged {
			cells = slices.Insert(cells, 1, f.Account, f.Region, daysLeft(dates.BlockUpdate))
			name = fmt.Sprintf("%s (%s, %s)", name, f.Account, f.Region)
		}
		table.Add(cells...)
		if len(f.Warnings) > 0 {
			warnings = append(warnings, warning{len(table.Rows) - 1, name, f.Warnings})
		}
	}
	return table, warnings
}

// daysLeft returns the days until AWS blocks updates, "101", or "-" without a date.
func daysLeft(d audit.Day) string {
	if d.IsZero() {
		return "-"
	}
	return text.Thousands(d.Days)
}

// saves returns what arm64 would save: "~$12.30", or "-" if that is unknown.
func saves(u *audit.Usage) string {
	switch {
	case u == nil:
		return "-"
	case u.ARM64SavesUSD < 0.01:
		return "~$0"
	}
	return fmt.Sprintf("~$%.2f", u.ARM64SavesUSD)
}

// writeFindings writes a table of the functions, and their warnings.
func writeFindings(w io.Writer, r *audit.Report, width int) error {
	if len(r.Findings) == 0 {
		return nil
	}
	table, warnings := findingsTable(r)
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
	return fmt.Sprintf("%d of %s on a runtime that is deprecated or soon blocked", len(r.Findings), text.Count(r.Functions, "function")+in(r))
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
	functions := text.Count(r.Functions, "function") + in(r)
	due := fmt.Sprintf("on a runtime that is deprecated, or blocked for updates within %s", text.Count(int(audit.Soon/(24*time.Hour)), "day"))
	notes := []string{fmt.Sprintf("none of %s is %s", functions, due)}
	if len(r.Findings) > 0 {
		notes = []string{fmt.Sprintf("%d of %s %s; %s", len(r.Findings), functions, due, auditSummary(r.Findings))}
	}
	if len(r.Unread) > 0 {
		notes[0] += fmt.Sprintf("; not read: %s, see below", text.Count(len(r.Unread), "place"))
	}
	if r.Lifecycle != nil {
		notes = append(notes, fmt.Sprintf("dates are AWS's plan as of %v; AWS keeps moving them: %s", r.Lifecycle.AsOf(), r.Lifecycle.Table))
	}
	notes = append(notes, usageNotes(r)...)
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

// in counts the places that were named: " in 2 accounts, 3 regions".
func in(r *audit.Report) string {
	if !r.Merged {
		return ""
	}
	accounts, regions := map[string]bool{}, map[string]bool{}
	for _, p := range r.Places {
		accounts[p.Account], regions[p.Region] = true, true
	}
	return fmt.Sprintf(" in %s, %s", text.Count(len(accounts), "account"), text.Count(len(regions), "region"))
}

// usageNotes say what the estimates of arm64 are, and why some are missing.
func usageNotes(r *audit.Report) []string {
	var notes []string
	var sum float64
	measured := false
	for _, f := range r.Findings {
		if f.Usage != nil {
			measured = true
			sum += f.Usage.ARM64SavesUSD
		}
	}
	if measured {
		notes = append(notes, fmt.Sprintf("estimate: arm64 would have saved about $%.2f in %d days, for the same durations at the prices of US East (N. Virginia), without requests, free tier and discounts",
			sum, audit.UsageDays))
	}
	if n := len(r.Unmeasured); n > 0 {
		where := ""
		if r.Merged {
			where = fmt.Sprintf(" in %s, such as %s", text.Count(n, "place"), strings.TrimSpace(r.Unmeasured[0].Account+" "+r.Unmeasured[0].Region))
		}
		notes = append(notes, fmt.Sprintf("not estimated: what arm64 would save%s (%s)", where, r.Unmeasured[0].Error))
	}
	return notes
}

// AuditError returns what could not be audited as one *multierror.Error, or nil.
func AuditError(r *audit.Report) error {
	all := &multierror.Error{ErrorFormat: func(errs []error) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%s could not be read:", text.Count(len(r.Unread), "place"))
		for _, err := range errs {
			fmt.Fprintf(&b, "\n  - %s", strings.ReplaceAll(err.Error(), "\n", "\n    "))
		}
		return b.String()
	}}
	for _, unread := range unreadTexts(r.Unread) {
		all = multierror.Append(all, errors.New(unread))
	}
	return all.ErrorOrNil()
}

// unreadTexts describes what could not be read. Regions of an account that failed
// for the same reason share a text, with the request of the first.
func unreadTexts(list []audit.Unread) []string {
	request := regexp.MustCompile(` \(request [^)]*\)`)
	var texts []string
	for len(list) > 0 {
		first, n := list[0], 1
		reason := request.ReplaceAllString(first.Error, "")
		where, regions := "account "+first.Account, []string{first.Region}
		for ; n < len(list) && list[n].Account == first.Account && request.ReplaceAllString(list[n].Error, "") == reason; n++ {
			regions = append(regions, list[n].Region)
		}
		if first.Region != "" {
			where += " in " + text.List(regions, len(regions))
		}
		texts = append(texts, where+": "+first.Error)
		list = list[n:]
	}
	return texts
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
	summary := fmt.Sprintf("%d in lambdas.json, %d may lose records, %d whose aliases or event sources use an old version, %s that no alias or event source points at",
		covered, lossy, used, text.Count(idle, "version"))
	if snapshots > 0 {
		summary += fmt.Sprintf(" (%s, for a rollback)", text.Count(snapshots, "snapshot"))
	}
	return summary
}
