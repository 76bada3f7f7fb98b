package rollout

import (
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// way is a plan in the making.
type way struct {
	f     *fleet.Function
	steps []fleet.Step
	state lambda.State // after the steps; Updating means that it has not settled
}

// add adds steps.
func (w *way) add(steps ...fleet.Step) {
	for _, s := range steps {
		w.state = accepted(s, w.state)
		if s.Kind == fleet.Settle {
			w.state.Updating, w.state.Settled = false, true
		}
	}
	w.steps = append(w.steps, steps...)
}

// settle adds the settle delay if the version before the last change may still serve.
func (w *way) settle() {
	if unsettled(w.state, w.f) {
		w.add(fleet.Step{Kind: fleet.Settle, Delay: w.f.Settle})
	}
}

// forward returns the steps that change the runtime to provided.al2023, and the
// handler. If dualboot adds a time zone database to the zip, or has added it, they also
// tell the function where it is: in the zip, or in the bridge as long as the zip has
// none.
func (w *way) forward(handler string) ([]fleet.Step, error) {
	steps, s := switchTo(lambda.ProvidedAL2023, handler), w.state
	pkg := w.f.Package(w.f.Shape(s))
	path, has := lambda.ZonesPath, s.Contents != nil && s.Contents.Zones
	if !has && s.Bridge != "" {
		path = lambda.BridgeZones
	}
	switch {
	case !has && (pkg == nil || !pkg.Zones):
		return steps, nil
	case s.VariablesError != "":
		return nil, refuse("its environment variables could not be read (%s), and it needs another one, %s; allow kms:Decrypt with the key that encrypts them",
			s.VariablesError, lambda.ZonesVariable)
	case s.Variables[lambda.ZonesVariable] == path, s.Variables.OwnZones():
		return steps, nil
	}
	if size := lambda.VariablesSize(s.Variables.WithZones(path)); size > lambda.MaxVariables {
		return nil, refuse("its environment variables would have %s with %s, and Lambda accepts %s; shorten them", text.Count(size, "byte"), lambda.ZonesVariable, text.Count(lambda.MaxVariables, "byte"))
	}
	steps[0].Zones = path
	return steps, nil
}

// detach adds the last steps of a function behind the bridge, whose zip has a
// bootstrap now, and returns all steps.
func (w *way) detach() ([]fleet.Step, error) {
	forward, err := w.forward(lambda.Bootstrap)
	if err != nil {
		return nil, err
	}
	forward[0].Kind = fleet.Detach
	w.settle()
	w.add(forward...)
	return w.steps, nil
}

// planBlocked returns the steps for a function on a runtime for which AWS rejects
// code: switch first, and send the code after that. What the new runtime is to start in
// a zip of another tool is checked before. If the deployed zip lacks what the function
// needs on the new runtime, the bridge has it meanwhile:
//
//  1. Attach the layer. Assumption: go1.x ignores it.
//  2. Switch the runtime. If the zip has no bootstrap, keep the handler: the layer's
//     bootstrap starts what it names.
//  3. Send the code. Lambda prefers the zip's bootstrap to the layer's.
//  4. Detach the layer, with the handler bootstrap.
//
// A settle delay is before 2 and 4. Between 2 and 3 none is needed: the new zip starts
// on both runtimes. The state of the function tells how far it has come.
func planBlocked(steps []fleet.Step, s lambda.State, f *fleet.Function) ([]fleet.Step, error) {
	if s.Contents == nil || len(steps) > 0 {
		return append(steps, fleet.Step{Kind: fleet.Inspect}), nil
	}
	shape := f.Shape(s)
	pkg := f.Package(shape)
	if pkg == nil { // after the switch, the handler does not tell
		return nil, unbuilt(shape)
	}
	w := &way{f: f, state: s}
	file, handler, bridge := lambda.Bootstrap, providedHandler(s), pkg.Zones && !s.Contents.Zones && !s.Variables.OwnZones()
	if !s.StartsProvided() {
		if err := bridgeable(s); err != nil {
			return nil, err
		}
		file, handler, bridge = s.Handler, s.Handler, bridge || s.Handler != lambda.Bootstrap
	}
	if bridge && lambda.IsProvided(s.Runtime) && s.Handler != lambda.Bootstrap { // the layer's bootstrap is for what a handler names
		return nil, refuse("AWS rejects code for functions on %s, so %s cannot be added to its zip first; set the variable %s of the function to one in a layer of it, or its handler, %s, to %s if its program does not read it",
			s.Runtime, lambda.ZonesFile, lambda.ZonesVariable, s.Handler, lambda.Bootstrap)
	}
	if !s.Contents.Made && s.Checked != file {
		return []fleet.Step{{Kind: fleet.Check, Handler: file}}, nil
	}
	if bridge && (s.Bridge == "" || s.UpdateFailed) {
		if len(s.Layers) >= lambda.MaxLayers {
			return nil, refuse("it needs the layer %s for a while, and it has %s already, the most that Lambda allows: %s; merge two of them",
				lambda.BridgeLayer, text.Count(len(s.Layers), "layer"), strings.Join(s.Layers, ", "))
		}
		w.add(fleet.Step{Kind: fleet.Attach}, fleet.Step{Kind: fleet.Wait})
	}
	// A change a moment ago may have added what is needed now.
	w.settle()
	forward, err := w.forward(handler)
	if err != nil {
		return nil, err
	}
	w.add(forward...)
	code, err := planCode(w.state, f)
	if err != nil {
		return nil, err
	}
	if w.add(code...); w.state.Bridge != "" {
		return w.detach()
	}
	return w.steps, nil
}

// bridgeable refuses a function whose program the bridge cannot start.
func bridgeable(s lambda.State) error {
	if s.Runtime != lambda.Go1x {
		return refuse("AWS rejects code for functions on %s, and the deployed zip (%v) has no bootstrap; on AWS, set the runtime to %s in one update with a layer whose bootstrap starts there; then deploy it again",
			s.Runtime, s.Contents, lambda.ProvidedAL2023)
	}
	inTheWay := func(f lambda.File) bool {
		return f.Name == lambda.Bootstrap || strings.HasPrefix(f.Name, lambda.Bootstrap+"/")
	}
	if s.Handler != lambda.Bootstrap && slices.ContainsFunc(s.Contents.Files, inTheWay) {
		return refuse("the deployed zip (%v) has a bootstrap that is not executable, which hides the one of the layer %s; to migrate it with an interruption, set its runtime to %s on AWS and deploy it at once",
			s.Contents, lambda.BridgeLayer, lambda.ProvidedAL2023)
	}
	return nil
}
