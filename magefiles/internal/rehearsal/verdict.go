package rehearsal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/traffic"
)

// conclude writes the verdict and returns the error.
func (s *stage) conclude(reports []traffic.Report, err error) error {
	return s.options.UI.Verdict(s.verdict(reports, err), err)
}

// verdict says in one line what was proved, or what failed.
func (s *stage) verdict(reports []traffic.Report, err error) string {
	deployments, unstartable := s.deployed()
	var all traffic.Report
	for _, r := range reports {
		all = add(all, r)
	}
	figures := fmt.Sprintf("%s, %s; %s, %d lost; %s, %d unable to start",
		text.Count(all.Invocations, "invocation"), text.Count(all.Errors, "error"),
		text.Count(all.Produced, "record"), all.Lost+all.Pending,
		text.Count(deployments, "deployment"), len(unstartable))
	if s.options.Settle < s.options.Window && len(unstartable) > 0 {
		figures += fmt.Sprintf("; the settle delay (%v) is shorter than the mixing window (%v)", s.options.Settle, s.options.Window)
	}
	names := failures(err)
	switch {
	case errors.Is(err, fleet.ErrInterrupted):
		return "FAIL: interrupted; " + figures
	case len(names) > 0:
		return fmt.Sprintf("FAIL: %s: %s; %s", text.Count(len(names), "function"), text.List(names, 5), figures)
	case err != nil:
		reason, _, _ := strings.Cut(err.Error(), ";")
		reason, _, _ = strings.Cut(reason, "\n")
		return "FAIL: " + reason + "; " + figures
	}
	answering := 0
	for _, f := range s.functions {
		if len(s.sources(f.FunctionName)) > 0 {
			answering++
		}
	}
	proved := "PASS: " + text.Count(answering, "function") + " answered as before"
	if changed := len(s.changes()); changed > 0 {
		proved = fmt.Sprintf("PASS: %s answered, %d of them otherwise than before", text.Count(answering, "function"), changed)
	}
	if failing := len(s.functions) - answering; failing > 0 {
		proved += fmt.Sprintf(", %d failed from the start", failing)
	}
	return proved + "; " + figures
}

// failures returns the functions that an error is about, each once.
func failures(err error) (names []string) {
	for _, e := range fleet.Failures(fleet.Flatten(err)) {
		if !slices.Contains(names, e.Function) {
			names = append(names, e.Function)
		}
	}
	return names
}
