// Package rollout moves functions from go1.x to provided.al2023 while they go
// on serving. It observes a function, plans the steps that are left, does the
// first, and observes again.
//
// At every moment, whatever fails, the deployed zip holds a binary that the
// deployed runtime can start.
package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/bundle"
)

// Goal is what one function should become.
type Goal struct {
	Function string // its name on AWS
	From     State  // as it was observed
	Action   Action

	// Dual keeps lambda in the zip of a function that has left go1.x. One that
	// is still there, or was when it was observed, always gets it.
	Dual   bool
	Bundle bundle.Bundle
	// Previous is the runtime that a rollback returns to: [Legacy], or a
	// provided one. It is refused where that is not known and this is empty.
	Previous string

	// Settle is how long to wait between a finished update and the next one
	// that depends on it. AWS says that requests may be served by the old or
	// the new version for "typically less than a minute" after an update, but
	// not whether code and configuration can mix in that time. Source:
	// https://aws.amazon.com/lambda/faqs/
	Settle time.Duration

	// Err says why the function cannot be rolled out. It is reported in its
	// place, and the function is left alone.
	Err error
}

// Legacy reports whether a function in this state is to get the zip that
// carries lambda.
func (g Goal) Legacy(s State) bool {
	return g.Action == Deploy && (g.Dual || s.mayStartLambda() || g.From.mayStartLambda())
}

// Action is what is done to a function.
type Action int

const (
	// Deploy updates the code and brings the function to provided.al2023.
	Deploy Action = iota
	// Cleanup drops lambda from the zip of a function that has left go1.x.
	Cleanup
	// Rollback returns a function whose zip still holds the binary for it to
	// its previous runtime, and leaves the code as it is.
	Rollback
)

// String returns the verb.
func (a Action) String() string {
	return [...]string{"deploy", "clean up", "roll back"}[a]
}

// Kind is one of the things that a plan is made of.
type Kind int

const (
	Wait                Kind = iota + 1 // until the update in progress is complete
	UpdateCode                          // UpdateFunctionCode
	Settle                              // let the settle delay pass
	UpdateConfiguration                 // UpdateFunctionConfiguration
	Inspect                             // read what the deployed zip holds
)

// String returns the name of the API call, for those that are one.
func (k Kind) String() string {
	return [...]string{"", "Wait", "UpdateFunctionCode", "Settle", "UpdateFunctionConfiguration", "Inspect"}[k]
}

// Step is one step of a plan.
type Step struct {
	Kind    Kind
	Package *bundle.Package // of UpdateCode
	Leaves  string          // of UpdateCode: the architecture that it moves away from, if it does
	Delay   time.Duration   // of Settle
	Runtime string          // of UpdateConfiguration
	Handler string          // of UpdateConfiguration
}

func (s Step) String() string {
	switch s.Kind {
	case Wait:
		return "wait until the update is complete"
	case UpdateCode:
		if s.Leaves != "" {
			return fmt.Sprintf("update the code (%v), %s → %s", s.Package, s.Leaves, architecture)
		}
		return fmt.Sprintf("update the code (%v)", s.Package)
	case Settle:
		return fmt.Sprintf("settle for %v", s.Delay)
	case UpdateConfiguration:
		return fmt.Sprintf("switch to %s, handler %s", s.Runtime, s.Handler)
	case Inspect:
		return "read what the deployed zip holds"
	}
	return s.Kind.String()
}

// accepted is the state once Lambda has accepted the step, an update.
func (s Step) accepted(state State) State {
	state.Updating, state.UpdateFailed = true, false
	switch s.Kind {
	case UpdateCode:
		state.CodeSha256, state.Architecture = s.Package.CodeSha256, architecture
		state.CodeSize, state.Files = s.Package.Size, s.Package.Files
	case UpdateConfiguration:
		state.Runtime, state.Handler = s.Runtime, s.Handler
	}
	return state
}

// doing says, in an error, what the step was doing to the function.
func (s Step) doing() string {
	switch s.Kind {
	case Wait:
		return "waiting for the update of"
	case UpdateCode:
		return "updating the code of"
	case UpdateConfiguration:
		return "updating the configuration of"
	case Inspect:
		return "reading the zip of"
	}
	return "settling"
}

// Refusal is why a function is left as it is.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error {
	return &Refusal{Reason: fmt.Sprintf(format, args...)}
}

// leads reports whether a change can be one on the way to the goal: by another
// run of the same command, or by one that was killed before its last call was
// answered.
func (g Goal) leads(from, to State) bool {
	runtime := Wanted
	if g.Action == Rollback {
		runtime = g.Previous
	}
	code := to.CodeSha256 == from.CodeSha256 ||
		g.Bundle.Dual != nil && to.CodeSha256 == g.Bundle.Dual.CodeSha256 ||
		g.Bundle.Bootstrap != nil && to.CodeSha256 == g.Bundle.Bootstrap.CodeSha256
	return code && (to.Runtime == runtime || to.Runtime == from.Runtime && to.Handler == from.Handler) &&
		(to.Architecture == architecture || to.Architecture == from.Architecture)
}

// Preview returns the steps from the goal's From to it, as far as they are known,
// and what the function will be after them. The error is the goal's own, or says that it is refused.
func (g Goal) Preview() (steps []Step, after State, err error) {
	if g.Err != nil {
		return nil, State{}, g.Err
	}
	if steps, err = Plan(g.From, g); err != nil {
		return nil, State{}, g.refused(err)
	}
	after = g.From
	for _, s := range steps {
		after = s.accepted(after)
	}
	return steps, after, nil
}

func (g Goal) refused(err error) error {
	return &FunctionError{g.Function, "refusing to " + g.Action.String(), err}
}

// Plan returns the steps that lead from the state to the goal: none when there
// is nothing to do, a *Refusal when there is no safe way.
func Plan(s State, g Goal) ([]Step, error) {
	if s.PackageType != "" && s.PackageType != "Zip" {
		return nil, refuse("its package type is %s; dualboot deploys zips: take it out of lambdas.json", s.PackageType)
	}
	if g.Action == Rollback {
		return planRollback(s, g)
	}
	switch {
	case s.Runtime == Legacy && g.Action == Cleanup:
		return nil, refuse("it is still on %s, which starts lambda; deploy it first", Legacy)
	case s.Runtime == Legacy && s.Handler != legacyHandler:
		return nil, refuse("%s starts the file that its handler names, %q, and the zip holds %q: it could not start; first ship one with a file of that name, and make it the handler", Legacy, s.Handler, legacyHandler)
	case s.Runtime != Legacy && !startsBootstrap(s.Runtime):
		return nil, refuse("its runtime is %s; dualboot deploys to %s and provided.*: take it out of lambdas.json", s.Runtime, Legacy)
	case s.Runtime != Wanted && g.Action == Cleanup:
		return nil, refuse("it is on %s, and not yet on %s; deploy it first", s.Runtime, Wanted)
	}

	var steps []Step
	if s.Pending || s.Updating {
		steps = append(steps, Step{Kind: Wait})
	} else if s.UpdateFailed && g.Action == Cleanup {
		return nil, refuse("its last update failed (%s: %s); deploy it first", s.ReasonCode, s.Reason)
	}

	pkg := g.Bundle.Bootstrap
	if g.Legacy(s) {
		pkg = g.Bundle.Dual
	}
	if pkg == nil {
		return nil, refuse("it may start lambda now, and only a zip without it was built; run the command again")
	}
	// What Lambda reports after a failed update may not be what serves: send
	// code and configuration again.
	code := s.CodeSha256 != pkg.CodeSha256 || s.Architecture != architecture || s.UpdateFailed
	if code {
		if pkg.Size > bundle.MaxZipped {
			return nil, refuse("%s has %.1f MB; Lambda takes %d MB by direct upload", pkg.Path, float64(pkg.Size)/(1<<20), bundle.MaxZipped>>20)
		}
		// A change of a moment ago may have been the switch from go1.x, which
		// can still be starting lambda somewhere.
		if !pkg.Dual() && unsettled(s, g) {
			steps = append(steps, Step{Kind: Settle, Delay: g.Settle})
		}
		update := Step{Kind: UpdateCode, Package: pkg}
		if s.Architecture != architecture {
			update.Leaves = s.Architecture
		}
		steps = append(steps, update, Step{Kind: Wait})
	}
	if g.Action == Cleanup || (s.Runtime == Wanted && s.Handler == wantedHandler && !s.UpdateFailed) {
		return steps, nil
	}
	if s.Runtime != Wanted && g.Settle > 0 && (code || !s.Settled) {
		steps = append(steps, Step{Kind: Settle, Delay: g.Settle})
	}
	return append(steps, Step{Kind: UpdateConfiguration, Runtime: Wanted, Handler: wantedHandler}, Step{Kind: Wait}), nil
}

// planRollback returns the steps back to the previous runtime.
func planRollback(s State, g Goal) ([]Step, error) {
	handler := legacyHandler
	if startsBootstrap(g.Previous) {
		handler = wantedHandler
	}
	back := s.Runtime == g.Previous && (s.Handler == handler || startsBootstrap(s.Runtime))
	switch {
	case g.Previous == "":
		return nil, refuse("it never was on %s, by lambdas.json, and what it was on is not known; give -runtime=provided.al2 if it was that", Legacy)
	case s.UpdateFailed:
		return nil, refuse("its last update failed (%s: %s); deploy it first", s.ReasonCode, s.Reason)
	case s.Runtime != Wanted && !back:
		return nil, refuse("its runtime is %s; only from %s is there a way back", s.Runtime, Wanted)
	case g.Previous == Legacy && s.Architecture != architecture:
		return nil, refuse("it is on %s, which %s has not", s.Architecture, Legacy)
	}
	var steps []Step
	if s.Pending || s.Updating {
		steps = append(steps, Step{Kind: Wait})
	}
	if back {
		return steps, nil
	}
	if s.Files == nil || len(steps) > 0 {
		return append(steps, Step{Kind: Inspect}), nil
	}
	if !slices.Contains(s.Files, handler) {
		way := "deploy it first"
		if handler == legacyHandler {
			way = `set "dual" to true in lambdas.json and deploy it first`
		}
		return nil, refuse("the deployed zip (%s) has no %s, which %s starts; %s",
			cmp.Or(strings.Join(s.Files, " + "), "nothing to start"), handler, g.Previous, way)
	}
	// A change of a moment ago may have brought the binary that is needed now.
	if unsettled(s, g) {
		steps = append(steps, Step{Kind: Settle, Delay: g.Settle})
	}
	return append(steps, Step{Kind: UpdateConfiguration, Runtime: g.Previous, Handler: handler}, Step{Kind: Wait}), nil
}

// slowest is how long an update is taken to last. Assumption: LastModified is
// when an update began. One in a VPC takes up to about a minute.
const slowest = 2 * time.Minute

// unsettled reports whether what was before the last change may be serving
// still.
func unsettled(s State, g Goal) bool {
	return g.Settle > 0 && (s.Updating || !s.Settled && s.Age < slowest+g.Settle)
}
