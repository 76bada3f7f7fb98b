package fleet_test

import (
	"testing"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

func TestShape(t *testing.T) {
	dual := &lambda.Contents{Made: true, Legacy: "main", Files: []lambda.File{{Name: "bootstrap", Executable: true}, {Name: "main", Executable: true}}}
	clean := &lambda.Contents{Made: true, Files: []lambda.File{{Name: "bootstrap", Executable: true}}}
	onGo1x := lambda.State{Runtime: "go1.x", Handler: "bin/foo", Architecture: "x86_64"}
	onAL2023 := lambda.State{Runtime: "provided.al2023", Handler: "bootstrap", Architecture: "x86_64"}
	onARM := lambda.State{Runtime: "provided.al2023", Handler: "bootstrap", Architecture: "arm64"}
	with := func(s lambda.State, c *lambda.Contents) lambda.State { s.Contents = c; return s }
	failed := func(s lambda.State) lambda.State { s.UpdateFailed = true; return s }
	for _, test := range []struct {
		name     string
		target   manifest.Target
		action   fleet.Action
		observed lambda.State // default the state
		state    lambda.State
		want     string
	}{
		{name: "go1.x", state: onGo1x, want: "bin/foo for x86_64"},
		{name: "go1.x, arm64 wanted", target: manifest.Target{Dual: true, Architecture: "arm64"}, state: onGo1x, want: "bin/foo for x86_64"},
		{name: "go1.x, another handler in the manifest", target: manifest.Target{Dual: true, Function: manifest.Function{Handler: "main"}}, state: onGo1x, want: "bin/foo for x86_64"},
		{name: "switched in this run", target: manifest.Target{}, observed: onGo1x, state: onAL2023, want: "bin/foo for x86_64"},
		{name: "switched, not read", target: manifest.Target{Dual: true}, state: onAL2023, want: "lambda for x86_64"},
		{name: "switched, not read, handler in the manifest", target: manifest.Target{Dual: true, Function: manifest.Function{Handler: "main"}}, state: onAL2023, want: "main for x86_64"},
		{name: "switched", target: manifest.Target{Dual: true}, state: with(onAL2023, dual), want: "main for x86_64"},
		{name: "switched, arm64 wanted", target: manifest.Target{Dual: true, Architecture: "arm64"}, state: with(onAL2023, dual), want: "main for x86_64"},
		{name: "switched, arm64 wanted, not read", target: manifest.Target{Dual: true, Architecture: "arm64"}, state: onAL2023, want: "lambda for x86_64"},
		{name: "never on go1.x, arm64 wanted", target: manifest.Target{Dual: true, Architecture: "arm64"}, state: with(onAL2023, clean), want: "bootstrap for arm64"},
		{name: "dual off", state: onAL2023, want: "bootstrap for x86_64"},
		{name: "dual off, arm64 wanted", target: manifest.Target{Architecture: "arm64"}, state: onAL2023, want: "bootstrap for arm64"},
		{name: "arm64", target: manifest.Target{Dual: true}, state: onARM, want: "bootstrap for arm64"},
		{name: "arm64, x86_64 wanted", target: manifest.Target{Dual: true, Architecture: "x86_64"}, state: onARM, want: "lambda for x86_64"},
		{name: "a failed update", state: failed(onAL2023), want: "lambda for x86_64"},
		{name: "a failed update on arm64", target: manifest.Target{Dual: true}, state: failed(onARM), want: "bootstrap for arm64"},
		{name: "cleanup", action: fleet.Cleanup, target: manifest.Target{Dual: true}, state: with(onAL2023, dual), want: "bootstrap for x86_64"},
		{name: "cleanup to arm64", action: fleet.Cleanup, target: manifest.Target{Dual: true, Architecture: "arm64"}, state: with(onAL2023, dual), want: "bootstrap for arm64"},
		{name: "cleanup on arm64", action: fleet.Cleanup, target: manifest.Target{Dual: true}, state: onARM, want: "bootstrap for arm64"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fleet.Function{Target: test.target, Goal: fleet.Goal{Action: test.action}, Observed: test.observed}
			if f.Observed.Runtime == "" {
				f.Observed = test.state
			}
			if got := f.Shape(test.state).String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
