package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/lambda"
)

// A Target is a function to deploy to an environment.
type Target struct {
	Function    Function
	Environment Environment

	// FunctionName is the function name in the environment, or "" without one.
	FunctionName string

	// Dual tells whether the zip carries the legacy binary: it does if both the
	// function and the environment say so.
	Dual bool

	// Single, Snapshot, Architecture and LayerArchitectures are those of the
	// function, or else of the environment, or else of the file. An empty
	// Architecture is the one that the function has on AWS, as always for one
	// without sources.
	Single             bool
	Snapshot           bool
	Architecture       string
	LayerArchitectures []string

	// RollbackTo is the runtime that a rollback returns the function to, or "" if
	// that is unknown.
	RollbackTo string
}

// WithSources returns the targets whose functions have sources, and the names of the
// other functions.
func WithSources(targets []Target) (with []Target, without []string) {
	for _, t := range targets {
		if t.Function.Deployed() {
			without = append(without, t.Function.Name)
		} else {
			with = append(with, t)
		}
	}
	return with, without
}

// Pattern returns the glob of an optional flag, and "" without a flag. An empty
// flag is an error, because an unset shell variable would select all functions.
func Pattern(only *string) (string, error) {
	if only == nil {
		return "", nil
	}
	if *only == "" {
		return "", errors.New("-only is empty; leave it out to choose all functions")
	}
	return *only, nil
}

// A Choice selects names by the patterns of a glob, and records which patterns
// have matched. The zero Choice selects all names. It is not safe for concurrent
// use.
type Choice struct {
	patterns []string
	used     []bool
}

// Choose returns the choice of a glob: one or more patterns of [path.Match],
// separated by commas, or "" for all names. It returns an error if a pattern is
// malformed.
func Choose(glob string) (*Choice, error) {
	c := &Choice{}
	if glob == "" {
		return c, nil
	}
	for pattern := range strings.SplitSeq(glob, ",") {
		pattern = strings.TrimSpace(pattern)
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return nil, fmt.Errorf("pattern %s in %s: %w (write a name, or use *, ? and [a-z], with commas between several)",
				quote(pattern), quote(glob), path.ErrBadPattern)
		}
		c.patterns = append(c.patterns, pattern)
	}
	c.used = make([]bool, len(c.patterns))
	return c, nil
}

// Has reports whether a pattern matches one of the names of a function.
func (c *Choice) Has(names ...string) bool {
	has := len(c.patterns) == 0
	for i, pattern := range c.patterns {
		if slices.ContainsFunc(names, func(name string) bool {
			ok, _ := path.Match(pattern, name) // Choose has checked the pattern
			return ok
		}) {
			c.used[i], has = true, true
		}
	}
	return has
}

// Unused returns the first pattern that has not matched yet, or "".
func (c *Choice) Unused() string {
	if i := slices.Index(c.used, false); i >= 0 {
		return c.patterns[i]
	}
	return ""
}

// Select returns the functions to deploy to the environment env, in the order of
// the manifest, whose name or function name matches glob: see [Choose].
//
// It returns an error if the environment does not exist, or if a pattern is
// malformed or matches nothing.
func (m *Manifest) Select(env, glob string) ([]Target, error) {
	e, err := m.Environment(env)
	if err != nil {
		return nil, err
	}
	functions, err := m.choose(glob, fmt.Sprintf("function of environment %q", env), func(f Function) []string {
		return []string{f.Name, e.FunctionName(f)}
	})
	if err != nil {
		return nil, err
	}
	targets := m.targets(functions, e)
	for i, f := range functions {
		targets[i].FunctionName = e.FunctionName(f)
	}
	return targets, nil
}

// Match is like [Manifest.Select] without an environment: glob matches names
// only, and the targets have no function name.
func (m *Manifest) Match(glob string) ([]Target, error) {
	functions, err := m.choose(glob, "function", func(f Function) []string { return []string{f.Name} })
	if err != nil {
		return nil, err
	}
	return m.targets(functions, Environment{Dual: true}), nil
}

// targets returns the functions as targets without function names.
func (m *Manifest) targets(functions []Function, e Environment) []Target {
	targets := make([]Target, len(functions))
	for i, f := range functions {
		single := cmp.Or(f.Single, e.Single, m.Single)
		snapshot := cmp.Or(f.Snapshot, e.Snapshot, m.Snapshot)
		layers := f.LayerArchitectures
		if layers == nil {
			layers = e.LayerArchitectures
		}
		if layers == nil {
			layers = m.LayerArchitectures
		}
		architecture := cmp.Or(f.Architecture, e.Architecture, m.Architecture)
		if f.Deployed() {
			single, architecture = nil, "" // the deployed zip decides
		}
		targets[i] = Target{
			Function:           f,
			Environment:        e,
			Dual:               e.Dual && f.Dual,
			Single:             single != nil && *single,
			Snapshot:           snapshot != nil && *snapshot,
			Architecture:       architecture,
			LayerArchitectures: layers,
			RollbackTo:         rollbackTo(f, e),
		}
	}
	return targets
}

// rollbackTo returns the runtime that a rollback returns f to in e, or "". A
// function without the legacy binary is not returned to go1.x.
func rollbackTo(f Function, e Environment) string {
	runtime := cmp.Or(f.RollbackTo, e.RollbackTo, lambda.Go1x)
	if runtime == lambda.Go1x && !f.Dual {
		return ""
	}
	return runtime
}

// choose returns the functions that glob matches by one of their names, the
// first of which is the name in the manifest. Messages call a function what.
func (m *Manifest) choose(glob, what string, names func(Function) []string) ([]Function, error) {
	c, err := Choose(glob)
	if err != nil {
		return nil, err
	}
	var chosen []Function
	var known, aliases []string
	for _, f := range m.Functions {
		n := names(f)
		known, aliases = append(known, n[0]), append(aliases, n[1:]...)
		if c.Has(n...) {
			chosen = append(chosen, f)
		}
	}
	if pattern := c.Unused(); pattern != "" {
		message := fmt.Sprintf("no %s matches %s", what, quote(pattern))
		return nil, m.source.problem("functions", fault{message, suggest(pattern, known, aliases...)})
	}
	return chosen, nil
}
