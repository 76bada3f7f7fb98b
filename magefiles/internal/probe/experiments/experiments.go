// Package experiments has the experiments of a probe: one file for each, with
// what dualboot assumes, what to record, and a pure function that compares both.
package experiments

import (
	"time"

	"example.com/dualboot/magefiles/internal/probe"
)

// Options are what experiments depend on.
type Options struct {
	// Settle is the assumed settle delay. Experiments with windows wait and watch
	// in proportion to it.
	Settle time.Duration
	// Rate is how often they invoke a function, in calls a second; default 50.
	Rate float64
}

// All returns the experiments in the order in which to run them.
func All(o Options) []probe.Experiment {
	if o.Rate == 0 {
		o.Rate = 50
	}
	return []probe.Experiment{
		window(o), runtimeSwitch(o),
		update(), conflict(), architecture(), dryRun(), failed(damagedCode()),
		link(), layer(), rollback(), size(), quota(),
	}
}

// unknown is what dualboot assumes about what it only wants to know.
const unknown = "unknown"

// quick is about how long an experiment takes that only makes calls.
const quick = 15 * time.Second
