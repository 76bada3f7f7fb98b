package bench

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

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

// as returns the side under another name.
func (s side) as(name string) side {
	s.name = name
	return s
}

// calculated returns a side that takes so many seconds. It is not measured, and
// missing if the seconds are NaN.
func calculated(name string, seconds float64) side {
	if math.IsNaN(seconds) {
		return side{name: name}
	}
	return side{name: name, samples: []sample{{wall: time.Duration(seconds * float64(time.Second))}}}
}

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
	if ctx.Err() != nil {
		return sides
	}
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

// measureOurs measures dualboot alone.
func (b *bench) measureOurs(ctx context.Context, runs int, what string, run run) side {
	return b.measure(ctx, runs, what, side{name: dualboot, run: run})[0]
}

// metric returns a property of a sample, as a number and with its unit.
type metric func(sample) (value float64, text string)

func wall(x sample) (float64, string)  { return x.wall.Seconds(), text.Duration(x.wall) }
func cpu(x sample) (float64, string)   { return x.cpu.Seconds(), text.Duration(x.cpu) }
func first(x sample) (float64, string) { return x.first.Seconds(), text.Duration(x.first) }
func count(x sample) (float64, string) { return float64(x.count), x.counted }

// median returns the median of a metric, or NaN and why there is none. The
// median of an even number of samples is the greater of the two in the middle.
func (s side) median(m metric) (value float64, text string) {
	if len(s.samples) == 0 {
		return math.NaN(), cmp.Or(s.missing, failed)
	}
	sorted := slices.SortedFunc(slices.Values(s.samples), func(x, y sample) int {
		a, _ := m(x)
		b, _ := m(y)
		return cmp.Compare(a, b)
	})
	return m(sorted[len(sorted)/2])
}
