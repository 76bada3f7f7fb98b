package experiments

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
	"example.com/dualboot/magefiles/internal/probe/mark"
	"example.com/dualboot/magefiles/internal/text"
)

// sequence is a function that was watched during two updates.
type sequence struct {
	Order   []string // of the updates: "code" and "configuration"
	Settles bool     // it waited for the settle delay between the two
	Updates []lab.Update
	Samples []sample // code and configuration of each call
}

// versions are the marks of code and configuration before and after the updates.
var versions = map[string][2]string{"code": {"A", "B"}, "configuration": {"1", "2"}}

// window asks how long old and new serve after an update, and whether code and
// configuration mix.
func window(o Options) probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:        "window",
		Question:    "How long does a replaced version serve after an update, and do code and configuration mix?",
		Functions:   4,
		Invocations: 2*o.invocations(o.watched(atLeast)) + 2*o.invocations(o.watched(atLeast+1)),
		Takes:       2*o.watched(atLeast) + 2*o.watched(atLeast+1),
	}, func(ctx context.Context, l *lab.Lab) (list []sequence, err error) {
		for _, order := range [][]string{{"code", "configuration"}, {"configuration", "code"}} {
			for _, settles := range []bool{false, true} {
				s := sequence{Order: order, Settles: settles}
				err := s.record(ctx, l, o)
				list = append(list, s)
				if err != nil {
					return list, err
				}
			}
		}
		return list, nil
	}, func(list []sequence) []probe.Finding { return judgeWindow(list, o.Settle) })
}

// record makes both updates and watches the function meanwhile.
func (s *sequence) record(ctx context.Context, l *lab.Lab, o Options) error {
	before, err := l.Zip(lab.Code("A")...)
	if err != nil {
		return err
	}
	after, err := l.Zip(lab.Code("B")...)
	if err != nil {
		return err
	}
	f, err := l.Create(ctx, lab.Spec{Zip: before, Configuration: "1"})
	if err != nil {
		return err
	}
	w := watch(ctx, f, o.Rate, func(m mark.Mark) parts { return parts{m.Code, m.Configuration} })
	defer func() { s.Samples = w.end() }()
	if err := lab.Sleep(ctx, warm(o.Settle)); err != nil {
		return err
	}
	for i, kind := range s.Order {
		if i > 0 && s.Settles {
			if err := lab.Sleep(ctx, o.Settle); err != nil {
				return err
			}
		}
		var accepted lab.Answer
		if kind == "code" {
			accepted, err = f.UpdateCode(ctx, after, nil)
		} else {
			accepted, err = f.Configure(ctx, lab.Marked("2"))
		}
		u, err := f.Finish(ctx, accepted, err)
		if err != nil {
			return err
		}
		s.Updates = append(s.Updates, u)
	}
	return w.settled(ctx, parts{"B", "2"}, s.Updates[1].End().Received, o.Settle)
}

// deployed returns the pairs of code and configuration that were ever deployed.
func (s sequence) deployed() []parts {
	if s.Order[0] == "code" {
		return []parts{{"A", "1"}, {"B", "1"}, {"B", "2"}}
	}
	return []parts{{"A", "1"}, {"A", "2"}, {"B", "2"}}
}

// name describes the sequence: "code, settle, configuration".
func (s sequence) name() string {
	between := ", "
	if s.Settles {
		between = ", settle, "
	}
	return strings.Join(s.Order, between)
}

func judgeWindow(list []sequence, settle time.Duration) []probe.Finding {
	code, configuration := replaced(list, "code"), replaced(list, "configuration")
	findings := []probe.Finding{
		judgeReplaced(code, "code", settle),
		judgeReplaced(configuration, "configuration", settle),
		judgeEarly(list),
	}
	longest := max(code.longest, configuration.longest)
	findings = append(findings, judgeMixtures(list, longest, settle)...)
	var all []sample
	for _, s := range list {
		all = append(all, s.Samples...)
	}
	return append(findings, judgeFailures(all))
}

// old is how a replaced version answered after the ends of updates.
type old struct {
	longest   time.Duration // from an update's end to the last call that it served
	calls, of int
	toTheEnd  bool // it still served when the watch ended
}

// replaced looks at the answers after the end of each update of one kind.
func replaced(list []sequence, kind string) (r old) {
	part := slices.Index([]string{"code", "configuration"}, kind)
	for _, s := range list {
		ended := s.Updates[slices.Index(s.Order, kind)].End().Received
		var last, end time.Time
		for _, c := range s.Samples {
			if c.Error != "" || !c.Sent.After(ended) {
				continue
			}
			r.of++
			if c.Sent.After(end) {
				end = c.Sent
			}
			if c.Parts[part] == versions[kind][0] {
				r.calls++
				if c.Sent.After(last) {
					last = c.Sent
				}
			}
		}
		if last.IsZero() {
			continue
		}
		r.longest = max(r.longest, last.Sub(ended))
		r.toTheEnd = r.toTheEnd || end.Sub(last) < 200*time.Millisecond
	}
	return r
}

func judgeReplaced(r old, kind string, settle time.Duration) probe.Finding {
	fact := probe.Fact{
		Statement: fmt.Sprintf("After an update of the %s is Successful, the replaced version still serves for a while.", kind),
		Assumed:   fmt.Sprintf("for at most %v, the settle delay", settle),
		Matters:   "deploy, rollback and cleanup wait for the settle delay between two updates",
	}
	switch {
	case r.of == 0:
		return fact.Unseen("no call was answered after the update")
	case r.calls == 0:
		return fact.Check(false, fmt.Sprintf("it served none of %s after the update", text.Count(r.of, "call")),
			"Nothing yet: the settle delay may be unnecessary, but one run with one function is no reason to drop it.")
	}
	observed := fmt.Sprintf("it served %d of %s, the last one %v after the update", r.calls, text.Count(r.of, "call"), text.Duration(r.longest))
	if r.toTheEnd {
		observed += ", when the watch ended"
	}
	return fact.Check(r.longest <= settle, observed, raise(r.longest))
}

// raise says how to set a settle delay that is too short.
func raise(longest time.Duration) string {
	return fmt.Sprintf(`Set "settle" to at least %v in lambdas.json, and raise manifest.DefaultSettle.`, longest.Truncate(time.Second)+time.Second)
}

// judgeEarly looks for answers of the new version while an update was in progress.
func judgeEarly(list []sequence) probe.Finding {
	fact := probe.Fact{
		Statement: "While an update is InProgress, the previous version serves.",
		Assumed:   "always, as AWS documents",
		Matters:   "an update that fails changes nothing for callers",
	}
	early, of := 0, 0
	for _, s := range list {
		for i, kind := range s.Order {
			part := slices.Index([]string{"code", "configuration"}, kind)
			var progress time.Time // the last time at which it was certainly in progress
			for _, read := range s.Updates[i].Reads {
				if read.Function.LastUpdateStatus == "InProgress" {
					progress = read.Sent
				}
			}
			for _, c := range s.Samples {
				if c.Error == "" && c.Sent.After(s.Updates[i].Accepted.Received) && c.answered().Before(progress) {
					of++
					if c.Parts[part] == versions[kind][1] {
						early++
					}
				}
			}
		}
	}
	if of == 0 {
		return fact.Unseen("no call was sent and answered while an update was in progress")
	}
	return fact.Check(early == 0, fmt.Sprintf("the new version answered %d of %s", early, text.Count(of, "call")),
		"Treat the beginning of an update as the beginning of its window in rollout/plan.go.")
}

func judgeMixtures(list []sequence, longest, settle time.Duration) []probe.Finding {
	apart := probe.Fact{
		Statement: "With the settle delay between two updates, no call meets code and configuration that were never deployed together.",
		Assumed:   "none does",
		Matters:   "the invariant of a migration: code, wait, settle, switch",
	}
	mixes := probe.Fact{
		Statement: "Without a delay between two updates, code and configuration mix.",
		Assumed:   unknown + "; dualboot allows for it",
		Matters:   "whether a settle delay is needed before the switch",
	}
	var settled, unsettled []string
	for _, s := range list {
		found := mixtures(s.Samples, s.deployed())
		if found == "" {
			continue
		}
		if s.Settles {
			settled = append(settled, s.name()+": "+found)
		} else {
			unsettled = append(unsettled, s.name()+": "+found)
		}
	}
	findings := []probe.Finding{apart.Check(len(settled) == 0, none(settled), raise(max(longest, settle)))}
	if len(unsettled) > 0 {
		return append(findings, mixes.Settle("they mix: "+strings.Join(unsettled, "; "), "Keep the settle delay: it is needed."))
	}
	return append(findings, mixes.Settle("no mixture was seen", "Nothing yet: one run is no reason to drop the settle delay."))
}

// mixtures counts the calls by pair that was never deployed: "5 calls of A with
// 2". It returns "" if there is none.
func mixtures(samples []sample, deployed []parts) string {
	counts := map[parts]int{}
	for _, c := range samples {
		if c.Error == "" && !slices.Contains(deployed, c.Parts) {
			counts[c.Parts]++
		}
	}
	var found []string
	for pair, n := range counts {
		found = append(found, fmt.Sprintf("%s of %s with %s", text.Count(n, "call"), pair[0], pair[1]))
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

func none(found []string) string {
	if len(found) == 0 {
		return "none"
	}
	return strings.Join(found, "; ")
}

// judgeFailures looks for calls that failed during updates.
func judgeFailures(samples []sample) probe.Finding {
	fact := probe.Fact{
		Statement: "No invocation fails because of an update.",
		Assumed:   "none does",
		Matters:   "a migration without downtime",
	}
	failed, throttled, first := 0, 0, ""
	for _, c := range samples {
		switch {
		case c.Throttled:
			throttled++
		case c.Error != "":
			failed++
			if first == "" {
				first = ": " + c.Error
			}
		}
	}
	observed := fmt.Sprintf("%d of %s failed%s", failed, text.Count(len(samples), "call"), first)
	if throttled > 0 {
		observed += fmt.Sprintf("; %d more were throttled, because the account can run few functions at once", throttled)
	}
	return fact.Check(failed == 0, observed, "Find out what failed in probe.json; a migration would lose such calls.")
}
