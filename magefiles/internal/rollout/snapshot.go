package rollout

import (
	"fmt"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// insure adds the insurance to the steps of a deploy: a snapshot directly before the
// switch, or before the bridge is attached, and in the end the event source mappings that a rollback has pointed to a
// snapshot, which go back to the function.
func insure(steps []fleet.Step, s lambda.State, f *fleet.Function) []fleet.Step {
	if s.Insurance == nil {
		return []fleet.Step{{Kind: fleet.Look}}
	}
	var insured []fleet.Step
	current := s.Insurance.Covers(s)
	for _, step := range steps {
		switches := step.Kind == fleet.UpdateConfiguration && step.Runtime == lambda.ProvidedAL2023
		if leaves := s.Runtime != lambda.ProvidedAL2023 && (switches || step.Kind == fleet.Attach); leaves && !current {
			insured = append(insured, fleet.Step{Kind: fleet.Publish, Runtime: s.Runtime})
			current = true
		}
		current = current && step.Kind != fleet.UpdateCode
		insured = append(insured, step)
	}
	back := pointAll(s.Insurance, "")
	// Until the delay has passed, a version with an error that this deploy corrects
	// may still serve the function.
	if len(back) > 0 && f.Settle > 0 && (len(steps) > 0 || unsettled(s, f)) {
		insured = append(insured, fleet.Step{Kind: fleet.Settle, Delay: f.Settle})
	}
	return append(insured, back...)
}

// afterFallback returns the steps of a cleanup, or a refusal if a rollback has pointed
// event source mappings to a snapshot: then nobody knows how the function does.
func afterFallback(steps []fleet.Step, s lambda.State) ([]fleet.Step, error) {
	switch {
	case len(steps) == 0:
		return nil, nil
	case s.Insurance == nil:
		return []fleet.Step{{Kind: fleet.Look}}, nil
	}
	if err := s.Insurance.Diverted(); err != nil {
		return nil, refuse("%v; deploy it first", err)
	}
	return steps, nil
}

// pointAll returns the steps after which all mappings that were read invoke the
// version, or with "" the function without one.
func pointAll(i *lambda.Insurance, version string) (steps []fleet.Step) {
	for _, m := range i.Mappings {
		if m.Version != version || m.Changing {
			steps = append(steps, fleet.Step{Kind: fleet.Point, Mapping: m.UUID, Version: version})
		}
	}
	return steps
}

// planFallback returns the steps after AWS has refused the return to the previous
// runtime: the event source mappings are pointed to the snapshot.
func planFallback(steps []fleet.Step, s lambda.State, f *fleet.Function) ([]fleet.Step, error) {
	i := s.Insurance
	if i == nil {
		return append(steps, fleet.Step{Kind: fleet.Look}), nil
	}
	snapshot := i.Snapshot
	entry := lambda.EntryPoint(snapshot.Runtime, snapshot.Handler)
	switch {
	case i.Equal != "":
		return nil, unreturned(s, "it has no snapshot: AWS published none, because version %s, which somebody else has published, is the same; no deploy could tell which event source mappings to point back from there, so point them there by hand", i.Equal)
	case i.Version == "":
		return nil, unreturned(s, "it has no snapshot, a version that a deploy has published before the switch")
	case snapshot.Runtime != f.Previous:
		return nil, unreturned(s, "its snapshot, version %s, is on %s", i.Version, snapshot.Runtime)
	case snapshot.Failed || snapshot.Pending:
		return nil, unreturned(s, "its snapshot, version %s, cannot be invoked (%s: %s)", i.Version, snapshot.ReasonCode, snapshot.Reason)
	case snapshot.Contents == nil || !snapshot.Contents.Executable(entry):
		return nil, unreturned(s, "the zip of its snapshot, version %s (%v), has no %s, which %s starts", i.Version, snapshot.Contents, entry, snapshot.Runtime)
	case len(i.Mappings) == 0:
		return nil, unreturned(s, "no event source mapping of it can be pointed to its snapshot: point what invokes it to version %s, %s", i.Version, i.ARN)
	}
	return append(steps, pointAll(i, i.Version)...), nil
}

// unreturned refuses a rollback that AWS refuses, and says why the snapshot does not help.
func unreturned(s lambda.State, format string, args ...any) error {
	return refuse("AWS refuses the return, and %s; AWS says: %s", fmt.Sprintf(format, args...), s.Refused)
}

// insuranceAfter returns the insurance after a step that publishes a snapshot or moves a
// mapping.
func insuranceAfter(step fleet.Step, s lambda.State) *lambda.Insurance {
	switch {
	case s.Insurance == nil:
		return nil
	case step.Kind == fleet.Point:
		return s.Insurance.Moved(step.Mapping, step.Version)
	}
	next := *s.Insurance
	next.Snapshot, next.Current = s, true
	return &next
}

// withCurrent returns the insurance with its snapshot being current, or not.
func withCurrent(i *lambda.Insurance, current bool) *lambda.Insurance {
	if i == nil || i.Current == current {
		return i
	}
	next := *i
	next.Current = current
	return &next
}
