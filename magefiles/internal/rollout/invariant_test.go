package rollout

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

// binary is what can start a file of a zip.
type binary struct {
	legacy, provided bool
	old              bool // provided.al2023 lacks a library that the other provided runtimes have
	arch             string
}

// zip is a deployed zip by its CodeSha256.
type zip struct {
	files  map[string]binary
	made   bool
	legacy string
}

// The binaries of the zips.
var (
	rpc       = binary{legacy: true, arch: lambda.X86_64}
	runtime86 = binary{provided: true, arch: lambda.X86_64}
	runtimeA  = binary{provided: true, arch: lambda.ARM64}
	universal = binary{legacy: true, provided: true, arch: lambda.X86_64}
	old86     = binary{provided: true, old: true, arch: lambda.X86_64}
)

// foreign are zips that other tools made.
var foreign = map[string]*zip{
	"lambda":           {files: map[string]binary{"lambda": rpc}},
	"main":             {files: map[string]binary{"main": rpc}},
	"main, config":     {files: map[string]binary{"bin/foo": rpc, "config.json": {}}},
	"bootstrap, rpc":   {files: map[string]binary{"bootstrap": rpc}},
	"dual":             {files: map[string]binary{"lambda": rpc, "bootstrap": runtime86}},
	"dual main":        {files: map[string]binary{"main": rpc, "bootstrap": runtime86}},
	"bootstrap":        {files: map[string]binary{"bootstrap": runtime86}},
	"bootstrap, arm64": {files: map[string]binary{"bootstrap": runtimeA}},
	"universal":        {files: map[string]binary{"main": universal, "config.json": {}}},
	"old bootstrap":    {files: map[string]binary{"bootstrap": old86}},
	"universal alone":  {files: map[string]binary{"bootstrap": universal}},
}

// ours returns the zip that dualboot makes of a shape, by its CodeSha256.
func ours(s fleet.Shape) (string, *zip) {
	z := &zip{made: true, legacy: s.Legacy, files: map[string]binary{"bootstrap": {provided: true, arch: s.Architecture}}}
	switch s.Legacy {
	case "":
	case lambda.Bootstrap:
		z.files[lambda.Bootstrap] = universal
	default:
		z.files[s.Legacy] = rpc
	}
	return fmt.Sprintf("new %q %s", s.Legacy, s.Architecture), z
}

// space are all zips by CodeSha256.
func space() map[string]*zip {
	all := map[string]*zip{}
	for name, z := range foreign {
		all[name] = z
	}
	for _, legacy := range []string{"", "lambda", "main", "bootstrap"} {
		for _, arch := range []string{lambda.X86_64, lambda.ARM64} {
			if legacy == "" || arch == lambda.X86_64 {
				sha, z := ours(fleet.Shape{Legacy: legacy, Architecture: arch})
				all[sha] = z
				all["old "+sha] = z
			}
		}
	}
	return all
}

func (z *zip) contents() *lambda.Contents {
	c := &lambda.Contents{Made: z.made, Legacy: z.legacy}
	for name, b := range z.files {
		c.Files = append(c.Files, lambda.File{Name: name, Executable: b != binary{}})
	}
	slices.SortFunc(c.Files, func(a, b lambda.File) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return c
}

// world is a version that serves invocations.
type world struct {
	runtime, handler, arch string
	zip                    *zip
}

func (w world) startable() bool {
	b := w.zip.files[lambda.EntryPoint(w.runtime, w.handler)]
	provided := lambda.IsProvided(w.runtime) && b.provided && !(b.old && w.runtime == lambda.ProvidedAL2023)
	return b.arch == w.arch && (w.runtime == lambda.Go1x && b.legacy || provided)
}

// packages gives a function the packages that a command builds for it.
func (w *walker) packages(f *fleet.Function, s lambda.State) {
	f.Zips = lambda.Zips{}
	if f.Function.Deployed() {
		w.derive(f, s)
		return
	}
	for _, shape := range []fleet.Shape{f.Shape(s), {Architecture: f.Shape(s).Architecture}} {
		p := w.built[shape]
		if p == nil {
			sha, z := ours(shape)
			p = &lambda.Package{CodeSha256: sha, Architecture: shape.Architecture, Legacy: shape.Legacy, Files: z.contents().Names(), Size: 1 << 20}
			w.built[shape] = p
		}
		if p.Dual() {
			f.Zips.Dual = p
		} else {
			f.Zips.Bootstrap = p
		}
	}
}

// derive gives a function without sources the packages that a command makes from its
// deployed zip. It gives none if the command refuses that: if another tool made the
// zip, and it is not known to start on both runtimes.
func (w *walker) derive(f *fleet.Function, s lambda.State) {
	z := w.zips[s.CodeSha256]
	f.Observed.Contents, s.Contents = z.contents(), z.contents() // as the command does
	shape := f.Shape(s)
	entry := z.files[lambda.EntryPoint(s.Runtime, s.Handler)]
	if !z.made && s.Runtime != lambda.ProvidedAL2023 && (!entry.provided || entry.old || shape.Legacy != "" && !entry.legacy) || z.made && shape.Legacy != "" && shape.Legacy != z.legacy {
		return
	}
	name, made := s.CodeSha256, z
	if z.legacy != shape.Legacy {
		name = fmt.Sprintf("%s derived %q", s.CodeSha256, shape.Legacy)
		made = &zip{made: true, legacy: shape.Legacy, files: maps.Clone(z.files)}
		if shape.Legacy != "" {
			made.files[lambda.Bootstrap] = entry
		} else if delete(made.files, z.legacy); z.legacy == lambda.Bootstrap {
			made.files[lambda.Bootstrap] = z.files[z.legacy]
		}
		w.zips[name] = made
	}
	add := func(name string, z *zip) {
		p := &lambda.Package{
			CodeSha256: name, Replaces: s.CodeSha256, Architecture: s.Architecture, Legacy: z.legacy, Files: z.contents().Names(), Size: 1 << 20,
		}
		if p.Dual() {
			f.Zips.Dual = p
		} else {
			f.Zips.Bootstrap = p
		}
	}
	if add(name, made); z.made && made != z {
		add(s.CodeSha256, z)
	}
}

// aim is what a command may want, and how the world is.
type aim struct {
	goal
	layers  bool // the function has layers
	blocked bool // AWS rejects code for functions that are not on provided.al2023

	insurance *lambda.Insurance // that there is, for deploys with snapshots and their rollbacks
	refused   bool              // AWS refuses a rollback
}

// goals are what commands may want.
var goals = func() (list []aim) {
	add := func(g goal, change func(*fleet.Function)) {
		g.settle, g.change = time.Minute, change
		list = append(list, aim{goal: g})
	}
	for _, arch := range []string{"", lambda.X86_64, lambda.ARM64} {
		wanted := func(f *fleet.Function) { f.Architecture = arch }
		add(goal{dual: true}, wanted)
		add(goal{}, wanted)
		add(goal{action: fleet.Cleanup, dual: true}, wanted)
	}
	deployed := func(f *fleet.Function) { f.Function.Source = manifest.Deployed }
	add(goal{dual: true}, deployed)
	add(goal{action: fleet.Cleanup, dual: true}, deployed)
	for _, a := range list {
		if a.action == fleet.Deploy {
			list = append(list, aim{goal: a.goal, blocked: true})
		}
		list = append(list, aim{goal: a.goal, layers: true})
	}
	named := func(f *fleet.Function) { f.Function.Handler = "main" }
	add(goal{dual: true}, named)
	add(goal{action: fleet.Cleanup}, named)
	add(goal{action: fleet.Rollback, previous: lambda.Go1x}, nil)
	add(goal{action: fleet.Rollback, previous: lambda.Go1x}, named)
	add(goal{action: fleet.Rollback, previous: lambda.ProvidedAL2}, nil)
	return append(list, insuredGoals()...)
}()

// TestPlanKeepsTheInvariant walks the plan for every combination of state and
// goal. After each step, everything that may serve must be able to start: the new
// code with the new configuration, and every mixture with the ones before until a
// settle delay has passed.
func TestPlanKeepsTheInvariant(t *testing.T) {
	w := &walker{t: t, zips: space(), built: map[fleet.Shape]*lambda.Package{}}
	for _, runtime := range []string{lambda.Go1x, "provided", "provided.al2", lambda.ProvidedAL2023, "nodejs22.x"} {
		for _, handler := range []string{"lambda", "bootstrap", "main", "bin/foo", "./main"} {
			for sha := range space() { // the walk adds zips
				for _, arch := range []string{lambda.X86_64, lambda.ARM64} {
					w.states(lambda.State{PackageType: "Zip", Runtime: runtime, Handler: handler, Architecture: arch, CodeSha256: sha})
				}
			}
		}
	}
	if w.plans < 10_000 || w.refusals < 10_000 || w.derived < 1000 {
		t.Errorf("%d plans, %d of deployed zips, and %d refusals: not the whole space", w.plans, w.derived, w.refusals)
	}
	if w.published < 1000 || w.pointed < 1000 {
		t.Errorf("%d snapshots, and %d mappings to them: not the whole space", w.published, w.pointed)
	}
	t.Logf("%d plans, %d of them of deployed zips, %d refusals; %d snapshots, and %d mappings to them", w.plans, w.derived, w.refusals, w.published, w.pointed)
}

// states walks from a deployment in all states.
func (w *walker) states(s lambda.State) {
	z := w.zips[s.CodeSha256]
	if startable := (world{s.Runtime, s.Handler, s.Architecture, z}).startable(); !startable && (lambda.Supported(s.Runtime) || s.Handler != "lambda") {
		return // it is already broken, or it is refused as another one
	}
	for _, since := range []struct {
		age     time.Duration
		settled bool
	}{{0, false}, {3*time.Minute - 1, false}, {time.Hour, false}, {0, true}} {
		s.Age, s.Settled = since.age, since.settled
		for _, status := range []string{"Successful", "InProgress", "Failed", "Pending"} {
			s.Pending, s.Updating, s.UpdateFailed = status == "Pending", status == "InProgress", status == "Failed"
			for _, contents := range []*lambda.Contents{nil, z.contents()} {
				s.Contents = contents
				w.from(s)
			}
		}
	}
}

// walker walks plans.
type walker struct {
	t               *testing.T
	zips            map[string]*zip
	built           map[fleet.Shape]*lambda.Package
	blocked         bool // AWS rejects code for the runtime of the state
	refused         bool // AWS refuses a rollback
	insurance       *lambda.Insurance
	plans, refusals int
	derived         int // plans of functions without sources
	published       int
	pointed         int // mappings to snapshots
}

// from walks the plans from a state to all goals.
func (w *walker) from(s lambda.State) {
	z := w.zips[s.CodeSha256]
	now := world{s.Runtime, s.Handler, s.Architecture, z}
	for _, g := range goals {
		if g.blocked && z == foreign["old bootstrap"] {
			continue // no code can be sent, and nothing says that it does not start
		}
		serving := []world{now}
		recent := !s.Settled && s.Age < 3*time.Minute
		// The switch from go1.x may be in progress, or just complete, or failed,
		// while Lambda reports the attempted configuration.
		for name, b := range z.files {
			if (recent || s.Updating || s.UpdateFailed) && lambda.IsProvided(s.Runtime) && b.legacy && s.Architecture == lambda.X86_64 && (z.legacy == name || !z.made && name == named(g)) {
				serving = append(serving, world{lambda.Go1x, name, s.Architecture, z})
			}
		}
		// A moment ago, another zip may have served on provided.al2, with a program that
		// does not start on provided.al2023.
		if lambda.IsProvided(s.Runtime) && s.Runtime != lambda.ProvidedAL2023 && (recent || s.Updating || s.UpdateFailed && !g.blocked) && g.action != fleet.Rollback {
			serving = append(serving, world{s.Runtime, s.Handler, lambda.X86_64, foreign["old bootstrap"]})
		}
		// The previous zip may still serve.
		if g.action == fleet.Rollback && recent && s.Runtime == lambda.ProvidedAL2023 {
			_, clean := ours(fleet.Shape{Architecture: s.Architecture})
			serving = append(serving, world{s.Runtime, s.Handler, s.Architecture, clean})
		}
		w.blocked, w.refused, w.insurance, s.Layers = g.blocked, g.refused, g.insurance, nil
		if g.layers {
			s.Layers = []string{"layer"}
		}
		f := g.function(s)
		if f.Action != fleet.Rollback {
			w.packages(f, s)
			if f.Function.Deployed() && f.Zips == (lambda.Zips{}) && !Refused(f) {
				continue
			}
			if NeedsContents(f) { // as the command does
				f.Observed.Contents = z.contents()
				w.packages(f, f.Observed)
			}
		}
		w.plan(f, f.Observed, serving)
		if f.Action == fleet.Deploy && s.Runtime == lambda.Go1x && !f.Function.Deployed() { // somebody has changed the handler since
			f.Observed.Handler, f.Observed.Contents = "other", nil
			w.packages(f, f.Observed)
			w.plan(f, s, serving)
		}
	}
}

// named returns the name of the legacy binary in a zip of another tool.
func named(a aim) string { return a.function(lambda.State{}).Function.LegacyName() }

func (w *walker) plan(f *fleet.Function, s lambda.State, serving []world) {
	s.Blocked = w.blocked && s.Blocked
	steps, err := Plan(s, f)
	if err != nil {
		w.refusals++
		if len(steps) > 0 {
			w.t.Fatalf("%+v\n%+v: refused with steps %v", s, f.Goal, steps)
		}
		return
	}
	w.plans++
	if f.Function.Deployed() {
		w.derived++
	}
	runtime, failed := s.Runtime, s.UpdateFailed
	if !lambda.Supported(runtime) || f.Action == fleet.Cleanup && (runtime != lambda.ProvidedAL2023 || failed && !s.Updating && !s.Pending) || f.Action == fleet.Rollback && failed {
		w.t.Fatalf("%+v\n%+v: not refused", s, f.Goal)
	}
	w.walk(f, s, serving, steps)
}

// walk does the steps. worlds are what may serve at first; Lambda reports the first
// of them.
func (w *walker) walk(f *fleet.Function, s lambda.State, worlds []world, steps []fleet.Step) {
	fail := func(why string) { w.t.Fatalf("%+v\n%+v\n%+v\n%v: %s", s, f.Goal, f.Target, kinds(steps), why) }
	now, after := worlds[0], s
	for i, step := range steps {
		update := step.Kind == fleet.UpdateCode || step.Kind == fleet.UpdateConfiguration
		if update && (i+1 == len(steps) || steps[i+1].Kind != fleet.Wait) {
			fail("no wait follows an update")
		}
		change := func(v world) world { return v }
		switch step.Kind {
		case fleet.Wait:
			after.Updating, after.Pending, after.Age, after.Settled = false, false, 0, false // the end of an update is a revision
		case fleet.Inspect: // the rest is planned after it
			after.Contents = now.zip.contents()
			w.plan(f, after, worlds)
			return
		case fleet.Settle:
			worlds = []world{now}
			after.Settled = true
		case fleet.Look: // the rest is planned after it
			after.Insurance = w.insurance
			w.plan(f, after, worlds)
			return
		case fleet.Publish, fleet.Point:
			w.insure(f, after, worlds, steps[i:], fail)
			after = accepted(step, after)
		case fleet.UpdateCode:
			if w.blocked && now.runtime == s.Runtime && now.runtime != lambda.ProvidedAL2023 {
				if after.Blocked {
					fail("it sends code that AWS has rejected")
				}
				after.Blocked = true
				w.plan(f, after, worlds)
				return
			}
			w.judge(f, after, step, fail)
			change = func(v world) world {
				v.zip, v.arch = w.zips[step.Package.CodeSha256], step.Package.Architecture
				return v
			}
		case fleet.UpdateConfiguration:
			if w.refused && f.Action == fleet.Rollback {
				if after.Refused != "" {
					fail("it tries again what AWS has refused")
				}
				after.Refused = "no"
				w.plan(f, after, worlds)
				return
			}
			if leaves := now.runtime != lambda.ProvidedAL2023 && step.Runtime == lambda.ProvidedAL2023; leaves && f.Snapshot && !after.Insurance.Current {
				fail("it switches without a snapshot of what is deployed")
			}
			change = func(v world) world { v.runtime, v.handler = step.Runtime, step.Handler; return v }
		}
		if update {
			after = accepted(step, after)
			after.Settled, after.Age = false, 0
		}
		now = change(now)
		next := []world{now}
		for _, v := range worlds {
			for _, v := range []world{v, change(v)} {
				if !slices.Contains(next, v) {
					next = append(next, v)
				}
			}
		}
		worlds = next
		for _, v := range worlds {
			if !v.startable() {
				fail(fmt.Sprintf("there is a moment with %+v", v))
			}
		}
	}
	w.arrived(f, s, now, after, worlds, fail)
}

// judge checks the new code of a function.
func (w *walker) judge(f *fleet.Function, s lambda.State, step fleet.Step, fail func(string)) {
	z := w.zips[s.CodeSha256]
	if _, config := z.files["config.json"]; config && !slices.Contains(step.Package.Files, "config.json") {
		fail("it loses config.json")
	}
	if to := step.Package.Architecture; to != s.Architecture {
		if f.Architecture != to && !(f.Observed.MayServeLegacy() && to == lambda.X86_64) {
			fail("it changes the architecture unasked")
		}
		if len(s.Layers) > 0 {
			fail("it changes the architecture under layers")
		}
		if step.Leaves != s.Architecture {
			fail("it does not say that it changes the architecture")
		}
	}
}

// arrived checks where the steps have led, and that a further run does nothing.
func (w *walker) arrived(f *fleet.Function, s lambda.State, now world, after lambda.State, worlds []world, fail func(string)) {
	legacy := false
	for _, b := range now.zip.files {
		legacy = legacy || b.legacy
	}
	if f.Function.Deployed() { // its bootstrap may start on both, and zips of other tools stay
		legacy = now.zip.legacy != ""
	}
	wanted := f.Architecture == "" || f.Architecture == now.arch
	switch f.Action {
	case fleet.Cleanup:
		if legacy || !wanted {
			fail("it is not clean")
		}
	case fleet.Deploy:
		if now.runtime != lambda.ProvidedAL2023 || now.handler != lambda.Bootstrap || !wanted && !legacy {
			fail("it did not get there")
		}
	case fleet.Rollback:
		if now.runtime != f.Previous && after.Refused == "" {
			fail("it did not get back")
		}
	}
	w.mapped(f, after, fail)
	if rest, err := Plan(after, f); err != nil || len(rest) > 0 {
		fail(fmt.Sprintf("the same run would do more: %v %v", kinds(rest), err))
	}
	again := *f
	again.Observed = after
	if f.Action != fleet.Rollback {
		w.packages(&again, after)
		if NeedsContents(&again) {
			again.Observed.Contents = now.zip.contents()
			w.packages(&again, again.Observed)
		}
	}
	rest, err := Plan(again.Observed, &again)
	switch {
	case err != nil && len(s.Layers) > 0 && f.Architecture != "" && f.Architecture != after.Architecture:
		// It drops the legacy binary, but must not move under the layers.
	case err != nil:
		fail("a second run would be refused: " + err.Error())
	case s.MayServeLegacy() && len(rest) > 0 && (!f.Dual || f.Architecture == lambda.ARM64):
		w.walk(&again, after, worlds, rest) // drops the legacy binary, which go1.x needed
	case len(rest) > 0:
		fail("a second run would do more: " + kinds(rest))
	}
}
