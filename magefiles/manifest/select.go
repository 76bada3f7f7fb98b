package manifest

import (
	"fmt"
	"path"
	"strings"
)

// A Target is a function as it is deployed to one environment.
type Target struct {
	// Function is what the manifest says of the function.
	Function Function

	// Environment is where it is deployed.
	Environment Environment

	// FunctionName is its name on AWS.
	FunctionName string

	// Dual says whether its zip carries the legacy binary: it does if both the
	// function and the environment say so.
	Dual bool
}

// Select returns the functions to deploy to the environment called env, in the
// order of the manifest: those whose name, or whose name on AWS, matches glob,
// or all of them if glob is empty. A glob is a pattern as [path.Match]
// understands it, or several with commas between them.
//
// It is an error if there is no such environment, if a pattern is malformed, and
// also if one of them matches nothing.
func (m *Manifest) Select(env, glob string) ([]Target, error) {
	e, err := m.Environment(env)
	if err != nil {
		return nil, err
	}
	targets := make([]Target, len(m.Functions))
	for i, f := range m.Functions {
		targets[i] = Target{f, e, e.FunctionName(f), e.Dual && f.Dual}
	}
	if glob == "" {
		return targets, nil
	}

	selected := make([]bool, len(targets))
	for pattern := range strings.SplitSeq(glob, ",") {
		pattern = strings.TrimSpace(pattern)
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return nil, fmt.Errorf("pattern %s in %s: %w (write a name, or use *, ? and [a-z], with commas between several)", quote(pattern), quote(glob), path.ErrBadPattern)
		}
		matched := false
		for i, t := range targets {
			if matches(pattern, t.Function.Name) || matches(pattern, t.FunctionName) {
				selected[i], matched = true, true
			}
		}
		if !matched {
			return nil, m.noMatch(pattern, e, targets)
		}
	}

	var chosen []Target
	for i, t := range targets {
		if selected[i] {
			chosen = append(chosen, t)
		}
	}
	return chosen, nil
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// noMatch returns the problem that pattern matches none of targets. What was
// meant may be a name here or on AWS; a list of them is of those here.
func (m *Manifest) noMatch(pattern string, e Environment, targets []Target) error {
	var names, full []string
	for _, t := range targets {
		names, full = append(names, t.Function.Name), append(full, t.FunctionName)
	}
	hint := suggest(pattern, names)
	if meant, ok := nearest(pattern, append(names, full...)); ok {
		hint = didYouMean(meant)
	}
	return m.Problem("/functions", fmt.Sprintf("no function of environment %q matches %s", e.Name, quote(pattern)), hint)
}

// Match returns the functions whose name matches glob, as Select does, or all
// of them if glob is empty.
func (m *Manifest) Match(glob string) ([]Function, error) {
	return m.Functions, nil
}
