package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-multierror"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/rollout"
)

// TestTwoAtOnce runs two commands on the same fleet at the same time. One starts
// later, after a different delay in each run.
func TestTwoAtOnce(t *testing.T) {
	ours, theirs := writeWorldZips(t, "ours"), writeWorldZips(t, "theirs")
	for _, m := range []meeting{
		{name: "deploy and deploy of the same code", start: unmigrated, actions: [2]fleet.Action{fleet.Deploy, fleet.Deploy}, same: true, mayAllSucceed: true},
		{name: "deploy and deploy of other code", start: unmigrated, actions: [2]fleet.Action{fleet.Deploy, fleet.Deploy}},
		{name: "deploy and deploy of the same code over the bridge", start: overBridge, actions: [2]fleet.Action{fleet.Deploy, fleet.Deploy}, same: true, mayAllSucceed: true},
		{name: "deploy and deploy of other code over the bridge", start: overBridge, actions: [2]fleet.Action{fleet.Deploy, fleet.Deploy}},
		{name: "deploy and rollback over the bridge", start: overBridge, actions: [2]fleet.Action{fleet.Deploy, fleet.Rollback}, mayAllSucceed: true},
		{name: "the first deploy and cleanup", start: unmigrated, actions: [2]fleet.Action{fleet.Deploy, fleet.Cleanup}},
		{name: "deploy and cleanup", start: switched, actions: [2]fleet.Action{fleet.Deploy, fleet.Cleanup}},
		{name: "the first deploy and rollback", start: unmigrated, actions: [2]fleet.Action{fleet.Deploy, fleet.Rollback}, mayAllSucceed: true},
		{name: "deploy and rollback", start: switched, actions: [2]fleet.Action{fleet.Deploy, fleet.Rollback}},
		{name: "deploy without lambda and rollback", start: switched, actions: [2]fleet.Action{fleet.Deploy, fleet.Rollback}, single: true},
		{name: "cleanup and rollback", start: switched, actions: [2]fleet.Action{fleet.Cleanup, fleet.Rollback}},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.ours, m.theirs = ours, theirs
			const runs = 20
			lost := 0
			synctest.Test(t, func(t *testing.T) {
				for i := range runs {
					n, err := m.run(t.Context(), i, time.Duration(i)*50*time.Millisecond/runs)
					lost += n
					if err != nil {
						t.Errorf("run %d: %v", i, err)
					}
				}
			})
			t.Logf("of %d commands, %d lost to the other", 2*runs, lost)
			if lost == 0 && !m.mayAllSucceed {
				t.Error("the commands never met")
			}
		})
	}
}

// latency returns random times that requests take, the same ones for each seed. They
// leave time for the other command between a read and the update after it.
func latency(seed, command int) func() time.Duration {
	r := rand.New(rand.NewPCG(uint64(seed), uint64(command)))
	return func() time.Duration { return time.Millisecond + time.Duration(r.Int64N(int64(8*time.Millisecond))) }
}

// meeting is two commands on one fleet. The first one has its own code, and so has
// the second one if it deploys.
type meeting struct {
	name    string
	start   func(worldZips) (*world, error)
	actions [2]fleet.Action
	same    bool // both have the same code
	single  bool // the manifest of the first does not ask for dual zips
	// mayAllSucceed says that no command needs to fail in any run.
	mayAllSucceed bool

	ours, theirs worldZips
}

// run starts one command, and after the delay the other one: the first command in
// even runs. It returns how many of them failed because of the other one.
func (m meeting) run(ctx context.Context, i int, delay time.Duration) (lost int, err error) {
	first, err := m.start(m.ours)
	if err != nil {
		return 0, err
	}
	defer first.server.Close()
	second := &world{server: first.server, network: first.network, goals: slices.Clone(first.goals)}
	for i := range first.goals {
		first.goals[i].Dual = !m.single
		if !m.same {
			first.goals[i].Zips = m.theirs.of[first.members[i].name]
		}
	}
	commands := []*world{first, second}
	var errs [2]error
	var group sync.WaitGroup
	for k, w := range commands {
		group.Go(func() {
			if k == i%2 {
				time.Sleep(delay)
			}
			errs[k] = w.run(ctx, &network{delay: latency(i, k)}, m.actions[k])
		})
	}
	group.Wait()
	for k, err := range errs {
		if err == nil {
			continue
		}
		lost++
		if !told(err) {
			return lost, fmt.Errorf("%v does not say what happened: %w", m.actions[k], err)
		}
	}
	if m.same && lost == 2 {
		return lost, fmt.Errorf("both lost to the same code: %w", errors.Join(errs[:]...))
	}
	first.goals = second.goals
	if err := first.run(ctx, &network{}, fleet.Deploy); err != nil {
		return lost, fmt.Errorf("deploying afterwards: %w", err)
	}
	first.server.Close() // after that all deployments are known
	for _, f := range first.members {
		last := first.served[f.name][len(first.served[f.name])-1]
		clean := last.Architecture == lambda.ARM64 && slices.Equal(last.Files, f.cleanFiles()) // which a deploy leaves as it is
		if last.Runtime != lambda.ProvidedAL2023 || !slices.Equal(last.Files, f.dualFiles()) && !clean {
			return lost, fmt.Errorf("%s ends as %+v", f.name, last)
		}
	}
	return lost, first.invariant()
}

// told reports whether each error says that somebody else has changed the function,
// or why the changed function is refused, or that its zip is gone: the emulator
// keeps only zips that may serve.
func told(err error) bool {
	all, ok := errors.AsType[*multierror.Error](err)
	return ok && !slices.ContainsFunc(all.Errors, func(err error) bool {
		_, refused := errors.AsType[*rollout.Refusal](err)
		return !refused && !strings.Contains(err.Error(), "somebody else has changed the function (") &&
			!strings.Contains(err.Error(), "somebody else keeps changing the function") &&
			!strings.Contains(err.Error(), "404 Not Found; run the command again")
	})
}
