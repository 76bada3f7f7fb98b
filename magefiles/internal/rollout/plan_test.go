package rollout

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/bundle"
)

var (
	dual      = &bundle.Package{Files: []string{"bootstrap", "lambda"}, CodeSha256: "dual", Size: 6_100_000}
	bootstrap = &bundle.Package{Files: []string{"bootstrap"}, CodeSha256: "bootstrap", Size: 2_900_000}
	both      = bundle.Bundle{Dual: dual, Bootstrap: bootstrap}
)

func TestPlan(t *testing.T) {
	const minute = time.Minute
	legacy := State{Runtime: Legacy, Handler: "lambda", Architecture: "x86_64", CodeSha256: "old", Age: time.Hour}
	with := func(s State, change func(*State)) State { change(&s); return s }
	al2 := with(legacy, func(s *State) { s.Runtime, s.Handler = "provided.al2", "bootstrap" })
	clean := with(al2, func(s *State) { s.Runtime, s.CodeSha256 = Wanted, "bootstrap" })
	deploy := Goal{Dual: true, Bundle: both, Settle: minute}
	cleanup := Goal{Action: Cleanup, Bundle: both, Settle: minute}
	large := deploy
	large.Bundle.Dual = &bundle.Package{Path: "bin/x/lambda.zip", CodeSha256: "large", Size: 60 << 20}
	late := deploy
	late.Bundle.Dual = nil
	back := Goal{Action: Rollback, Previous: Legacy, Settle: minute}
	toAL2 := Goal{Action: Rollback, Previous: "provided.al2", Settle: minute}
	switched := with(clean, func(s *State) { s.CodeSha256, s.Files = "dual", dual.Files })

	tests := []struct {
		name  string
		state State
		goal  Goal
		want  []string
		err   string
	}{
		{
			name: "from go1.x", state: legacy, goal: deploy,
			want: []string{
				"update the code (bootstrap + lambda, 6.1 MB)", "wait until the update is complete", "settle for 1m0s",
				"switch to provided.al2023, handler bootstrap", "wait until the update is complete",
			},
		},
		{
			name: "from go1.x, dual off in the manifest", state: legacy, goal: Goal{Bundle: both},
			want: []string{
				"update the code (bootstrap + lambda, 6.1 MB)", "wait until the update is complete",
				"switch to provided.al2023, handler bootstrap", "wait until the update is complete",
			},
		},
		{
			name: "code is there", state: with(legacy, func(s *State) { s.CodeSha256 = "dual" }), goal: deploy,
			want: []string{"settle for 1m0s", "switch to provided.al2023, handler bootstrap", "wait until the update is complete"},
		},
		{
			name: "code is there and settled", state: with(legacy, func(s *State) { s.CodeSha256, s.Settled = "dual", true }), goal: deploy,
			want: []string{"switch to provided.al2023, handler bootstrap", "wait until the update is complete"},
		},
		{
			name: "an update is in progress", state: with(legacy, func(s *State) { s.CodeSha256, s.Updating = "dual", true }), goal: deploy,
			want: []string{
				"wait until the update is complete", "settle for 1m0s",
				"switch to provided.al2023, handler bootstrap", "wait until the update is complete",
			},
		},
		{
			name: "from provided.al2, never dual", state: al2, goal: Goal{Bundle: bundle.Bundle{Bootstrap: bootstrap}, Settle: minute},
			want: []string{
				"update the code (bootstrap, 2.9 MB)", "wait until the update is complete", "settle for 1m0s",
				"switch to provided.al2023, handler bootstrap", "wait until the update is complete",
			},
		},
		{name: "nothing to do", state: with(clean, func(s *State) { s.CodeSha256 = "dual" }), goal: deploy},
		{
			name: "new code", state: with(clean, func(s *State) { s.CodeSha256 = "old" }), goal: deploy,
			want: []string{"update the code (bootstrap + lambda, 6.1 MB)", "wait until the update is complete"},
		},
		{
			name: "same code, other architecture", state: with(clean, func(s *State) { s.CodeSha256, s.Architecture = "dual", "arm64" }), goal: deploy,
			want: []string{"update the code (bootstrap + lambda, 6.1 MB), arm64 → x86_64", "wait until the update is complete"},
		},
		{
			name: "only the handler is wrong", state: with(clean, func(s *State) { s.CodeSha256, s.Handler = "dual", "lambda" }), goal: deploy,
			want: []string{"switch to provided.al2023, handler bootstrap", "wait until the update is complete"},
		},
		{
			name: "the last update failed", state: with(clean, func(s *State) { s.CodeSha256, s.UpdateFailed = "dual", true }), goal: deploy,
			want: []string{
				"update the code (bootstrap + lambda, 6.1 MB)", "wait until the update is complete",
				"switch to provided.al2023, handler bootstrap", "wait until the update is complete",
			},
		},
		{
			name: "cleanup", state: with(clean, func(s *State) { s.CodeSha256 = "dual" }), goal: cleanup,
			want: []string{"update the code (bootstrap, 2.9 MB)", "wait until the update is complete"},
		},
		{
			name: "lambda is dropped soon after the switch", state: with(clean, func(s *State) { s.CodeSha256, s.Age = "dual", minute }), goal: Goal{Bundle: both, Settle: minute},
			want: []string{"settle for 1m0s", "update the code (bootstrap, 2.9 MB)", "wait until the update is complete"},
		},
		{
			name: "cleanup soon after the switch", state: with(clean, func(s *State) { s.CodeSha256, s.Age = "dual", minute }), goal: cleanup,
			want: []string{"settle for 1m0s", "update the code (bootstrap, 2.9 MB)", "wait until the update is complete"},
		},
		{name: "cleanup of a clean one", state: clean, goal: cleanup},
		{
			name: "cleanup on go1.x", state: legacy, goal: cleanup,
			err: "it is still on go1.x, which starts lambda; deploy it first",
		},
		{
			name: "cleanup after a failed update", state: with(clean, func(s *State) { s.UpdateFailed, s.ReasonCode, s.Reason = true, "InternalError", "try later" }), goal: cleanup,
			err: "its last update failed (InternalError: try later); deploy it first",
		},
		{
			name: "nodejs", state: with(legacy, func(s *State) { s.Runtime = "nodejs22.x" }), goal: deploy,
			err: "its runtime is nodejs22.x; dualboot deploys to go1.x and provided.*: take it out of lambdas.json",
		},
		{
			name: "image", state: State{PackageType: "Image"}, goal: deploy,
			err: "its package type is Image; dualboot deploys zips: take it out of lambdas.json",
		},
		{
			name: "another handler", state: with(legacy, func(s *State) { s.Handler = "main" }), goal: deploy,
			err: `go1.x starts the file that its handler names, "main", and the zip holds "lambda": it could not start; first ship one with a file of that name, and make it the handler`,
		},
		{
			name: "rollback", state: switched, goal: back,
			want: []string{"switch to go1.x, handler lambda", "wait until the update is complete"},
		},
		{
			name: "rollback of what was not inspected", state: with(switched, func(s *State) { s.Files = nil }), goal: back,
			want: []string{"read what the deployed zip holds"},
		},
		{
			name: "rollback while an update is in progress", state: with(switched, func(s *State) { s.Updating = true }), goal: back,
			want: []string{"wait until the update is complete", "read what the deployed zip holds"},
		},
		{
			name: "rollback soon after a change", state: with(switched, func(s *State) { s.Age = minute }), goal: back,
			want: []string{"settle for 1m0s", "switch to go1.x, handler lambda", "wait until the update is complete"},
		},
		{
			name: "cleanup on provided.al2", state: al2, goal: cleanup,
			err: "it is on provided.al2, and not yet on provided.al2023; deploy it first",
		},
		{
			name: "rollback to what is not known", state: switched, goal: Goal{Action: Rollback, Settle: minute},
			err: "it never was on go1.x, by lambdas.json, and what it was on is not known; give -runtime=provided.al2 if it was that",
		},
		{name: "rollback of what is back, with a handler of its own", state: with(al2, func(s *State) { s.Handler = "main" }), goal: toAL2},
		{
			name: "rollback to provided.al2", state: with(switched, func(s *State) { s.Files = bootstrap.Files }), goal: toAL2,
			want: []string{"switch to provided.al2, handler bootstrap", "wait until the update is complete"},
		},
		{name: "rollback of what is back", state: with(legacy, func(s *State) { s.Files = nil }), goal: back},
		{
			name: "rollback without lambda", state: with(switched, func(s *State) { s.Files = bootstrap.Files }), goal: back,
			err: `the deployed zip (bootstrap) has no lambda, which go1.x starts; set "dual" to true in lambdas.json and deploy it first`,
		},
		{
			name: "rollback of a zip with nothing in it", state: with(switched, func(s *State) { s.Files = []string{} }), goal: toAL2,
			err: `the deployed zip (nothing to start) has no bootstrap, which provided.al2 starts; deploy it first`,
		},
		{
			name: "rollback of what never was there", state: al2, goal: back,
			err: "its runtime is provided.al2; only from provided.al2023 is there a way back",
		},
		{
			name: "rollback of arm64", state: with(switched, func(s *State) { s.Architecture = "arm64" }), goal: back,
			err: "it is on arm64, which go1.x has not",
		},
		{
			name: "rollback after a failed update", state: with(switched, func(s *State) { s.UpdateFailed, s.ReasonCode, s.Reason = true, "InternalError", "try later" }), goal: back,
			err: "its last update failed (InternalError: try later); deploy it first",
		},
		{
			name: "rollback of nodejs", state: with(legacy, func(s *State) { s.Runtime = "nodejs22.x" }), goal: back,
			err: "its runtime is nodejs22.x; only from provided.al2023 is there a way back",
		},
		{
			name: "too large", state: legacy, goal: large,
			err: "bin/x/lambda.zip has 60.0 MB; Lambda takes 50 MB by direct upload",
		},
		{
			name: "back to go1.x since the zip was built", state: legacy, goal: late,
			err: "it may start lambda now, and only a zip without it was built; run the command again",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			steps, err := Plan(test.state, test.goal)
			var got []string
			for _, s := range steps {
				got = append(got, s.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if text(err) != test.err {
				t.Errorf("error %q, want %q", text(err), test.err)
			}
			if _, ok := errors.AsType[*Refusal](err); err != nil && !ok {
				t.Errorf("error is a %T, want a *Refusal", err)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// world is what serves invocations.
type world struct {
	runtime, handler string
	files            []string
}

func (w world) startable() bool {
	if w.runtime == Legacy {
		return slices.Contains(w.files, w.handler)
	}
	return slices.Contains(w.files, "bootstrap")
}

// TestPlanKeepsTheInvariant walks the plan of every combination of what a
// function can be and what is wanted of it. After each step, whatever serves
// must be able to start: the new code and configuration, and until a settle
// delay has passed every mixture with the ones before.
func TestPlanKeepsTheInvariant(t *testing.T) {
	contents := map[string][]string{
		"dual":       dual.Files,
		"bootstrap":  bootstrap.Files,
		"old-dual":   dual.Files,
		"old-lambda": {"lambda"},
		"old":        bootstrap.Files,
	}
	var plans, refusals int
	for _, runtime := range []string{Legacy, "provided", "provided.al2", Wanted, "nodejs22.x", "python3.13"} {
		for _, handler := range []string{"lambda", "bootstrap", "main"} {
			for code, files := range contents {
				for _, status := range []string{"Successful", "InProgress", "Failed", "Pending"} {
					for _, arch := range []string{"x86_64", "arm64"} {
						for _, kind := range []string{"Zip", "Image"} {
							for _, age := range []time.Duration{0, time.Minute, 3*time.Minute - 1, 3 * time.Minute, time.Hour} {
								for _, settled := range []bool{false, true} {
									for _, goal := range []Goal{
										{Dual: true, Bundle: both, Settle: time.Minute},
										{Dual: false, Bundle: both, Settle: time.Minute},
										{Dual: false, Bundle: bundle.Bundle{Bootstrap: bootstrap}, Settle: time.Minute},
										{Action: Cleanup, Dual: true, Bundle: both, Settle: time.Minute},
										{Action: Cleanup, Bundle: bundle.Bundle{Bootstrap: bootstrap}, Settle: time.Minute},
										{Action: Rollback, Previous: Legacy, Settle: time.Minute},
										{Action: Rollback, Previous: "provided.al2", Settle: time.Minute},
									} {
										state := State{
											PackageType: kind, Runtime: runtime, Handler: handler, Architecture: arch, CodeSha256: code, Age: age, Settled: settled,
											Pending: status == "Pending", Updating: status == "InProgress", UpdateFailed: status == "Failed",
										}
										now := world{runtime, handler, files}
										if !now.startable() {
											continue // it is broken already
										}
										serving := []world{now}
										// The switch from go1.x may be under way, or have been a moment
										// ago, or have failed, and Lambda reports what was wanted.
										if recent := !settled && age < 3*time.Minute; (recent || status == "InProgress" || status == "Failed") && startsBootstrap(runtime) && slices.Contains(files, "lambda") {
											serving = append(serving, world{Legacy, "lambda", files})
										}
										// A zip of a moment ago may be serving still.
										if goal.Action == Rollback && !settled && age < 3*time.Minute && runtime == Wanted {
											serving = append(serving, world{Wanted, handler, bootstrap.Files})
										}
										if goal.Action == Rollback {
											state.Files = files
										}
										goal.From = state
										steps, err := Plan(state, goal)
										if err != nil {
											refusals++
											if len(steps) > 0 {
												t.Fatalf("%+v\n%+v: refused with steps %v", state, goal, steps)
											}
											continue
										}
										plans++
										if kind == "Image" || (runtime != Legacy && !startsBootstrap(runtime)) || (goal.Action == Cleanup && (runtime != Wanted || status == "Failed")) ||
											(goal.Action == Rollback && status == "Failed") {
											t.Fatalf("%+v\n%+v: not refused", state, goal)
										}
										walk(t, state, goal, serving, steps)
									}
								}
							}
						}
					}
				}
			}
		}
	}
	if plans < 1000 || refusals < 1000 {
		t.Errorf("%d plans and %d refusals: not the whole space", plans, refusals)
	}
	t.Logf("%d plans, %d refusals", plans, refusals)
}

// walk does the steps. worlds are what may be serving at first, the one that
// Lambda reports before all others.
func walk(t *testing.T, state State, goal Goal, worlds []world, steps []Step) {
	t.Helper()
	fail := func(why string) { t.Fatalf("%+v\n%+v\n%v: %s", state, goal, steps, why) }
	now, after := worlds[0], state
	for i, step := range steps {
		if (step.Kind == UpdateCode || step.Kind == UpdateConfiguration) && (i+1 == len(steps) || steps[i+1].Kind != Wait) {
			fail("an update is not waited for")
		}
		change := func(w world) world { return w }
		switch step.Kind {
		case Wait:
			after.Updating, after.Pending, after.Age = false, false, 0
		case Inspect: // and plan the rest
			rest, err := Plan(after, goal)
			if err == nil {
				walk(t, after, goal, worlds, rest)
			}
			return
		case Settle:
			worlds = []world{now}
			after.Settled = true
		case UpdateCode:
			change = func(w world) world { w.files = step.Package.Files; return w }
		case UpdateConfiguration:
			change = func(w world) world { w.runtime, w.handler = step.Runtime, step.Handler; return w }
		}
		if step.Kind == UpdateCode || step.Kind == UpdateConfiguration {
			after = step.accepted(after)
			after.Settled, after.Age = false, 0
		}
		now = change(now)
		next := []world{now}
		for _, w := range worlds {
			next = append(next, w, change(w))
		}
		worlds = next
		for _, w := range worlds {
			if !w.startable() {
				fail("there is a moment with " + w.runtime + ", handler " + w.handler + ", and no such file")
			}
		}
	}
	if goal.Action == Cleanup && slices.Contains(now.files, "lambda") {
		fail("lambda is still there")
	}
	if goal.Action == Deploy && now.runtime != Wanted || goal.Action == Rollback && now.runtime != goal.Previous {
		fail("it did not get there")
	}

	if rest, err := Plan(after, goal); err != nil || len(rest) > 0 {
		fail(fmt.Sprintf("the same run would do more: %v %v", rest, err))
	}
	goal.From = after
	rest, err := Plan(after, goal)
	switch {
	case err != nil:
		fail("a second run would be refused: " + err.Error())
	case state.mayStartLambda() && !goal.Dual && goal.Bundle.Dual != nil && len(rest) > 0:
		walk(t, after, goal, worlds, rest) // drops lambda, which go1.x needed
	case len(rest) > 0:
		fail("a second run would do more")
	}
}
