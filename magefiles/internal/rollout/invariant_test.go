package rollout

import (
	"cmp"
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
	zones            bool // it has a time zone database of its own
}

// zip is a deployed zip by its CodeSha256.
type zip struct {
	files  map[string]binary
	made   bool
	legacy string
	zones  bool // it has a time zone database that dualboot has added
}

// The binaries of the zips.
var (
	rpc       = binary{legacy: true, arch: lambda.X86_64}
	runtime86 = binary{provided: true, arch: lambda.X86_64, zones: true}
	runtimeA  = binary{provided: true, arch: lambda.ARM64, zones: true}
	universal = binary{legacy: true, provided: true, arch: lambda.X86_64}
	zoned     = binary{legacy: true, provided: true, arch: lambda.X86_64, zones: true}
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
	"universal main":   {files: map[string]binary{"main": universal}},
	"old bootstrap":    {files: map[string]binary{"bootstrap": old86}},
	"universal alone":  {files: map[string]binary{"bootstrap": universal}},
	"zoned alone":      {files: map[string]binary{"bootstrap": zoned}},
	"other bootstrap":  {files: map[string]binary{"main": zoned, "bootstrap": rpc}},
	"hidden":           {files: map[string]binary{"main": zoned, "bootstrap": {}}},
}

// ours returns the zip that dualboot makes of a shape, by its CodeSha256.
func ours(s fleet.Shape) (string, *zip) {
	z := &zip{made: true, legacy: s.Legacy, files: map[string]binary{"bootstrap": {provided: true, arch: s.Architecture, zones: true}}}
	switch s.Legacy {
	case "":
	case lambda.Bootstrap:
		z.files[lambda.Bootstrap] = zoned
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
	c := &lambda.Contents{Made: z.made, Legacy: z.legacy, Zones: z.zones}
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
	bridge                 bool   // the layer is attached
	variable               string // ZONEINFO of the environment
}

// byBridge reports whether the layer starts the file that the handler names.
func (w world) byBridge() bool {
	_, has := w.zip.files[lambda.Bootstrap]
	return w.bridge && !has && lambda.IsProvided(w.runtime)
}

// serving returns what is started.
func (w world) serving() binary {
	if w.byBridge() {
		return w.zip.files[w.handler]
	}
	return w.zip.files[lambda.EntryPoint(w.runtime, w.handler)]
}

func (w world) startable() bool {
	b := w.serving()
	provided := lambda.IsProvided(w.runtime) && b.provided && !(b.old && w.runtime == lambda.ProvidedAL2023)
	return b.arch == w.arch && (w.runtime == lambda.Go1x && b.legacy || provided)
}

// zoned reports whether the function has time zones: other runtimes than
// provided.al2023 have a database, and so has the layer.
func (w world) zoned() bool {
	return w.runtime != lambda.ProvidedAL2023 || w.byBridge() || w.serving().zones ||
		w.variable == lambda.ZonesPath && w.zip.zones || w.variable == lambda.BridgeZones && w.bridge
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
			w.built[shape], w.zips[sha] = p, z
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
	entry := z.files[s.Program()]
	migrates := s.Runtime != lambda.ProvidedAL2023 || s.Bridge != ""
	if !z.made && migrates && (!entry.provided || entry.old || shape.Legacy != "" && !entry.legacy) || z.made && shape.Legacy != "" && shape.Legacy != z.legacy {
		return
	}
	if migrates && entry.provided {
		f.Observed.Checked = s.Program() // by the command
	}
	name, made, zones := s.CodeSha256, z, migrates && !z.made && !entry.zones
	if z.legacy != shape.Legacy || zones {
		name = fmt.Sprintf("%s derived %q", s.CodeSha256, shape.Legacy)
		made = &zip{made: true, legacy: shape.Legacy, files: maps.Clone(z.files), zones: z.zones || zones}
		if shape.Legacy != "" {
			made.files[lambda.Bootstrap] = entry
		} else if delete(made.files, z.legacy); z.legacy == lambda.Bootstrap {
			made.files[lambda.Bootstrap] = z.files[z.legacy]
		}
		w.zips[name] = made
	}
	add := func(name string, z *zip) {
		p := &lambda.Package{
			CodeSha256: name, Replaces: s.CodeSha256, Architecture: s.Architecture, Legacy: z.legacy, Files: z.contents().Names(), Size: 1 << 20, Zones: z.zones,
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

// checked reports whether a command accepts a program of a function with sources for
// provided.al2023. The bridge brings time zones, but not to a bootstrap.
func checked(s lambda.State, name string, b binary) bool {
	return b.provided && !b.old && (name != lambda.Bootstrap || b.zones || s.Runtime != lambda.Go1x)
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
	for _, a := range list[:2] {
		list = append(list, aim{goal: a.goal, blocked: true, layers: true})
		list[len(list)-1].change = func(f *fleet.Function) { f.Bridge = true }
	}
	list = append(list, aim{goal: goal{dual: true, settle: time.Minute}, blocked: true})
	list[len(list)-1].change = func(f *fleet.Function) { deployed(f); f.Bridge = true }
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
	if RaceDetector {
		t.Skip("it works in one goroutine, and takes long with the race detector")
	}
	w := &walker{t: t, zips: space(), built: map[fleet.Shape]*lambda.Package{}}
	for _, runtime := range []string{lambda.Go1x, "provided", "provided.al2", lambda.ProvidedAL2023, "nodejs22.x"} {
		for _, handler := range []string{"lambda", "bootstrap", "main", "bin/foo", "./main"} {
			for sha := range space() { // the walk adds zips
				for _, arch := range []string{lambda.X86_64, lambda.ARM64} {
					s := lambda.State{PackageType: "Zip", Runtime: runtime, Handler: handler, Architecture: arch, CodeSha256: sha}
					w.states(s)
					if s.Bridge = "bridge"; arch == lambda.X86_64 && (runtime == lambda.Go1x || runtime == lambda.ProvidedAL2023) {
						w.states(s)
					}
				}
			}
		}
	}
	if w.plans < 10_000 || w.refusals < 10_000 || w.derived < 1000 || w.bridged < 500 {
		t.Errorf("%d plans, %d of deployed zips, %d over the bridge, and %d refusals: not the whole space", w.plans, w.derived, w.bridged, w.refusals)
	}
	if w.published < 1000 || w.pointed < 1000 {
		t.Errorf("%d snapshots, and %d mappings to them: not the whole space", w.published, w.pointed)
	}
	t.Logf("%d plans, %d of them of deployed zips, %d over the bridge, %d refusals; %d snapshots, and %d mappings to them", w.plans, w.derived, w.bridged, w.refusals, w.published, w.pointed)
}

// states walks from a deployment in all states.
func (w *walker) states(s lambda.State) {
	z := w.zips[s.CodeSha256]
	if startable := worldOf(s, z).startable(); !startable && (lambda.Supported(s.Runtime) || s.Handler != "lambda") {
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

func worldOf(s lambda.State, z *zip) world {
	return world{
		runtime: s.Runtime, handler: s.Handler, arch: s.Architecture, zip: z, bridge: s.Bridge != "", variable: s.Variables[lambda.ZonesVariable],
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
	bridged         int // steps that attach the bridge
}

// from walks the plans from a state to all goals.
func (w *walker) from(s lambda.State) {
	z := w.zips[s.CodeSha256]
	for _, g := range goals {
		s.Variables = nil
		if g.function(s).Function.Deployed() && s.Bridge != "" && s.Runtime == lambda.ProvidedAL2023 {
			s.Variables = lambda.Variables{lambda.ZonesVariable: lambda.BridgeZones} // by the switch
		}
		now := worldOf(s, z)
		serving := []world{now}
		recent := !s.Settled && s.Age < 3*time.Minute
		// The switch from go1.x may be in progress, or just complete, or failed,
		// while Lambda reports the attempted configuration.
		for name, b := range z.files {
			if (recent || s.Updating || s.UpdateFailed) && lambda.IsProvided(s.Runtime) && b.legacy && s.Architecture == lambda.X86_64 && (z.legacy == name || !z.made && name == named(g) || s.Bridged() && name == s.Handler) {
				old := now
				old.runtime, old.handler = lambda.Go1x, name
				serving = append(serving, old)
			}
		}
		if recent || s.Updating || s.UpdateFailed {
			serving = append(serving, w.beforeBridge(now)...)
		}
		// A moment ago, another zip may have served on provided.al2, with a program that
		// does not start on provided.al2023.
		if lambda.IsProvided(s.Runtime) && s.Runtime != lambda.ProvidedAL2023 && (recent || s.Updating || s.UpdateFailed && !g.blocked) && g.action != fleet.Rollback {
			old := now
			old.arch, old.zip = lambda.X86_64, foreign["old bootstrap"]
			serving = append(serving, old)
		}
		// The previous zip may still serve.
		if g.action == fleet.Rollback && recent && s.Runtime == lambda.ProvidedAL2023 {
			_, clean := ours(fleet.Shape{Architecture: s.Architecture})
			old := now
			old.zip = clean
			serving = append(serving, old)
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

// beforeBridge returns what may serve as well while the last update was one on the way
// over the bridge: the function without the layer, with its zip before the one that has
// a bootstrap, or with the layer that is detached.
func (w *walker) beforeBridge(now world) []world {
	old := now
	switch _, dual := now.zip.files[lambda.Bootstrap]; {
	case now.bridge && now.runtime == lambda.Go1x:
		old.bridge = false
	case now.runtime != lambda.ProvidedAL2023:
	case now.bridge && dual && now.zip.legacy == now.handler && now.handler != lambda.Bootstrap:
		old.zip = &zip{files: map[string]binary{now.handler: universal}}
	case !now.bridge && now.zip.legacy != "":
		old.bridge, old.handler = true, now.zip.legacy
	}
	return []world{old}
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
	zones := keepsZones(f, worlds)
	for i, step := range steps {
		update := step.Kind.Updates()
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
		case fleet.Check:
			if !checked(after, step.Handler, now.zip.files[step.Handler]) {
				w.refusals++ // by the command
				return
			}
			after.Checked = step.Handler
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
			if leaves := now.runtime != lambda.ProvidedAL2023 && step.Runtime == lambda.ProvidedAL2023; leaves && f.Snapshot && !after.Insurance.Covers(after) {
				fail("it switches without a snapshot of what is deployed")
			}
			change = func(v world) world {
				v.runtime, v.handler, v.variable = step.Runtime, step.Handler, cmp.Or(step.Zones, v.variable)
				return v
			}
		case fleet.Attach:
			w.bridged++
			if len(s.Layers) >= lambda.MaxLayers {
				fail("it attaches too many layers")
			}
			change = func(v world) world { v.bridge = true; return v }
		case fleet.Detach:
			change = func(v world) world {
				v.runtime, v.handler, v.bridge, v.variable = step.Runtime, step.Handler, false, cmp.Or(step.Zones, v.variable)
				return v
			}
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
			if zones && !v.zoned() {
				fail(fmt.Sprintf("there is a moment without time zones: %+v", v))
			}
		}
	}
	w.arrived(f, s, now, after, worlds, fail)
}

// keepsZones reports whether a function that has time zones must have them at every
// moment: unless it has sources, and comes from another provided runtime.
func keepsZones(f *fleet.Function, worlds []world) bool {
	b, has := worlds[0].zip.files[lambda.Bootstrap]
	return !slices.ContainsFunc(worlds, func(v world) bool { return !v.zoned() }) && (f.Function.Deployed() || worlds[0].runtime == lambda.Go1x || !has || b.zones)
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
		handler := providedHandler(s)
		if s.Bridge != "" {
			handler = lambda.Bootstrap
		}
		if now.runtime != lambda.ProvidedAL2023 || now.handler != handler || now.bridge || !wanted && !legacy {
			fail("it did not get there")
		}
	case fleet.Rollback:
		if now.runtime != f.Previous && after.Refused == "" {
			fail("it did not get back")
		}
		if lambda.IsProvided(now.runtime) && now.handler != s.Handler {
			fail("it changes the handler of a provided runtime")
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
