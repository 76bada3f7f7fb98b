package rollout

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	dual      = &lambda.Package{Path: "bin/x/lambda.zip", Files: []string{"bootstrap", "lambda"}, CodeSha256: "dual", Size: 6_100_000}
	bootstrap = &lambda.Package{Path: "bin/x/bootstrap.zip", Files: []string{"bootstrap"}, CodeSha256: "bootstrap", Size: 2_900_000}
	both      = lambda.Zips{Dual: dual, Bootstrap: bootstrap}
)

// goal is the goal of a function, with its zips.
type goal struct {
	action   fleet.Action
	dual     bool
	zips     lambda.Zips
	previous string
	settle   time.Duration
}

// function returns a function with the goal that was observed in the state.
func (g goal) function(observed lambda.State) *fleet.Function {
	return &fleet.Function{
		Target:   manifest.Target{FunctionName: "f", Dual: g.dual},
		Goal:     fleet.Goal{Action: g.action, Previous: g.previous, Settle: g.settle},
		Zips:     g.zips,
		Observed: observed,
	}
}

// kinds describes steps: "code dual, wait, settle, switch provided.al2023, wait".
func kinds(steps []fleet.Step) string {
	var words []string
	for _, s := range steps {
		switch s.Kind {
		case fleet.UpdateCode:
			word := "code " + s.Package.CodeSha256
			if s.Leaves != "" {
				word += " " + s.Leaves + "→" + s.Architecture
			}
			words = append(words, word)
		case fleet.UpdateConfiguration:
			words = append(words, "switch "+s.Runtime+" "+s.Handler)
		case fleet.Settle:
			words = append(words, "settle "+s.Delay.String())
		default:
			words = append(words, strings.ToLower(s.Kind.String()))
		}
	}
	return strings.Join(words, ", ")
}

func TestPlan(t *testing.T) {
	const minute = time.Minute
	legacy := lambda.State{Runtime: lambda.Go1x, Handler: "lambda", Architecture: "x86_64", CodeSha256: "old", Age: time.Hour}
	with := func(s lambda.State, change func(*lambda.State)) lambda.State { change(&s); return s }
	al2 := with(legacy, func(s *lambda.State) { s.Runtime, s.Handler = "provided.al2", "bootstrap" })
	clean := with(al2, func(s *lambda.State) { s.Runtime, s.CodeSha256 = lambda.ProvidedAL2023, "bootstrap" })
	deploy := goal{dual: true, zips: both, settle: minute}
	cleanup := goal{action: fleet.Cleanup, zips: both, settle: minute}
	large := deploy
	large.zips.Dual = &lambda.Package{Path: "bin/x/lambda.zip", CodeSha256: "large", Size: 60 << 20}
	late := deploy
	late.zips.Dual = nil
	back := goal{action: fleet.Rollback, previous: lambda.Go1x, settle: minute}
	toAL2 := goal{action: fleet.Rollback, previous: lambda.ProvidedAL2, settle: minute}
	switched := with(clean, func(s *lambda.State) { s.CodeSha256, s.Files = "dual", dual.Files })

	tests := []struct {
		name    string
		state   lambda.State
		goal    goal
		want    string
		refused bool // with the text in testdata/refusals.txtar
	}{
		{
			name: "deploy on go1.x", state: legacy, goal: deploy,
			want: "code dual, wait, settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "deploy on go1.x, dual off", state: legacy, goal: goal{zips: both},
			want: "code dual, wait, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "the code is up to date", state: with(legacy, func(s *lambda.State) { s.CodeSha256 = "dual" }), goal: deploy,
			want: "settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "the code is up to date and settled", state: with(legacy, func(s *lambda.State) { s.CodeSha256, s.Settled = "dual", true }), goal: deploy,
			want: "switch provided.al2023 bootstrap, wait",
		},
		{
			name: "an update is in progress", state: with(legacy, func(s *lambda.State) { s.CodeSha256, s.Updating = "dual", true }), goal: deploy,
			want: "wait, settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "deploy on provided.al2, no dual zip", state: al2, goal: goal{zips: lambda.Zips{Bootstrap: bootstrap}, settle: minute},
			want: "code bootstrap, wait, settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{name: "nothing to do", state: with(clean, func(s *lambda.State) { s.CodeSha256 = "dual" }), goal: deploy},
		{
			name: "new code", state: with(clean, func(s *lambda.State) { s.CodeSha256 = "old" }), goal: deploy,
			want: "code dual, wait",
		},
		{
			name: "same code, another architecture", state: with(clean, func(s *lambda.State) { s.CodeSha256, s.Architecture = "dual", "arm64" }), goal: deploy,
			want: "code dual arm64→x86_64, wait",
		},
		{
			name: "only the handler differs", state: with(clean, func(s *lambda.State) { s.CodeSha256, s.Handler = "dual", "lambda" }), goal: deploy,
			want: "switch provided.al2023 bootstrap, wait",
		},
		{
			name: "the last update failed", state: with(clean, func(s *lambda.State) { s.CodeSha256, s.UpdateFailed = "dual", true }), goal: deploy,
			want: "code dual, wait, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "cleanup", state: with(clean, func(s *lambda.State) { s.CodeSha256 = "dual" }), goal: cleanup,
			want: "code bootstrap, wait",
		},
		{
			name: "deploy without lambda soon after the switch", state: with(clean, func(s *lambda.State) { s.CodeSha256, s.Age = "dual", minute }), goal: goal{zips: both, settle: minute},
			want: "settle 1m0s, code bootstrap, wait",
		},
		{
			name: "cleanup soon after the switch", state: with(clean, func(s *lambda.State) { s.CodeSha256, s.Age = "dual", minute }), goal: cleanup,
			want: "settle 1m0s, code bootstrap, wait",
		},
		{name: "cleanup of a clean function", state: clean, goal: cleanup},
		{
			name: "cleanup on go1.x", state: legacy, goal: cleanup,
			refused: true,
		},
		{
			name: "cleanup after a failed update", state: with(clean, func(s *lambda.State) { s.UpdateFailed, s.ReasonCode, s.Reason = true, "InternalError", "try later" }), goal: cleanup,
			refused: true,
		},
		{
			name: "deploy on nodejs22.x", state: with(legacy, func(s *lambda.State) { s.Runtime = "nodejs22.x" }), goal: deploy,
			refused: true,
		},
		{
			name: "deploy of a container image", state: lambda.State{PackageType: "Image"}, goal: deploy,
			refused: true,
		},
		{
			name: "deploy on go1.x with another handler", state: with(legacy, func(s *lambda.State) { s.Handler = "main" }), goal: deploy,
			refused: true,
		},
		{
			name: "rollback", state: switched, goal: back,
			want: "switch go1.x lambda, wait",
		},
		{
			name: "rollback before the zip is read", state: with(switched, func(s *lambda.State) { s.Files = nil }), goal: back,
			want: "inspect",
		},
		{
			name: "rollback while an update is in progress", state: with(switched, func(s *lambda.State) { s.Updating = true }), goal: back,
			want: "wait, inspect",
		},
		{
			name: "rollback soon after a change", state: with(switched, func(s *lambda.State) { s.Age = minute }), goal: back,
			want: "settle 1m0s, switch go1.x lambda, wait",
		},
		{
			name: "cleanup on provided.al2", state: al2, goal: cleanup,
			refused: true,
		},
		{
			name: "rollback to an unknown runtime", state: switched, goal: goal{action: fleet.Rollback, settle: minute},
			refused: true,
		},
		{name: "rollback of a function that is back, with its own handler", state: with(al2, func(s *lambda.State) { s.Handler = "main" }), goal: toAL2},
		{
			name: "rollback to provided.al2", state: with(switched, func(s *lambda.State) { s.Files = bootstrap.Files }), goal: toAL2,
			want: "switch provided.al2 bootstrap, wait",
		},
		{name: "rollback of a function that is back", state: with(legacy, func(s *lambda.State) { s.Files = nil }), goal: back},
		{
			name: "rollback without lambda", state: with(switched, func(s *lambda.State) { s.Files = bootstrap.Files }), goal: back,
			refused: true,
		},
		{
			name: "rollback with an empty zip", state: with(switched, func(s *lambda.State) { s.Files = []string{} }), goal: toAL2,
			refused: true,
		},
		{
			name: "rollback on provided.al2 to go1.x", state: al2, goal: back,
			refused: true,
		},
		{
			name: "rollback on arm64", state: with(switched, func(s *lambda.State) { s.Architecture = "arm64" }), goal: back,
			refused: true,
		},
		{
			name: "rollback after a failed update", state: with(switched, func(s *lambda.State) { s.UpdateFailed, s.ReasonCode, s.Reason = true, "InternalError", "try later" }), goal: back,
			refused: true,
		},
		{
			name: "rollback on nodejs22.x", state: with(legacy, func(s *lambda.State) { s.Runtime = "nodejs22.x" }), goal: back,
			refused: true,
		},
		{
			name: "the zip is too large", state: legacy, goal: large,
			refused: true,
		},
		{
			name: "go1.x again since the zips were built", state: legacy, goal: late,
			refused: true,
		},
	}
	golden := readGolden(t, "testdata/refusals.txtar")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			steps, err := Plan(test.state, test.goal.function(lambda.State{}))
			if diff := cmp.Diff(test.want, kinds(steps)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if (err != nil) != test.refused {
				t.Fatalf("error %v, refused is %t", err, test.refused)
			}
			if err == nil {
				return
			}
			if _, ok := errors.AsType[*Refusal](err); !ok {
				t.Errorf("error is a %T, want a *Refusal", err)
			}
			golden.check(t, test.name, err.Error())
		})
	}
	golden.write(t)
}

// golden is a file of expected texts by name.
type golden struct {
	path    string
	archive *txtar.Archive
}

func readGolden(t *testing.T, path string) *golden {
	t.Helper()
	if *update {
		return &golden{path, &txtar.Archive{}}
	}
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return &golden{path, archive}
}

// check compares a text with the expected one, or records it.
func (g *golden) check(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		g.archive.Files = append(g.archive.Files, txtar.File{Name: name, Data: []byte(got + "\n")})
		return
	}
	i := slices.IndexFunc(g.archive.Files, func(f txtar.File) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("%s has no %q; run the test with -update", g.path, name)
	}
	if want := strings.TrimSuffix(string(g.archive.Files[i].Data), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func (g *golden) write(t *testing.T) {
	t.Helper()
	if *update {
		if err := os.WriteFile(g.path, txtar.Format(g.archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// world is a version that serves invocations.
type world struct {
	runtime, handler string
	files            []string
}

func (w world) startable() bool {
	if w.runtime == "go1.x" {
		return slices.Contains(w.files, w.handler)
	}
	return slices.Contains(w.files, "bootstrap")
}

// TestPlanKeepsTheInvariant walks the plan for every combination of state and
// goal. After each step, everything that may serve must be able to start: the new
// code with the new configuration, and every mixture with the ones before until a
// settle delay has passed.
func TestPlanKeepsTheInvariant(t *testing.T) {
	contents := map[string][]string{
		"dual":       dual.Files,
		"bootstrap":  bootstrap.Files,
		"old-dual":   dual.Files,
		"old-lambda": {"lambda"},
		"old":        bootstrap.Files,
	}
	var plans, refusals int
	for _, runtime := range []string{lambda.Go1x, "provided", "provided.al2", lambda.ProvidedAL2023, "nodejs22.x", "python3.13"} {
		for _, handler := range []string{"lambda", "bootstrap", "main"} {
			for code, files := range contents {
				for _, status := range []string{"Successful", "InProgress", "Failed", "Pending"} {
					for _, arch := range []string{"x86_64", "arm64"} {
						for _, kind := range []string{"Zip", "Image"} {
							for _, age := range []time.Duration{0, time.Minute, 3*time.Minute - 1, 3 * time.Minute, time.Hour} {
								for _, settled := range []bool{false, true} {
									for _, goal := range []goal{
										{dual: true, zips: both, settle: time.Minute},
										{zips: both, settle: time.Minute},
										{zips: lambda.Zips{Bootstrap: bootstrap}, settle: time.Minute},
										{action: fleet.Cleanup, dual: true, zips: both, settle: time.Minute},
										{action: fleet.Cleanup, zips: lambda.Zips{Bootstrap: bootstrap}, settle: time.Minute},
										{action: fleet.Rollback, previous: lambda.Go1x, settle: time.Minute},
										{action: fleet.Rollback, previous: lambda.ProvidedAL2, settle: time.Minute},
									} {
										state := lambda.State{
											PackageType: kind, Runtime: runtime, Handler: handler, Architecture: arch, CodeSha256: code, Age: age, Settled: settled,
											Pending: status == "Pending", Updating: status == "InProgress", UpdateFailed: status == "Failed",
										}
										now := world{runtime, handler, files}
										if !now.startable() {
											continue // it is already broken
										}
										serving := []world{now}
										// The switch from go1.x may be in progress, or just complete, or
										// failed, while Lambda reports the attempted configuration.
										if recent := !settled && age < 3*time.Minute; (recent || status == "InProgress" || status == "Failed") && lambda.IsProvided(runtime) && slices.Contains(files, "lambda") {
											serving = append(serving, world{lambda.Go1x, "lambda", files})
										}
										// The previous zip may still serve.
										if goal.action == fleet.Rollback && !settled && age < 3*time.Minute && runtime == lambda.ProvidedAL2023 {
											serving = append(serving, world{lambda.ProvidedAL2023, handler, bootstrap.Files})
										}
										if goal.action == fleet.Rollback {
											state.Files = files
										}
										f := goal.function(state)
										steps, err := Plan(state, f)
										if err != nil {
											refusals++
											if len(steps) > 0 {
												t.Fatalf("%+v\n%+v: refused with steps %v", state, goal, steps)
											}
											continue
										}
										plans++
										if kind == "Image" || (runtime != lambda.Go1x && !lambda.IsProvided(runtime)) || (goal.action == fleet.Cleanup && (runtime != lambda.ProvidedAL2023 || status == "Failed")) ||
											(goal.action == fleet.Rollback && status == "Failed") {
											t.Fatalf("%+v\n%+v: not refused", state, goal)
										}
										walk(t, f, state, serving, steps)
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

// walk does the steps. worlds are what may serve at first; Lambda reports the first
// of them.
func walk(t *testing.T, goal *fleet.Function, state lambda.State, worlds []world, steps []fleet.Step) {
	t.Helper()
	fail := func(why string) { t.Fatalf("%+v\n%+v\n%v: %s", state, goal, steps, why) }
	now, after := worlds[0], state
	for i, step := range steps {
		if (step.Kind == fleet.UpdateCode || step.Kind == fleet.UpdateConfiguration) && (i+1 == len(steps) || steps[i+1].Kind != fleet.Wait) {
			fail("no wait follows an update")
		}
		change := func(w world) world { return w }
		switch step.Kind {
		case fleet.Wait:
			after.Updating, after.Pending, after.Age = false, false, 0
		case fleet.Inspect: // the rest is planned after it
			rest, err := Plan(after, goal)
			if err == nil {
				walk(t, goal, after, worlds, rest)
			}
			return
		case fleet.Settle:
			worlds = []world{now}
			after.Settled = true
		case fleet.UpdateCode:
			change = func(w world) world { w.files = step.Package.Files; return w }
		case fleet.UpdateConfiguration:
			change = func(w world) world { w.runtime, w.handler = step.Runtime, step.Handler; return w }
		}
		if step.Kind == fleet.UpdateCode || step.Kind == fleet.UpdateConfiguration {
			after = accepted(step, after)
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
	if goal.Action == fleet.Cleanup && slices.Contains(now.files, "lambda") {
		fail("lambda is still there")
	}
	if goal.Action == fleet.Deploy && now.runtime != lambda.ProvidedAL2023 || goal.Action == fleet.Rollback && now.runtime != goal.Previous {
		fail("it did not get there")
	}

	if rest, err := Plan(after, goal); err != nil || len(rest) > 0 {
		fail(fmt.Sprintf("the same run would do more: %v %v", rest, err))
	}
	again := *goal
	again.Observed = after
	goal = &again
	rest, err := Plan(after, goal)
	switch {
	case err != nil:
		fail("a second run would be refused: " + err.Error())
	case state.MayServeLegacy() && !goal.Dual && goal.Zips.Dual != nil && len(rest) > 0:
		walk(t, goal, after, worlds, rest) // drops lambda, which go1.x needed
	case len(rest) > 0:
		fail("a second run would do more")
	}
}
