package bench

import (
	"cmp"
	"context"
	"math"
	"slices"

	"example.com/dualboot/magefiles/internal/text"
)

// side is one of the things that a row compares.
type side struct {
	name    string
	missing string // why it cannot be measured; empty if it can
	run     run
	samples []sample // of the runs
}

// run does once what is measured.
type run func(context.Context) (sample, error)

const (
	dualboot = "dualboot"
	failed   = "failed"
)

// after returns a run with a setup that is not measured.
func after(setup func() error, run run) run {
	return func(ctx context.Context) (sample, error) {
		if err := setup(); err != nil {
			return sample{}, err
		}
		return run(ctx)
	}
}

// measure runs the sides by turns, so that other load on the machine affects
// all of them, and returns them with their samples. A side that fails is not run
// again.
func (b *bench) measure(ctx context.Context, runs int, what string, sides ...side) []side {
	b.Progress("%s", what)
	for i, s := range sides {
		sides[i].samples = nil
		if s.missing != "" {
			b.Progress("  %s: %s", s.name, s.missing)
		}
	}
	for range runs {
		for i := range sides {
			s := &sides[i]
			if s.missing != "" || ctx.Err() != nil {
				continue
			}
			x, err := s.run(ctx)
			switch {
			case ctx.Err() != nil:
			case err != nil:
				b.fail(what+", "+s.name, err)
				s.missing, s.samples = failed, nil
			default:
				b.Progress("  %s: %s", s.name, text.Duration(x.wall))
				s.samples = append(s.samples, x)
			}
		}
	}
	return sides
}

// wall returns the median of the wall-clock time.
func (s side) wall() figure {
	return s.figure(median, func(x sample) float64 { return x.wall.Seconds() }, seconds)
}

// count returns what the runs counted.
func (s side) count() figure {
	return s.figure(slices.Max, func(x sample) float64 { return float64(x.count) }, func(float64) string {
		return s.samples[len(s.samples)-1].counted
	})
}

// figure summarizes a property of the samples.
func (s side) figure(summarize func([]float64) float64, property func(sample) float64, unit func(float64) string) figure {
	if len(s.samples) == 0 {
		return figure{s.name, math.NaN(), cmp.Or(s.missing, failed)}
	}
	var values []float64
	for _, x := range s.samples {
		values = append(values, property(x))
	}
	value := summarize(values)
	return figure{s.name, value, unit(value)}
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
