package rollout

import (
	"slices"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// snapshotOf returns an insurance with a snapshot, on a runtime with a handler, of a
// zip of the space.
func snapshotOf(runtime, handler, sha string, mappings ...lambda.Mapping) *lambda.Insurance {
	return &lambda.Insurance{Version: "3", Mappings: mappings, Snapshot: lambda.State{
		Runtime: runtime, Handler: handler, Architecture: lambda.X86_64, CodeSha256: sha, Contents: space()[sha].contents(),
	}}
}

// insuredGoals are deploys with snapshots, and rollbacks which AWS refuses, with what
// insurance there may be.
func insuredGoals() (list []aim) {
	toFunction, toSnapshot, changing := lambda.Mapping{UUID: "a"}, lambda.Mapping{UUID: "b", Version: "3"}, lambda.Mapping{UUID: "c", Version: "3", Changing: true}
	snapshots := func(f *fleet.Function) { f.Snapshot = true }
	for _, i := range []*lambda.Insurance{{}, snapshotOf(lambda.Go1x, "lambda", "lambda", toSnapshot)} {
		deploy := goal{dual: true, settle: time.Minute, change: snapshots}
		list = append(list, aim{goal: deploy, insurance: i}, aim{goal: deploy, insurance: i, blocked: true})
	}
	failed := snapshotOf(lambda.Go1x, "lambda", "lambda", toFunction)
	failed.Snapshot.Failed = true
	for _, i := range []*lambda.Insurance{
		{},
		{Equal: "4"},
		snapshotOf(lambda.Go1x, "lambda", "lambda", toFunction, toSnapshot, changing),
		snapshotOf(lambda.Go1x, "main", "dual main", toSnapshot),
		snapshotOf(lambda.Go1x, "lambda", "bootstrap", toFunction),
		snapshotOf(lambda.ProvidedAL2, "bootstrap", "dual", toFunction),
		snapshotOf(lambda.Go1x, "lambda", "lambda"),
		failed,
	} {
		back := goal{action: fleet.Rollback, dual: true, previous: lambda.Go1x, settle: time.Minute, change: snapshots}
		list = append(list, aim{goal: back, insurance: i, refused: true})
	}
	return list
}

// insure checks the first of the steps, which publishes a snapshot or moves a mapping:
// what a mapping invokes must be able to start.
func (w *walker) insure(f *fleet.Function, s lambda.State, worlds []world, steps []fleet.Step, fail func(string)) {
	i, now := s.Insurance, worlds[0]
	switch step := steps[0]; {
	case step.Kind == fleet.Publish:
		w.published++
		if f.Action != fleet.Deploy || now.runtime == lambda.ProvidedAL2023 || step.Runtime != now.runtime || len(steps) < 2 || steps[1].Kind != fleet.UpdateConfiguration && steps[1].Kind != fleet.Attach {
			fail("it publishes a version that is no snapshot")
		}
		if s.Updating || s.Pending {
			fail("it publishes what does not serve yet")
		}
	case !slices.ContainsFunc(i.Mappings, func(m lambda.Mapping) bool {
		return m.UUID == step.Mapping && (m.Version != step.Version || m.Changing)
	}):
		fail("it moves a mapping that is there, or an unknown one")
	case step.Version == "" && f.Action == fleet.Deploy:
		if now.runtime != lambda.ProvidedAL2023 || len(worlds) > 1 {
			fail("it points a mapping back before the deploy is done")
		}
	case step.Version == i.Version && f.Action == fleet.Rollback && s.Refused != "":
		w.pointed++
		v := i.Snapshot
		if z := w.zips[v.CodeSha256]; !worldOf(v, z).startable() || v.Failed || v.Pending || v.Runtime != f.Previous {
			fail("it points a mapping to a version that cannot start")
		}
	default:
		fail("it points a mapping elsewhere")
	}
}

// mapped checks where the mappings point in the end.
func (w *walker) mapped(f *fleet.Function, s lambda.State, fail func(string)) {
	if s.Insurance == nil {
		return
	}
	want := ""
	if f.Action == fleet.Rollback {
		want = s.Insurance.Version
	}
	for _, m := range s.Insurance.Mappings {
		if m.Version != want || m.Changing {
			fail("a mapping is left behind")
		}
	}
}
