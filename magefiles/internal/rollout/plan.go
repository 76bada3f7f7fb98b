// Package rollout moves functions to provided.al2023 while they serve. It
// observes a function, plans the remaining steps, does the first one, and
// observes again.
//
// At every moment, whatever fails, the deployed zip contains a binary that the
// deployed runtime can start.
package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// Refusal is why a function is left as it is.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error {
	return &Refusal{Reason: fmt.Sprintf(format, args...)}
}

// Preview plans the steps from the state that was observed to the goal, as far
// as they are known, and the state after them. It sets f.Err if the function is
// refused.
func Preview(f *fleet.Function) {
	if f.Err != nil {
		return
	}
	steps, err := Plan(f.Observed, f)
	if err != nil {
		f.Fail(fleet.Planning, refusing(f), err)
		return
	}
	f.Plan, f.Planned = steps, f.Observed
	for _, s := range steps {
		f.Planned = accepted(s, f.Planned)
	}
}

func refusing(f *fleet.Function) string { return "refusing to " + f.Action.String() }

// accepted returns the state after Lambda has accepted the step.
func accepted(s fleet.Step, state lambda.State) lambda.State {
	switch s.Kind {
	case fleet.UpdateCode:
		state.CodeSha256, state.Architecture = s.Package.CodeSha256, s.Architecture
		state.CodeSize, state.Files = s.Package.Size, s.Package.Files
	case fleet.UpdateConfiguration:
		state.Runtime, state.Handler = s.Runtime, s.Handler
	default:
		return state
	}
	state.Updating, state.UpdateFailed = true, false
	return state
}

// leads reports whether a change from one state to another can be a change on
// the way to the goal: by another run of the same command, or by a killed run
// whose last call was not answered.
func leads(f *fleet.Function, from, to lambda.State) bool {
	runtime := lambda.ProvidedAL2023
	if f.Action == fleet.Rollback {
		runtime = f.Previous
	}
	code := to.CodeSha256 == from.CodeSha256 ||
		f.Zips.Dual != nil && to.CodeSha256 == f.Zips.Dual.CodeSha256 ||
		f.Zips.Bootstrap != nil && to.CodeSha256 == f.Zips.Bootstrap.CodeSha256
	return code && (to.Runtime == runtime || to.Runtime == from.Runtime && to.Handler == from.Handler) &&
		(to.Architecture == architecture || to.Architecture == from.Architecture)
}

// architecture is the one of all deployment packages: both runtimes support it.
const architecture = lambda.X86_64

// Plan returns the steps that lead a function from state s to its goal. It
// returns none if there is nothing to do, and a *Refusal if there is no safe way.
func Plan(s lambda.State, f *fleet.Function) ([]fleet.Step, error) {
	if s.PackageType != "" && s.PackageType != "Zip" {
		return nil, refuse("its package type is %s; dualboot deploys zips: remove it from lambdas.json", s.PackageType)
	}
	if f.Action == fleet.Rollback {
		return planRollback(s, f)
	}
	if err := deployable(s, f.Action); err != nil {
		return nil, err
	}

	var steps []fleet.Step
	if s.Pending || s.Updating {
		steps = append(steps, fleet.Step{Kind: fleet.Wait})
	}
	code, err := planCode(s, f)
	if err != nil {
		return nil, err
	}
	steps = append(steps, code...)
	if f.Action == fleet.Cleanup || (s.Runtime == lambda.ProvidedAL2023 && s.Handler == lambda.Bootstrap && !s.UpdateFailed) {
		return steps, nil
	}
	if s.Runtime != lambda.ProvidedAL2023 && f.Settle > 0 && (len(code) > 0 || !s.Settled) {
		steps = append(steps, fleet.Step{Kind: fleet.Settle, Delay: f.Settle})
	}
	return append(steps, switchTo(lambda.ProvidedAL2023)...), nil
}

// deployable refuses a function whose code must not change.
func deployable(s lambda.State, action fleet.Action) error {
	entry := lambda.EntryPoint(s.Runtime, s.Handler)
	switch {
	case s.Runtime == lambda.Go1x && action == fleet.Cleanup:
		return refuse("it is still on %s, which starts %s; deploy it first", s.Runtime, entry)
	case s.Runtime == lambda.Go1x && entry != lambda.LegacyBinary:
		return refuse("%s starts the file that its handler names, %q, but the zip holds %q and could not start; first deploy a zip with a file %[3]s and set the handler to it", s.Runtime, entry, lambda.LegacyBinary)
	case !lambda.Supported(s.Runtime):
		return refuse("its runtime is %s; dualboot deploys to go1.x and provided.*: remove it from lambdas.json", s.Runtime)
	case action == fleet.Cleanup && s.Runtime != lambda.ProvidedAL2023:
		return refuse("it is on %s, not on %s yet; deploy it first", s.Runtime, lambda.ProvidedAL2023)
	case action == fleet.Cleanup && s.UpdateFailed && !s.Pending && !s.Updating:
		return refuse("its last update failed (%s: %s); deploy it first", s.ReasonCode, s.Reason)
	}
	return nil
}

// planCode returns the steps that update the code, or none if it is up to date.
func planCode(s lambda.State, f *fleet.Function) ([]fleet.Step, error) {
	pkg := f.Zips.Bootstrap
	if f.NeedsLegacy(s) {
		pkg = f.Zips.Dual
	}
	if pkg == nil {
		return nil, refuse("go1.x may be serving it now, but only a zip without %s was built; run the command again", lambda.LegacyBinary)
	}
	// After a failed update Lambda may report something else than what serves:
	// send code and configuration again.
	if s.CodeSha256 == pkg.CodeSha256 && s.Architecture == architecture && !s.UpdateFailed {
		return nil, nil
	}
	if pkg.Size > lambda.MaxZipped {
		return nil, refuse("%s has %s; Lambda takes at most %s in a request", pkg.Path, text.Bytes(pkg.Size), text.Bytes(lambda.MaxZipped))
	}
	var steps []fleet.Step
	// If the last change was the switch from go1.x a moment ago, go1.x may still
	// be starting lambda somewhere.
	if !pkg.Dual() && unsettled(s, f) {
		steps = append(steps, fleet.Step{Kind: fleet.Settle, Delay: f.Settle})
	}
	update := fleet.Step{Kind: fleet.UpdateCode, Package: pkg, Architecture: architecture}
	if s.Architecture != architecture {
		update.Leaves = s.Architecture
	}
	return append(steps, update, fleet.Step{Kind: fleet.Wait}), nil
}

// switchTo returns the steps that change the runtime.
func switchTo(runtime string) []fleet.Step {
	return []fleet.Step{
		{Kind: fleet.UpdateConfiguration, Runtime: runtime, Handler: lambda.Handler(runtime)},
		{Kind: fleet.Wait},
	}
}

// planRollback returns the steps back to the previous runtime.
func planRollback(s lambda.State, f *fleet.Function) ([]fleet.Step, error) {
	handler := lambda.Handler(f.Previous)
	back := s.Runtime == f.Previous && (s.Handler == handler || lambda.IsProvided(s.Runtime))
	switch {
	case f.Previous == "":
		return nil, refuse(`its previous runtime is unknown: lambdas.json says that it never was on go1.x; pass -runtime=provided.al2 if that was its runtime`)
	case s.UpdateFailed:
		return nil, refuse("its last update failed (%s: %s); deploy it first", s.ReasonCode, s.Reason)
	case s.Runtime != lambda.ProvidedAL2023 && !back:
		return nil, refuse("its runtime is %s; rollback starts from %s", s.Runtime, lambda.ProvidedAL2023)
	case f.Previous == lambda.Go1x && s.Architecture != lambda.X86_64:
		return nil, refuse("it is on %s, which go1.x does not support", s.Architecture)
	}
	var steps []fleet.Step
	if s.Pending || s.Updating {
		steps = append(steps, fleet.Step{Kind: fleet.Wait})
	}
	if back {
		return steps, nil
	}
	if s.Files == nil || len(steps) > 0 {
		return append(steps, fleet.Step{Kind: fleet.Inspect}), nil
	}
	entry := lambda.EntryPoint(f.Previous, handler)
	if !slices.Contains(s.Files, entry) {
		fix := "deploy it first"
		if entry == lambda.LegacyBinary {
			fix = `set "dual" to true in lambdas.json and deploy it first`
		}
		return nil, refuse("the deployed zip (%s) has no %s, which %s starts; %s",
			cmp.Or(strings.Join(s.Files, " + "), "no executable"), entry, f.Previous, fix)
	}
	// A change a moment ago may have added the binary that is needed now.
	if unsettled(s, f) {
		steps = append(steps, fleet.Step{Kind: fleet.Settle, Delay: f.Settle})
	}
	return append(steps, switchTo(f.Previous)...), nil
}

// slowest is how long an update is assumed to take at most. Assumption:
// LastModified is the time at which an update began. An update in a VPC takes up
// to about a minute.
const slowest = 2 * time.Minute

// unsettled reports whether the version before the last change may still serve.
func unsettled(s lambda.State, f *fleet.Function) bool {
	return f.Settle > 0 && (s.Updating || !s.Settled && s.Age < slowest+f.Settle)
}
