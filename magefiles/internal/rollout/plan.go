// Package rollout moves functions to provided.al2023 while they serve. It
// observes a function, plans the remaining steps, does the first one, and
// observes again.
//
// At every moment, whatever fails, the deployed zip contains a binary that the
// deployed runtime can start.
package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
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
		p := s.Package
		state.CodeSha256, state.Architecture, state.CodeSize, state.Contents = p.CodeSha256, p.Architecture, p.Size, p.Contents()
		state.Checked = ""
	case fleet.UpdateConfiguration:
		state.Runtime, state.Handler, state.Blocked = s.Runtime, s.Handler, false
	case fleet.Attach:
		state.Bridge = lambda.BridgeLayer // its version is known once it is attached
	case fleet.Detach:
		state.Runtime, state.Handler, state.Bridge = s.Runtime, s.Handler, ""
	case fleet.Publish, fleet.Point:
		state.Insurance = insuranceAfter(s, state)
		return state
	default:
		return state
	}
	if s.Zones != "" {
		state.Variables = state.Variables.WithZones(s.Zones)
	}
	state.Insurance = withCurrent(state.Insurance, false)
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
	code := to.CodeSha256 == from.CodeSha256 && to.Architecture == from.Architecture
	if p := f.Zips.Find(to.CodeSha256); p != nil {
		code = code || to.Architecture == p.Architecture
	}
	return code && (to.Runtime == runtime || to.Runtime == from.Runtime && to.Handler == from.Handler)
}

// recall adds what is known about the deployed zip to a state.
func recall(s lambda.State, f *fleet.Function) lambda.State {
	switch p := f.Zips.Find(s.CodeSha256); {
	case s.Contents != nil:
	case p != nil:
		s.Contents = p.Contents()
	case s.CodeSha256 == f.Observed.CodeSha256:
		s.Contents = f.Observed.Contents
	}
	if s.Checked == "" && s.CodeSha256 == f.Observed.CodeSha256 {
		s.Checked = f.Observed.Checked
	}
	return s
}

// Plan returns the steps that lead a function from state s to its goal. It
// returns none if there is nothing to do, and a *Refusal if there is no safe way.
// If the last step is Inspect, Check or Look, the steps after it depend on what it reads.
func Plan(s lambda.State, f *fleet.Function) ([]fleet.Step, error) {
	if s.PackageType != "" && s.PackageType != "Zip" {
		return nil, refuse("its package type is %s; dualboot deploys zips: remove it from lambdas.json", s.PackageType)
	}
	s = recall(s, f)
	if f.Action == fleet.Rollback {
		return planRollback(s, f)
	}
	steps, err := planForward(s, f)
	switch {
	case err != nil || !f.Snapshot || inspects(steps):
		return steps, err
	case f.Action == fleet.Cleanup:
		return afterFallback(steps, s)
	}
	return insure(steps, s, f), nil
}

// planForward returns the steps of a deploy without its insurance, or of a cleanup.
func planForward(s lambda.State, f *fleet.Function) ([]fleet.Step, error) {
	if err := deployable(s, f.Action); err != nil {
		return nil, err
	}
	var steps []fleet.Step
	if s.Pending || s.Updating {
		steps = append(steps, fleet.Step{Kind: fleet.Wait})
	}
	if s.Blocked || f.Bridge && s.Runtime == lambda.Go1x {
		return planBlocked(steps, s, f)
	}
	code, err := planCode(s, f)
	if err != nil {
		return nil, err
	}
	w := &way{f: f, steps: steps, state: s}
	w.add(code...)
	switch {
	case inspects(code), f.Action == fleet.Cleanup:
		return w.steps, nil
	case s.Runtime == lambda.ProvidedAL2023 && s.Bridge != "":
		return w.detach()
	case s.Runtime == lambda.ProvidedAL2023 && !s.UpdateFailed:
		return w.steps, nil
	case settles(s, f, len(code) > 0):
		w.add(fleet.Step{Kind: fleet.Settle, Delay: f.Settle})
	}
	forward, err := w.forward(providedHandler(s))
	if err != nil {
		return nil, err
	}
	if w.add(forward...); s.Bridge != "" { // somebody has rolled back in the middle
		return w.detach()
	}
	return w.steps, nil
}

// settles reports whether the settle delay has to pass before the switch to
// provided.al2023. changes says that the code is updated before. The version before a
// change may have nothing that provided.al2023 starts. On go1.x it counts also if it is
// unknown when the change was. From provided.al2 and provided, the switch itself leaves
// bootstrap as the file that is started.
func settles(s lambda.State, f *fleet.Function, changes bool) bool {
	switch {
	case s.Runtime == lambda.ProvidedAL2023 || f.Settle <= 0:
		return false
	case s.Runtime == lambda.Go1x:
		return changes || !s.Settled
	}
	return changes || unsettled(s, f)
}

// inspects reports whether the last step is Inspect or Check.
func inspects(steps []fleet.Step) bool {
	return len(steps) > 0 && (steps[len(steps)-1].Kind == fleet.Inspect || steps[len(steps)-1].Kind == fleet.Check)
}

// Refused reports whether the function is refused whatever its packages are.
func Refused(f *fleet.Function) bool { return deployable(f.Observed, f.Action) != nil }

// Switches reports whether a deploy is to change the runtime of a function that was
// read, unless it refuses the function.
func Switches(f *fleet.Function) bool {
	s := f.Observed
	return f.Err == nil && f.Action == fleet.Deploy && !Refused(f) && s.Runtime != lambda.ProvidedAL2023
}

// Restores reports whether a deploy is to bring the legacy binary back into the zip
// of a function that is on provided.al2023.
func Restores(f *fleet.Function) bool {
	s := recall(f.Observed, f)
	if f.Err != nil || f.Action != fleet.Deploy || s.Runtime != lambda.ProvidedAL2023 || s.Stage(f.Function.LegacyName()) != "clean" {
		return false
	}
	steps, err := Plan(s, f)
	return err == nil && slices.ContainsFunc(steps, func(step fleet.Step) bool { return step.Kind == fleet.UpdateCode && step.Package.Dual() })
}

// NeedsContents reports whether the plan of a function depends on the contents of
// the deployed zip, which were not read.
func NeedsContents(f *fleet.Function) bool { return first(f).Kind == fleet.Inspect }

// NeedsCheck returns the file of the deployed zip that the plan of a function depends
// on and that was not checked, or "".
func NeedsCheck(f *fleet.Function) (file string) {
	if step := first(f); step.Kind == fleet.Check {
		file = step.Handler
	}
	return file
}

// first returns the first step of the plan, if there is one.
func first(f *fleet.Function) (step fleet.Step) {
	if steps, err := Plan(f.Observed, f); err == nil && len(steps) > 0 {
		step = steps[0]
	}
	return step
}

// deployable refuses a function whose code must not change.
func deployable(s lambda.State, action fleet.Action) error {
	var handler error
	if s.Runtime == lambda.Go1x {
		handler = manifest.CheckHandler(s.Handler)
	}
	switch {
	case s.Runtime == lambda.Go1x && action == fleet.Cleanup:
		return refuse("it is still on %s, which starts %s; deploy it first", s.Runtime, s.Handler)
	case handler != nil:
		return refuse("%v; change the handler on AWS first", handler)
	case !lambda.Supported(s.Runtime):
		return refuse("its runtime is %s; dualboot deploys to go1.x and provided.*: remove it from lambdas.json", s.Runtime)
	case action == fleet.Cleanup && s.Runtime != lambda.ProvidedAL2023:
		return refuse("it is on %s, not on %s yet; deploy it first", s.Runtime, lambda.ProvidedAL2023)
	case action == fleet.Cleanup && s.Bridge != "":
		return refuse("it still has the layer %s, of a deploy that did not end; deploy it first", lambda.LayerName(s.Bridge))
	case action == fleet.Cleanup && s.UpdateFailed && !s.Pending && !s.Updating:
		return refuse("its last update failed (%s: %s); deploy it first", s.ReasonCode, s.Reason)
	}
	return nil
}

// planCode returns the steps that update the code, or none if it is up to date.
func planCode(s lambda.State, f *fleet.Function) ([]fleet.Step, error) {
	shape := f.Shape(s)
	pkg := f.Package(shape)
	// After a failed update Lambda may report something else than what serves:
	// send code and configuration again.
	if pkg != nil && s.CodeSha256 == pkg.CodeSha256 && s.Architecture == pkg.Architecture && !s.UpdateFailed {
		return nil, nil
	}
	if s.Contents == nil {
		return []fleet.Step{{Kind: fleet.Inspect}}, nil
	}
	if pkg == nil {
		return nil, unbuilt(shape)
	}
	if err := sendable(pkg, s, f); err != nil {
		return nil, err
	}
	var steps []fleet.Step
	// If the last change was the switch from go1.x a moment ago, go1.x may still
	// be starting the legacy binary somewhere. A switch of this run from another
	// provided runtime was settled before.
	fromProvided := s.Runtime == lambda.ProvidedAL2023 && f.Observed.Runtime != s.Runtime && lambda.IsProvided(f.Observed.Runtime)
	if !pkg.Dual() && !fromProvided && unsettled(s, f) {
		steps = append(steps, fleet.Step{Kind: fleet.Settle, Delay: f.Settle})
	}
	update := fleet.Step{Kind: fleet.UpdateCode, Package: pkg}
	if pkg.Size >= lambda.MaxZipped {
		update.Bucket = f.Environment.Bucket
	}
	if s.Architecture != pkg.Architecture {
		update.Leaves = s.Architecture
	}
	return append(steps, update, fleet.Step{Kind: fleet.Wait}), nil
}

func unbuilt(shape fleet.Shape) error {
	return refuse("it needs a zip with %s, which was not built; run the command again", shape)
}

// sendable refuses a package that must not replace the deployed zip.
func sendable(pkg *lambda.Package, s lambda.State, f *fleet.Function) error {
	if pkg.Replaces != "" && s.CodeSha256 != pkg.Replaces && s.CodeSha256 != pkg.CodeSha256 {
		return refuse("somebody else has changed its code since it was read; run the command again when they are done")
	}
	if pkg.Size >= lambda.MaxZipped && f.Environment.Bucket == "" {
		return refuse(`%s has %s, and Lambda takes less than %s in a request; name an S3 bucket in its region as "bucket" of the environment in lambdas.json`,
			pkg.Path, text.Bytes(pkg.Size), text.Bytes(lambda.MaxZipped))
	}
	if s.ByReference {
		return refuse("its code stays in an S3 bucket (S3ObjectStorageMode is REFERENCE), and this deploy would turn it into a copy; update the object there, or remove the function from lambdas.json")
	}
	if s.Architecture != pkg.Architecture && len(s.Layers) > 0 && !slices.Contains(f.LayerArchitectures, pkg.Architecture) {
		return refuse(`it would move from %s to %s, and these layers may not support that: %s; add %[2]q to "layerArchitectures" in lambdas.json if they do`,
			s.Architecture, pkg.Architecture, strings.Join(s.Layers, ", "))
	}
	lost, disabled := bundle.Lost(s.Contents, pkg, superseded(s, f), f.Function.Drop)
	if len(lost) > 0 {
		return refuse(`the deployed zip has %s that the new one lacks: %s; name each in "include" of the function in lambdas.json, or in "drop" if it may go`,
			text.Count(len(lost), "file"), text.List(lost, mostLost))
	}
	if len(disabled) > 0 {
		return refuse("in the deployed zip %s executable, and would no longer be: %s; run chmod +x on the files to include", text.Are(len(disabled), "file"), text.List(disabled, mostLost))
	}
	return nil
}

// superseded returns the file of the deployed zip that the legacy binary or
// bootstrap supersedes, or "" if there is none. In a zip of another tool on a
// provided runtime, it is one only if the function comes from go1.x. If nothing starts
// there because somebody has changed the runtime, it is what the handler names.
func superseded(s lambda.State, f *fleet.Function) string {
	if s.Runtime == lambda.ProvidedAL2023 && !s.StartsProvided() && len(s.Layers) == 0 && s.Contents.Executable(s.Handler) {
		return s.Handler
	}
	foreign := s.Runtime != lambda.Go1x && !s.Bridged() && !s.Contents.Made
	if foreign && (s.Architecture != lambda.X86_64 || !f.Dual && f.Function.Handler == "") {
		return ""
	}
	return s.Legacy(f.Function.LegacyName())
}

// mostLost is how many lost files a refusal lists.
const mostLost = 20

// providedHandler returns the handler that a function has on a provided runtime: the
// one that it has on such a runtime already, because that ignores the handler but
// passes it to the program as _HANDLER. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func providedHandler(s lambda.State) string {
	if lambda.IsProvided(s.Runtime) {
		return s.Handler
	}
	return lambda.Bootstrap
}

// switchTo returns the steps that change the runtime.
func switchTo(runtime, handler string) []fleet.Step {
	return []fleet.Step{
		{Kind: fleet.UpdateConfiguration, Runtime: runtime, Handler: handler},
		{Kind: fleet.Wait},
	}
}

// planRollback returns the steps back to the previous runtime.
func planRollback(s lambda.State, f *fleet.Function) ([]fleet.Step, error) {
	back := s.Runtime == f.Previous
	switch {
	case f.Previous == "":
		return nil, refuse(`its previous runtime is unknown: lambdas.json says that it never was on go1.x; add its runtime as "rollbackTo", such as %q, or pass -runtime=`, lambda.ProvidedAL2)
	case s.UpdateFailed:
		return nil, refuse("its last update failed (%s: %s); deploy it first", s.ReasonCode, s.Reason)
	case s.Runtime != lambda.ProvidedAL2023 && !back:
		return nil, refuse("its runtime is %s; rollback starts from %s", s.Runtime, lambda.ProvidedAL2023)
	case s.Architecture == lambda.ARM64 && !lambda.SupportsARM64(f.Previous):
		return nil, refuse("it is on %s, which %s does not support", s.Architecture, f.Previous)
	}
	var steps []fleet.Step
	if s.Pending || s.Updating {
		steps = append(steps, fleet.Step{Kind: fleet.Wait})
	}
	switch {
	case back:
		return steps, nil
	case s.Refused != "":
		return planFallback(steps, s, f)
	}
	if s.Contents == nil || len(steps) > 0 {
		return append(steps, fleet.Step{Kind: fleet.Inspect}), nil
	}
	handler, err := rollbackHandler(s, f)
	if err != nil {
		return nil, err
	}
	// A change a moment ago may have added the binary that is needed now.
	if unsettled(s, f) {
		steps = append(steps, fleet.Step{Kind: fleet.Settle, Delay: f.Settle})
	}
	return append(steps, switchTo(f.Previous, handler)...), nil
}

// rollbackHandler returns the handler for the previous runtime, or a refusal if
// the deployed zip does not have what that runtime starts.
func rollbackHandler(s lambda.State, f *fleet.Function) (string, error) {
	handler := lambda.Bootstrap
	if f.Previous == lambda.Go1x {
		handler = s.Legacy(f.Function.LegacyName())
	}
	switch {
	case f.Previous == lambda.Go1x && !f.Dual && !s.Bridged() && !s.Contents.Made:
		return "", refuse(`lambdas.json says that it never was on go1.x ("dual": false), and another tool made its zip; set "dual" to true if it was`)
	case handler != "" && s.Contents.Executable(handler):
		if f.Previous != lambda.Go1x {
			return providedHandler(s), nil
		}
		return handler, nil
	case f.Previous != lambda.Go1x:
		return "", refuse("the deployed zip (%v) has no %s, which %s starts; deploy it first", s.Contents, handler, f.Previous)
	case !s.Contents.Made && slices.ContainsFunc(s.Contents.Files, func(f lambda.File) bool { return f.Executable && f.Name != lambda.Bootstrap }):
		return "", refuse(`the deployed zip (%v) has no %s, and does not say which file %s starts; set "handler" of the function in lambdas.json to that file`,
			s.Contents, f.Function.LegacyName(), f.Previous)
	case f.Function.Deployed():
		way := ""
		if s.Contents.Made && f.Snapshot {
			way = "; if it has a snapshot, a version whose description begins with \"" + lambda.SnapshotMark + "\", point its event source mappings there by hand, and the next deploy points them back"
		}
		return "", refuse(`the deployed zip (%v) has no file that %s starts: a cleanup has renamed it to bootstrap, and no rollback is possible after that, or it comes from another runtime: name that as "rollbackTo" in lambdas.json, or pass -runtime=%s`,
			s.Contents, f.Previous, way)
	}
	return "", refuse(`the deployed zip (%v) has no file that %s starts; set "dual" to true in lambdas.json and deploy it first`, s.Contents, f.Previous)
}

// slowest is how long an update is assumed to take at most. Assumption:
// LastModified is the time at which an update began. An update in a VPC takes up
// to about a minute.
const slowest = 2 * time.Minute

// unsettled reports whether the version before the last change may still serve.
func unsettled(s lambda.State, f *fleet.Function) bool {
	return f.Settle > 0 && (s.Updating || !s.Settled && s.Age < slowest+f.Settle)
}
