package manifest

import (
	"errors"
	"fmt"
	"path"
	"slices"
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

// Pattern returns the glob that an optional flag gives: "" for all functions
// where there is no flag. An empty flag is an error, since an unset variable in
// a shell makes one.
func Pattern(only *string) (string, error) {
	if only == nil {
		return "", nil
	}
	if *only == "" {
		return "", errors.New("-only is empty; leave it out to choose all functions")
	}
	return *only, nil
}

// Choice selects names that are not in a manifest by patterns, and remembers
// which of them it has used. The zero value selects all. It is for one goroutine.
type Choice struct {
	patterns []string
	used     []bool
}

// Choose returns the choice of a glob: see [Manifest.Select]. An error is a
// pattern that is malformed.
func Choose(glob string) (*Choice, error) {
	if glob == "" {
		return &Choice{}, nil
	}
	list, err := patterns(glob)
	return &Choice{list, make([]bool, len(list))}, err
}

// Has reports whether one of the patterns matches one of a thing's names.
func (c *Choice) Has(names ...string) bool {
	has := len(c.patterns) == 0
	for i, pattern := range c.patterns {
		if slices.ContainsFunc(names, func(name string) bool { return matches(pattern, name) }) {
			c.used[i], has = true, true
		}
	}
	return has
}

// Unused returns the first pattern that has matched nothing so far, "" if there
// is none.
func (c *Choice) Unused() string {
	if i := slices.Index(c.used, false); i >= 0 {
		return c.patterns[i]
	}
	return ""
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
	return choose(m, targets, glob, fmt.Sprintf("function of environment %q", env), func(t Target) []string {
		return []string{t.Function.Name, t.FunctionName}
	})
}

// Match returns the functions whose name matches glob, in the order of the
// manifest, or all of them if glob is empty. It is Select for what concerns no
// environment: names on AWS do not count.
func (m *Manifest) Match(glob string) ([]Function, error) {
	return choose(m, m.Functions, glob, "function", func(f Function) []string {
		return []string{f.Name}
	})
}

// choose returns those of things that have a name which one of the patterns in
// glob matches, or all of them if glob is empty. A thing's first name is the one
// in the manifest; what is the word for one.
func choose[T any](m *Manifest, things []T, glob, what string, names func(T) []string) ([]T, error) {
	if glob == "" {
		return slices.Clone(things), nil
	}
	list, err := patterns(glob)
	if err != nil {
		return nil, err
	}
	chosen := make([]bool, len(things))
	for _, pattern := range list {
		matched := false
		for i, thing := range things {
			if slices.ContainsFunc(names(thing), func(name string) bool { return matches(pattern, name) }) {
				chosen[i], matched = true, true
			}
		}
		if !matched {
			message := fmt.Sprintf("no %s matches %s", what, quote(pattern))
			return nil, m.Problem("/functions", message, suggestThing(pattern, things, names))
		}
	}

	var choice []T
	for i, thing := range things {
		if chosen[i] {
			choice = append(choice, thing)
		}
	}
	return choice, nil
}

// patterns returns the patterns that glob, which is not empty, consists of.
func patterns(glob string) ([]string, error) {
	list := strings.Split(glob, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
		if _, err := path.Match(list[i], ""); err != nil || list[i] == "" {
			return nil, fmt.Errorf("pattern %s in %s: %w (write a name, or use *, ? and [a-z], with commas between several)", quote(list[i]), quote(glob), path.ErrBadPattern)
		}
	}
	return list, nil
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// suggestThing returns the hint for a pattern that matches none of things. What
// was meant may be any of their names; a list of them is of the first ones.
func suggestThing[T any](pattern string, things []T, names func(T) []string) string {
	var first, others []string
	for _, thing := range things {
		n := names(thing)
		first, others = append(first, n[0]), append(others, n[1:]...)
	}
	if meant, ok := nearest(pattern, slices.Concat(first, others)); ok {
		return didYouMean(meant)
	}
	return suggest(pattern, first)
}
