package rollout

import (
	"errors"
	"flag"
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
	dual      = &lambda.Package{Path: "bin/x/lambda.zip", Architecture: "x86_64", Legacy: "lambda", Files: []string{"bootstrap", "lambda"}, CodeSha256: "dual", Size: 6_100_000}
	mainDual  = &lambda.Package{Path: "bin/x/lambda.zip", Architecture: "x86_64", Legacy: "main", Files: []string{"bootstrap", "main"}, CodeSha256: "main-dual", Size: 6_100_000}
	bootstrap = &lambda.Package{Path: "bin/x/bootstrap.zip", Architecture: "x86_64", Files: []string{"bootstrap"}, CodeSha256: "bootstrap", Size: 2_900_000}
	arm       = &lambda.Package{Path: "bin/x/bootstrap.zip", Architecture: "arm64", Files: []string{"bootstrap"}, CodeSha256: "arm", Size: 2_800_000}
	both      = lambda.Zips{Dual: dual, Bootstrap: bootstrap}
)

// files returns the contents of a zip of another tool, in which files without a
// dot are executable.
func files(names ...string) *lambda.Contents {
	c := &lambda.Contents{}
	for _, name := range slices.Sorted(slices.Values(names)) {
		c.Files = append(c.Files, lambda.File{Name: name, Executable: !strings.Contains(name, ".")})
	}
	return c
}

// goal is the goal of a function, with its zips.
type goal struct {
	action   fleet.Action
	dual     bool
	zips     lambda.Zips
	previous string
	settle   time.Duration
	change   func(*fleet.Function) // what else the manifest says
}

// function returns a function with the goal that was observed in the state.
func (g goal) function(observed lambda.State) *fleet.Function {
	f := &fleet.Function{
		Target:   manifest.Target{FunctionName: "f", Dual: g.dual},
		Goal:     fleet.Goal{Action: g.action, Previous: g.previous, Settle: g.settle},
		Zips:     g.zips,
		Observed: observed,
	}
	if g.change != nil {
		g.change(f)
	}
	return f
}

// kinds describes steps: "code dual, wait, settle, switch provided.al2023, wait".
func kinds(steps []fleet.Step) string {
	var words []string
	for _, s := range steps {
		switch s.Kind {
		case fleet.UpdateCode:
			word := "code " + s.Package.CodeSha256
			if s.Leaves != "" {
				word += " " + s.Leaves + "→" + s.Package.Architecture
			}
			if s.Bucket != "" {
				word += " by " + s.Bucket
			}
			words = append(words, word)
		case fleet.UpdateConfiguration, fleet.Detach:
			word := "switch " + s.Runtime + " " + s.Handler
			if s.Kind == fleet.Detach {
				word = "detach " + s.Handler
			}
			if s.Zones != "" {
				word += " " + lambda.ZonesVariable + "=" + s.Zones
			}
			words = append(words, word)
		case fleet.Settle:
			words = append(words, "settle "+s.Delay.String())
		case fleet.Attach, fleet.Check:
			word, _, _ := strings.Cut(s.String(), " ")
			words = append(words, strings.TrimSpace(word+" "+s.Handler))
		default:
			words = append(words, strings.ToLower(s.Kind.String()))
		}
	}
	return strings.Join(words, ", ")
}

func TestPlan(t *testing.T) {
	const minute = time.Minute
	legacy := lambda.State{Runtime: lambda.Go1x, Handler: "lambda", Architecture: "x86_64", CodeSha256: "old", Contents: files("lambda"), Age: time.Hour}
	with := func(s lambda.State, change func(*lambda.State)) lambda.State { change(&s); return s }
	al2 := with(legacy, func(s *lambda.State) {
		s.Runtime, s.Handler, s.Contents = "provided.al2", "bootstrap", files("bootstrap")
	})
	clean := with(al2, func(s *lambda.State) { s.Runtime, s.CodeSha256 = lambda.ProvidedAL2023, "bootstrap" })
	deploy := goal{dual: true, zips: both, settle: minute}
	cleanup := goal{action: fleet.Cleanup, zips: both, settle: minute}
	large := deploy
	large.zips.Dual = &lambda.Package{Path: "bin/x/lambda.zip", Architecture: "x86_64", Legacy: "lambda", Files: dual.Files, CodeSha256: "large", Size: 50 << 20}
	viaBucket := large
	viaBucket.change = func(f *fleet.Function) { f.Environment.Bucket = "b" }
	late := deploy
	late.zips.Dual = nil
	back := goal{action: fleet.Rollback, previous: lambda.Go1x, dual: true, settle: minute}
	backTo := func(runtime string) goal { return goal{action: fleet.Rollback, previous: runtime, settle: minute} }
	toAL2 := backTo(lambda.ProvidedAL2)
	switched := with(clean, func(s *lambda.State) { s.CodeSha256, s.Contents = "dual", dual.Contents() })
	onMain := with(legacy, func(s *lambda.State) { s.Handler, s.Contents = "main", files("main") })
	mainGoal := goal{dual: true, zips: lambda.Zips{Dual: mainDual, Bootstrap: bootstrap}, settle: minute}
	toARM := func(f *fleet.Function) { f.Architecture = "arm64" }
	arm64 := with(clean, func(s *lambda.State) { s.Architecture, s.CodeSha256 = "arm64", "old" })
	armGoal := goal{dual: true, zips: lambda.Zips{Bootstrap: arm}, settle: minute}
	armCleanup := goal{action: fleet.Cleanup, dual: true, zips: lambda.Zips{Dual: dual, Bootstrap: arm}, settle: minute, change: toARM}
	layered := func(s *lambda.State) { s.Layers = []string{"arn:aws:lambda:eu-west-1:123456789012:layer:l:3"} }
	config := with(legacy, func(s *lambda.State) { s.Contents = files("lambda", "config.json", "README.md") })

	onDeployed := goal{dual: true, settle: minute, change: func(f *fleet.Function) { f.Function.Source = manifest.Deployed }}
	onDeployed.zips.Dual = &lambda.Package{Architecture: "x86_64", Legacy: "lambda", Files: dual.Files, CodeSha256: "derived", Replaces: "old", Zones: true}

	blocked := func(s *lambda.State) { s.Blocked, s.Checked = true, "lambda" }
	bridged := with(legacy, func(s *lambda.State) { s.Runtime, s.Bridge = lambda.ProvidedAL2023, "b" })
	startsBootstrap := func(s *lambda.State) {
		s.Blocked, s.Handler, s.Contents = true, "bootstrap", files("bootstrap")
	}
	single := goal{dual: true, settle: minute, change: func(f *fleet.Function) { f.Observed.Runtime, f.Observed.Handler = lambda.Go1x, "bootstrap" }}
	single.zips.Dual = &lambda.Package{Architecture: "x86_64", Legacy: "bootstrap", Files: bootstrap.Files, CodeSha256: "single"}

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
		{
			name: "provided.al2, and the code is up to date", state: with(al2, func(s *lambda.State) { s.CodeSha256 = "bootstrap" }), goal: goal{zips: both, settle: minute},
			want: "switch provided.al2023 bootstrap, wait",
		},
		{
			name: "provided.al2, and the code was updated a moment ago", state: with(al2, func(s *lambda.State) { s.CodeSha256, s.Age = "bootstrap", minute }), goal: goal{zips: both, settle: minute},
			want: "settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "provided.al2 with an update in progress", state: with(al2, func(s *lambda.State) { s.CodeSha256, s.Updating = "bootstrap", true }), goal: goal{zips: both, settle: minute},
			want: "wait, settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{name: "nothing to do", state: with(clean, func(s *lambda.State) { s.CodeSha256 = "dual" }), goal: deploy},
		{
			name: "new code", state: with(clean, func(s *lambda.State) { s.CodeSha256 = "old" }), goal: deploy,
			want: "code dual, wait",
		},
		{
			name: "same code, another architecture", state: with(clean, func(s *lambda.State) { s.CodeSha256, s.Architecture = "dual", "arm64" }),
			goal: goal{dual: true, zips: both, settle: minute, change: func(f *fleet.Function) { f.Architecture = "x86_64" }},
			want: "code dual arm64→x86_64, wait",
		},
		{
			name: "deploy before the zip is read", state: with(legacy, func(s *lambda.State) { s.Contents = nil }), goal: deploy,
			want: "inspect",
		},
		{
			name: "deploy before the zip is read, during an update", state: with(legacy, func(s *lambda.State) { s.Contents, s.Updating = nil, true }), goal: deploy,
			want: "wait, inspect",
		},
		{
			name: "deploy of main on go1.x", state: onMain, goal: mainGoal,
			want: "code main-dual, wait, settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "new code for a dual zip of main", state: with(clean, func(s *lambda.State) {
				s.CodeSha256, s.Contents = "old", &lambda.Contents{Made: true, Legacy: "main", Files: files("bootstrap", "main").Files}
			}), goal: mainGoal,
			want: "code main-dual, wait",
		},
		{
			name: "the zips were made for another handler", state: onMain, goal: deploy,
			refused: true,
		},
		{
			name: "the handler has changed since the zips were made", state: onMain,
			goal:    goal{dual: true, zips: both, settle: minute, change: func(f *fleet.Function) { f.Observed = legacy }},
			refused: true,
		},
		{
			name: "from the deployed zip", state: with(legacy, func(s *lambda.State) { s.Variables = lambda.Variables{"A": "b"} }), goal: onDeployed,
			want: "code derived, wait, settle 1m0s, switch provided.al2023 bootstrap ZONEINFO=/var/task/zoneinfo.zip, wait",
		},
		{
			name: "from the deployed zip, with a time zone database", state: with(legacy, func(s *lambda.State) { s.Variables = lambda.Variables{"ZONEINFO": "db"} }), goal: onDeployed,
			want: "code derived, wait, settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "from the deployed zip, which is the new one", goal: onDeployed,
			state: with(switched, func(s *lambda.State) { s.CodeSha256 = "derived" }),
		},
		{
			name: "from a deployed zip that has changed", state: with(legacy, func(s *lambda.State) { s.CodeSha256 = "other" }), goal: onDeployed,
			refused: true,
		},
		{
			name: "the variables could not be read", state: with(legacy, func(s *lambda.State) { s.VariablesError = "AccessDeniedException: no" }), goal: onDeployed,
			refused: true,
		},
		{
			name: "the variables are too large", goal: onDeployed, refused: true,
			state: with(legacy, func(s *lambda.State) { s.Variables = lambda.Variables{"A": strings.Repeat("x", 4080)} }),
		},
		{
			name: "deploy would lose files", state: config, goal: deploy,
			refused: true,
		},
		{
			name: "deploy may lose files", state: config,
			goal: goal{dual: true, zips: both, settle: minute, change: func(f *fleet.Function) { f.Function.Drop = []string{"*.md", "config.json"} }},
			want: "code dual, wait, settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "deploy would lose files of which one may go", state: config,
			goal:    goal{dual: true, zips: both, settle: minute, change: func(f *fleet.Function) { f.Function.Drop = []string{"*.md"} }},
			refused: true,
		},
		{
			name: "the code is by reference", state: with(legacy, func(s *lambda.State) { s.ByReference = true }), goal: deploy,
			refused: true,
		},
		{
			name: "the code is by reference and up to date", state: with(legacy, func(s *lambda.State) { s.CodeSha256, s.ByReference = "dual", true }), goal: deploy,
			want: "settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "a large zip goes through the bucket", state: legacy, goal: viaBucket,
			want: "code large by b, wait, settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "arm64 stays", state: arm64, goal: armGoal,
			want: "code arm, wait",
		},
		{
			name: "arm64 is wanted on go1.x", state: legacy, goal: goal{dual: true, zips: both, settle: minute, change: toARM},
			want: "code dual, wait, settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "arm64 is wanted on provided.al2", state: al2, goal: goal{zips: lambda.Zips{Bootstrap: arm}, settle: minute, change: toARM},
			want: "code arm x86_64→arm64, wait, settle 1m0s, switch provided.al2023 bootstrap, wait",
		},
		{
			name: "arm64 is wanted after the switch", state: switched, goal: goal{dual: true, zips: both, settle: minute, change: toARM},
		},
		{
			name: "cleanup to arm64", state: switched, goal: armCleanup,
			want: "code arm x86_64→arm64, wait",
		},
		{
			name: "cleanup to arm64 with layers", state: with(switched, layered), goal: armCleanup,
			refused: true,
		},
		{
			name: "cleanup to arm64 with layers that support it", state: with(switched, layered),
			goal: goal{action: fleet.Cleanup, zips: lambda.Zips{Bootstrap: arm}, settle: minute, change: func(f *fleet.Function) { f.Architecture, f.LayerArchitectures = "arm64", []string{"arm64"} }},
			want: "code arm x86_64→arm64, wait",
		},
		{
			name: "AWS rejects code for go1.x", state: with(legacy, func(s *lambda.State) { s.Blocked = true }), goal: deploy,
			want: "check lambda",
		},
		{
			name: "AWS rejects code for go1.x, and the program is checked", state: with(legacy, blocked), goal: deploy,
			want: "attach, wait, settle 1m0s, switch provided.al2023 lambda, wait, code dual, wait, settle 1m0s, detach bootstrap, wait",
		},
		{
			name: "AWS rejects code for go1.x, from the deployed zip", state: with(legacy, blocked), goal: onDeployed,
			want: "attach, wait, settle 1m0s, switch provided.al2023 lambda ZONEINFO=/opt/zoneinfo.zip, wait, code derived, wait, settle 1m0s, detach bootstrap ZONEINFO=/var/task/zoneinfo.zip, wait",
		},
		{
			name: "AWS rejects code for provided.al2, from the deployed zip", state: with(al2, func(s *lambda.State) { s.Blocked, s.Checked = true, "bootstrap" }),
			goal: goal{settle: minute, change: func(f *fleet.Function) { onDeployed.change(f); f.Observed.Runtime = "provided.al2" },
				zips: lambda.Zips{Bootstrap: &lambda.Package{Architecture: "x86_64", Files: bootstrap.Files, CodeSha256: "zones", Replaces: "old", Zones: true}}},
			want: "attach, wait, settle 1m0s, switch provided.al2023 bootstrap ZONEINFO=/opt/zoneinfo.zip, wait, code zones, wait, settle 1m0s, detach bootstrap ZONEINFO=/var/task/zoneinfo.zip, wait",
		},
		{
			name: "AWS rejects code for provided.al2", state: with(al2, func(s *lambda.State) { s.Blocked = true }), goal: goal{zips: both, settle: minute},
			want: "check bootstrap",
		},
		{
			name: "-bridge", state: with(legacy, func(s *lambda.State) { s.Checked = "lambda" }),
			goal: goal{dual: true, zips: both, change: func(f *fleet.Function) { f.Bridge = true }},
			want: "attach, wait, switch provided.al2023 lambda, wait, code dual, wait, detach bootstrap, wait",
		},
		{
			name: "the bridge is attached", state: with(legacy, func(s *lambda.State) { blocked(s); s.Bridge = "b" }), goal: deploy,
			want: "switch provided.al2023 lambda, wait, code dual, wait, settle 1m0s, detach bootstrap, wait",
		},
		{
			name: "the update that attaches the bridge has failed", state: with(legacy, func(s *lambda.State) { blocked(s); s.Bridge, s.UpdateFailed = "b", true }), goal: deploy,
			want: "attach, wait, settle 1m0s, switch provided.al2023 lambda, wait, code dual, wait, settle 1m0s, detach bootstrap, wait",
		},
		{
			name: "behind the bridge", state: bridged, goal: deploy,
			want: "code dual, wait, settle 1m0s, detach bootstrap, wait",
		},
		{
			name: "behind the bridge, dual off", state: bridged, goal: goal{zips: both, settle: minute},
			want: "code bootstrap, wait, settle 1m0s, detach bootstrap, wait",
		},
		{
			name: "behind the bridge with the dual zip, a moment ago", state: with(bridged, func(s *lambda.State) { s.CodeSha256, s.Contents, s.Age = "dual", dual.Contents(), 0 }), goal: deploy,
			want: "settle 1m0s, detach bootstrap, wait",
		},
		{
			name: "rolled back before the bridge was detached", state: with(legacy, func(s *lambda.State) { s.Bridge = "b" }), goal: deploy,
			want: "code dual, wait, settle 1m0s, switch provided.al2023 bootstrap, wait, settle 1m0s, detach bootstrap, wait",
		},
		{
			name: "cleanup behind the bridge", state: with(bridged, func(s *lambda.State) {
				s.Bridge = "arn:aws:lambda:eu-west-1:123456789012:layer:dualboot-bridge-0123456789ab:1"
			}), goal: cleanup,
			refused: true,
		},
		{
			name: "rollback behind the bridge", state: bridged, goal: back,
			want: "switch go1.x lambda, wait",
		},
		{
			name: "five layers", state: with(legacy, func(s *lambda.State) { blocked(s); s.Layers = []string{"a", "b", "c", "d", "e"} }), goal: deploy,
			refused: true,
		},
		{
			name: "a bootstrap that is not executable", goal: deploy, refused: true,
			state: with(legacy, func(s *lambda.State) {
				blocked(s)
				s.Contents = &lambda.Contents{Files: []lambda.File{{Name: "bootstrap"}, {Name: "lambda", Executable: true}}}
			}),
		},
		{
			name: "somebody has set the runtime, and nothing starts", goal: deploy,
			state: with(onMain, func(s *lambda.State) { s.Runtime = lambda.ProvidedAL2023 }),
			want:  "code dual, wait",
		},
		{
			name: "a layer may start what the handler names", goal: deploy, refused: true,
			state: with(onMain, func(s *lambda.State) { s.Runtime = lambda.ProvidedAL2023; layered(s) }),
		},
		{
			name: "a directory bootstrap", goal: deploy, refused: true,
			state: with(legacy, func(s *lambda.State) {
				blocked(s)
				s.Contents = &lambda.Contents{Files: []lambda.File{{Name: "bootstrap/lib.so"}, {Name: "lambda", Executable: true}}}
			}),
		},
		{
			name: "AWS rejects code for go1.x, and an update is in progress", state: with(legacy, func(s *lambda.State) { blocked(s); s.Updating = true }), goal: deploy,
			want: "wait, inspect",
		},
		{
			name: "AWS rejects code for go1.x, and the zip has a time zone database", goal: onDeployed,
			state: with(legacy, func(s *lambda.State) {
				s.Blocked, s.Contents, s.CodeSha256 = true, dual.Contents(), "derived"
				s.Contents.Zones = true
			}),
			want: "switch provided.al2023 bootstrap ZONEINFO=/var/task/zoneinfo.zip, wait",
		},
		{
			name: "AWS rejects code for provided.al2, whose bootstrap is in a layer", goal: goal{zips: both, settle: minute}, refused: true,
			state: with(al2, func(s *lambda.State) { s.Blocked, s.Contents = true, files("config.json") }),
		},
		{
			name: "AWS rejects code for go1.x, and another tool made a dual zip", state: with(legacy, func(s *lambda.State) { blocked(s); s.Contents = files("bootstrap", "lambda") }), goal: deploy,
			want: "check bootstrap",
		},
		{
			name: "AWS rejects code for go1.x, and the zip is dual", state: with(legacy, func(s *lambda.State) { s.Blocked, s.Contents = true, dual.Contents() }), goal: deploy,
			want: "switch provided.al2023 bootstrap, wait, code dual, wait",
		},
		{
			name: "AWS rejects code for go1.x, and the zip is new", state: with(legacy, func(s *lambda.State) {
				s.Blocked, s.Contents, s.Checked, s.Age = true, files("bootstrap", "lambda"), "bootstrap", 0
			}), goal: deploy,
			want: "settle 1m0s, switch provided.al2023 bootstrap, wait, code dual, wait",
		},
		{
			name: "AWS rejects code for go1.x, and the zip was not read", state: with(legacy, func(s *lambda.State) { s.Blocked, s.Contents = true, nil }), goal: deploy,
			want: "inspect",
		},
		{
			name: "AWS rejects code for go1.x, which starts bootstrap", state: with(legacy, startsBootstrap), goal: single,
			want: "check bootstrap",
		},
		{
			name: "AWS rejects code for go1.x, which starts a bootstrap that is checked", state: with(legacy, func(s *lambda.State) { startsBootstrap(s); s.Checked = "bootstrap" }), goal: single,
			want: "switch provided.al2023 bootstrap, wait, code single, wait",
		},
		{
			name: "AWS rejects code for go1.x, and the zips were made for another handler", state: with(legacy, startsBootstrap), goal: deploy,
			refused: true,
		},
		{
			name: "only the handler differs", state: with(clean, func(s *lambda.State) { s.CodeSha256, s.Handler = "dual", "lambda" }), goal: deploy,
			want: "",
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
			name: "deploy on go1.x with a handler that is no path", state: with(legacy, func(s *lambda.State) { s.Handler = "./main" }), goal: deploy,
			refused: true,
		},
		{
			name: "rollback", state: switched, goal: back,
			want: "switch go1.x lambda, wait",
		},
		{
			name: "rollback before the zip is read", state: with(switched, func(s *lambda.State) { s.Contents = nil }), goal: back,
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
			name: "rollback to provided.al2", state: with(switched, func(s *lambda.State) { s.Contents = bootstrap.Contents() }), goal: toAL2,
			want: "switch provided.al2 bootstrap, wait",
		},
		{name: "rollback of a function that is back", state: with(legacy, func(s *lambda.State) { s.Contents = nil }), goal: back},
		{
			name: "rollback without lambda", state: with(switched, func(s *lambda.State) { s.Contents = bootstrap.Contents() }), goal: back,
			refused: true,
		},
		{
			name: "rollback of main", state: with(clean, func(s *lambda.State) { s.CodeSha256, s.Contents = "main-dual", mainDual.Contents() }), goal: back,
			want: "switch go1.x main, wait",
		},
		{
			name: "rollback of a zip of another tool", state: with(switched, func(s *lambda.State) { s.Contents = files("bootstrap", "main") }), goal: back,
			refused: true,
		},
		{
			name: "rollback of a zip of another tool with the handler in the manifest", state: with(switched, func(s *lambda.State) { s.Contents = files("bootstrap", "main") }),
			goal: goal{action: fleet.Rollback, previous: lambda.Go1x, dual: true, settle: minute, change: func(f *fleet.Function) { f.Function.Handler = "main" }},
			want: "switch go1.x main, wait",
		},
		{
			name: "rollback of one binary for both runtimes", state: with(switched, func(s *lambda.State) {
				s.Contents = &lambda.Contents{Made: true, Legacy: "bootstrap", Files: files("bootstrap").Files}
			}), goal: back,
			want: "switch go1.x bootstrap, wait",
		},
		{
			name: "rollback to go1.x of a zip of another tool that never was there", state: with(switched, func(s *lambda.State) { s.Contents = files("bootstrap", "lambda") }),
			goal:    backTo(lambda.Go1x),
			refused: true,
		},
		{
			name: "rollback to go1.x after all were cleaned up but this one", state: switched, goal: backTo(lambda.Go1x),
			want: "switch go1.x lambda, wait",
		},
		{
			name: "rollback on arm64 to provided", state: arm64, goal: backTo(lambda.Provided),
			refused: true,
		},
		{
			name: "rollback with an empty zip", state: with(switched, func(s *lambda.State) { s.Contents = files() }), goal: toAL2,
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
