package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// side is one of those that are compared.
type side struct {
	name    string
	missing string // why it cannot be measured here, if it cannot
	runs    int    // how often it is measured; default as often as all
	run     func(context.Context) (time.Duration, error)
}

// result is how long it took, each time.
type result struct {
	name    string
	missing string // why there is none
	took    []time.Duration
}

// dualboot names our side.
const dualboot = "dualboot"

// turns measures the sides by turns, so that what else the machine does meets
// all of them. One that fails is not tried again.
func (b *bench) turns(ctx context.Context, what string, sides ...side) []result {
	if ctx.Err() == nil {
		b.progress.Notef("%s", what)
	}
	results := make([]result, len(sides))
	for i, s := range sides {
		results[i] = result{name: s.name, missing: s.missing}
		if s.missing != "" && ctx.Err() == nil {
			b.progress.Notef("  %s: %s", s.name, s.missing)
		}
	}
	for n := range b.runs {
		for i, s := range sides {
			r := &results[i]
			if ctx.Err() != nil || r.missing != "" || s.runs > 0 && n >= s.runs {
				continue
			}
			took, err := s.run(ctx)
			if err != nil {
				b.fail(ctx, what+", "+s.name, err)
				r.missing, r.took = failed, nil
				continue
			}
			b.progress.Notef("  %s: %s", s.name, seconds(took))
			r.took = append(r.took, took)
		}
	}
	return results
}

// commands is a side that runs commands one after another. What prepares for
// them, if anything does, is not measured.
func commands(name string, prepare func() error, list ...command) side {
	return side{name: name, run: func(ctx context.Context) (sum time.Duration, err error) {
		if prepare != nil {
			if err := prepare(); err != nil {
				return 0, fmt.Errorf("preparing: %w", err)
			}
		}
		for _, c := range list {
			u, err := c.run(ctx)
			if err != nil {
				return 0, err
			}
			sum += u.took
		}
		return sum, nil
	}}
}

// recipe is the side of the recipe in the fleet.
func (b *bench) recipe(f *fleet, r recipe, prepare func() error) side {
	s := commands("recipe", prepare, r.command(f, b.env, f.names))
	s.missing = r.missing()
	return s
}

// tool is the program under test with arguments, in the fleet.
func (b *bench) tool(f *fleet, env []string, args ...string) command {
	return command{args: append([]string{b.program}, args...), dir: f.dir, env: slices.Concat(b.env, env)}
}

// once runs a command that is not measured.
func (b *bench) once(ctx context.Context, what string, c command) error {
	b.progress.Notef("%s", what)
	_, err := c.run(ctx)
	return err
}

// known is a result that is calculated, not measured.
func known(name string, took time.Duration) result {
	return result{name: name, took: []time.Duration{took}}
}

// median returns the middle of the durations, of which there is at least one.
func median(list []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}
