package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/probe"
)

func TestProbePage(t *testing.T) {
	fact := probe.Fact{Statement: "AWS does this.", Assumed: "it does", Matters: "deploy"}
	began := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	r := &probe.Report{
		ID: "abcdefgh", Region: "us-east-1", Settle: "1m0s", Started: began, Ended: began.Add(time.Minute),
		Experiments: []probe.Outcome{
			{Name: "first", Findings: []probe.Finding{fact.Check(true, "it did", ""), fact.Check(false, "it\ndid not", "Change it.")}},
			{Name: "second", Findings: []probe.Finding{fact.Settle("yes", ""), fact.Unseen("too fast")}},
			{Name: "third", Question: "Does it?", NotRun: "it needs -quotas"},
			{Name: "fourth", Question: "Why?", Error: "refused"},
		},
	}
	want := `# What AWS Lambda does

- Run abcdefgh of dualboot's probe, 2026-11-28 12:00:00 UTC to 2026-11-28 12:01:00 UTC
- Region us-east-1 of AWS
- Assumed settle delay: 1m0s
- Findings: 1 agrees, 1 differs, 1 not seen, 1 settled

## Differs from what dualboot assumes

- **first:** AWS does this.
  - assumed: it does
  - observed: it did not
  - matters for: deploy
  - change: Change it.

## Settled: dualboot did not know

- **second:** AWS does this.
  - assumed: it does
  - observed: yes
  - matters for: deploy

## As dualboot assumes

- **first:** AWS does this.
  - assumed: it does
  - observed: it did
  - matters for: deploy

## Not seen: the experiment could not tell

- **second:** AWS does this.
  - assumed: it does
  - observed: too fast
  - matters for: deploy

## Without findings

- **third:** Does it?
  - not run: it needs -quotas
- **fourth:** Why?
  - FAILED: refused

The evidence is in probe.json.
`
	if diff := cmp.Diff(want, ProbePage(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	page := ProbePage(&probe.Report{Endpoint: "http://127.0.0.1:1", Left: "deleting x: refused\n", Experiments: r.Experiments[1:2]})
	for _, part := range []string{
		"of http://127.0.0.1:1, which is not AWS\n", "## Differs from what dualboot assumes\n\nNothing.\n",
		"**Not everything is deleted.** Run the same command with -clean. deleting x: refused\n",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not contain %q:\n%s", part, page)
		}
	}
}

// A page without findings does not say that nothing differs.
func TestProbePageWithoutFindings(t *testing.T) {
	if page := ProbePage(&probe.Report{Experiments: []probe.Outcome{{Name: "first", NotRun: "interrupted"}}}); strings.Contains(page, "Nothing.") {
		t.Errorf("the page is\n%s", page)
	}
}

func TestProbePlan(t *testing.T) {
	var out strings.Builder
	err := New(&out, nil).ProbePlan([]probe.Experiment{
		{Name: "window", Question: "How long?", Functions: 4, Invocations: 25000, Takes: 8 * time.Minute},
		{Name: "layer", Question: "Which?", Functions: 3, Layers: 1, Invocations: 3, Takes: 30 * time.Second},
	}, "us-east-1", "123456789012")
	want := `EXPERIMENT  QUESTION   FUNCTIONS  LAYERS  INVOCATIONS  TAKES ABOUT
window      How long?  4          0       25,000       8m0s
layer       Which?     3          1       3            30s

This would create 7 functions and 1 layer in account 123456789012, us-east-1,
named dualboot-probe-…, a few at a time, and delete them after each experiment.
It would take about 9m0s, and 25,003 invocations would cost about 0.01 US dollars.
It reads and changes nothing else. Nothing has been created: run the same command with -yes.
`
	if diff := cmp.Diff(want, out.String()); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
