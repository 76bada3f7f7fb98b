package ui

import (
	"fmt"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/text"
)

// What AWS charges in US dollars, in us-east-1 for x86_64: for a request, and for
// a gigabyte and second. An invocation of a probe's function takes a few
// milliseconds with 128 MB; the estimate allows for ten. Source:
// https://aws.amazon.com/lambda/pricing/
const (
	requestPrice  = 0.20 / 1e6
	computePrice  = 0.0000166667
	perInvocation = requestPrice + computePrice*0.125*0.010
)

// ProbePlan writes what the experiments create, how long they take and what they
// cost.
func (u *UI) ProbePlan(experiments []probe.Experiment, region, account string) error {
	t := text.Table{Header: []string{"EXPERIMENT", "QUESTION", "FUNCTIONS", "LAYERS", "INVOCATIONS", "TAKES ABOUT"}}
	var functions, layers, invocations int
	var takes time.Duration
	for _, e := range experiments {
		t.Add(e.Name, e.Question, fmt.Sprint(e.Functions), fmt.Sprint(e.Layers), text.Thousands(e.Invocations), e.Takes.Round(time.Second).String())
		functions, layers, invocations, takes = functions+e.Functions, layers+e.Layers, invocations+e.Invocations, takes+e.Takes
	}
	if err := u.Table(t); err != nil {
		return err
	}
	return u.Text(fmt.Sprintf(`
This would create %s and %s in account %s, %s,
named dualboot-probe-…, a few at a time, and delete them after each experiment.
It would take about %v, and %s would cost about %.2f US dollars.
It reads and changes nothing else. Nothing has been created: run the same command with -yes.
`, text.Count(functions, "function"), text.Count(layers, "layer"), account, region,
		takes.Round(time.Minute), text.Count(invocations, "invocation"), max(0.01, float64(invocations)*perInvocation)))
}

// ProbePage returns what a probe found as a page of Markdown.
func ProbePage(r *probe.Report) string {
	var b strings.Builder
	where := "AWS"
	if r.Endpoint != "" {
		where = r.Endpoint + ", which is not AWS"
	}
	fmt.Fprintf(&b, `# What AWS Lambda does

- Run %s of dualboot's probe, %s to %s
- Region %s of %s
- Assumed settle delay: %s
- Findings: %s
`, r.ID, text.Second(r.Started), text.Second(r.Ended), r.Region, where, r.Settle, text.Counts(r.Counts()))
	if r.Left != "" {
		fmt.Fprintf(&b, "\n**Not everything is deleted.** Run the same command with -clean. %s\n", strings.ReplaceAll(strings.TrimSpace(r.Left), "\n", "; "))
	}
	for _, section := range []struct {
		class       probe.Class
		title, none string
	}{
		{probe.Differs, "Differs from what dualboot assumes", "Nothing."},
		{probe.Settled, "Settled: dualboot did not know", ""},
		{probe.Agrees, "As dualboot assumes", ""},
		{probe.NotSeen, "Not seen: the experiment could not tell", ""},
	} {
		list := probeList(r, section.class)
		if list == "" && len(r.Counts()) > 0 {
			list = section.none
		}
		if list != "" {
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", section.title, strings.TrimSuffix(list, "\n"))
		}
	}
	if list := probeNotRun(r); list != "" {
		fmt.Fprintf(&b, "\n## Without findings\n\n%s", list)
	}
	b.WriteString("\nThe evidence is in probe.json.\n")
	return b.String()
}

// probeList lists the findings of one class.
func probeList(r *probe.Report, class probe.Class) string {
	var b strings.Builder
	for _, o := range r.Experiments {
		for _, f := range o.Findings {
			if f.Class != class {
				continue
			}
			fmt.Fprintf(&b, "- **%s:** %s\n  - assumed: %s\n  - observed: %s\n  - matters for: %s\n", o.Name, f.Statement, f.Assumed, oneLine(f.Observed), f.Matters)
			if f.Change != "" {
				fmt.Fprintf(&b, "  - change: %s\n", f.Change)
			}
		}
	}
	return b.String()
}

// probeNotRun lists the experiments without findings, and why.
func probeNotRun(r *probe.Report) string {
	var b strings.Builder
	for _, o := range r.Experiments {
		if o.NotRun != "" || o.Error != "" {
			fmt.Fprintf(&b, "- **%s:** %s\n  - %s\n", o.Name, o.Question, oneLine(o.Summary()))
		}
	}
	return b.String()
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }
