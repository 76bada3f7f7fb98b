package command

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/ui"
)

// preparation reads the functions of a session, builds their binaries and writes
// their zips. Reading and building overlap: what is read rarely changes which
// binaries are needed.
type preparation struct {
	*session
	reading  *ui.Stage
	zipping  *ui.Stage
	read     chan struct{}            // closed after all functions have been read
	switches atomic.Int64             // functions that are to switch, of those that have been read
	leaving  atomic.Int64             // functions that are to leave provided.al2 or provided, of those that have been read
	warned   chan struct{}            // closed after warnings of what these may miss
	restored map[*fleet.Function]bool // those that are clean and get lambda back
	built    chan struct{}            // closed after the first build
	buildErr error                    // of the last build
	ready    map[*fleet.Function]chan struct{}
	zones    func() (string, error) // path of Go's time zone database

	mu       sync.Mutex
	programs map[*fleet.Function]program // those of functions without sources that were checked; guarded by mu
}

// prepare prepares the functions and calls ready for each as soon as it has been
// read and its zips are written, for at most limit functions at the same time and
// in the order of the manifest. It returns when all calls have returned. A
// function that failed is ready too.
//
// If consent is not nil, prepare calls it after all functions have been read,
// with the number of those that a deploy is to switch, while it still builds. If
// that fails, prepare returns the error and calls ready for no function.
//
// Functions that leave provided.al2 or provided are not ready, and consent is not
// called, before prepare has warned of what they may miss.
func (s *session) prepare(ctx context.Context, limit int, consent func(switches int) error, ready func(*fleet.Function)) error {
	doing := "reading"
	if slices.ContainsFunc(s.functions, func(f *fleet.Function) bool { return !f.Function.Deployed() }) {
		doing = "reading and building"
	}
	s.UI.Notef("%s %s", doing, text.Count(len(s.functions), "function"))
	p := &preparation{
		session: s, read: make(chan struct{}), built: make(chan struct{}), warned: make(chan struct{}), ready: map[*fleet.Function]chan struct{}{},
		reading: s.UI.Stage("reading", "function", len(s.functions)), restored: map[*fleet.Function]bool{}, programs: map[*fleet.Function]program{},
		zones: sync.OnceValues(func() (string, error) { return build.ZoneInfo(ctx, s.Go) }),
	}
	for _, f := range s.functions {
		p.ready[f] = make(chan struct{})
	}
	s.removeUnused(p.packer)
	running, stop := context.WithCancel(ctx)
	defer stop()
	agreed := sync.OnceValue(func() error {
		if consent == nil {
			return nil
		}
		<-p.read
		if p.leaving.Load() > 0 {
			<-p.warned
		}
		err := consent(int(p.switches.Load()))
		if err != nil {
			stop()
		}
		return err
	})
	var group sync.WaitGroup
	group.Go(func() { p.run(running) })
	group.Go(func() { agreed() })
	fleet.Each(s.functions, limit, func(f *fleet.Function) {
		<-p.ready[f]
		if leaves(f) {
			<-p.warned
		}
		if agreed() == nil {
			ready(f)
		}
	})
	group.Wait()
	return agreed()
}

// run prepares all functions. Those that lack a binary after the first build are
// built once more, together, after all have been read.
func (p *preparation) run(ctx context.Context) {
	building, stop := context.WithCancel(ctx)
	defer stop()
	for _, f := range p.functions {
		f.Build = buildOf(f, shapes(f, lambda.State{Runtime: lambda.ProvidedAL2023, Architecture: lambda.X86_64}))
	}
	var group sync.WaitGroup
	group.Go(func() {
		defer close(p.built)
		p.buildErr = p.build(building, p.functions)
		p.zipping = p.UI.Stage("compressing", "function", len(p.functions))
	})
	var left, readable atomic.Int64
	left.Store(int64(len(p.functions)))
	var mu sync.Mutex
	var lacking []*fleet.Function
	fleet.Each(p.functions, len(p.functions), func(f *fleet.Function) {
		if p.rollout.Observe(ctx, f); f.Err == nil {
			readable.Add(1)
		}
		p.rollout.Look(ctx, f)
		p.reading.Done()
		if rollout.Switches(f) {
			p.switches.Add(1)
		}
		if leaves(f) {
			p.leaving.Add(1)
		}
		if left.Add(-1) == 0 {
			close(p.read)
			if readable.Load() == 0 {
				stop() // there is nothing to build for
			}
		}
		<-p.built
		finished := p.finish(ctx, f)
		p.zipping.Done()
		mu.Lock()
		defer mu.Unlock()
		if p.restored[f] = rollout.Restores(f); finished {
			close(p.ready[f])
			return
		}
		lacking = append(lacking, f)
	})
	group.Wait()
	p.zipping.End()
	p.warnOfHandlers()
	p.warnOfRestored()
	p.warnOfLeaving()
	close(p.warned)
	if len(lacking) == 0 {
		return
	}
	p.noteLacking(lacking)
	p.buildErr = p.build(ctx, lacking)
	fleet.Each(lacking, len(lacking), func(f *fleet.Function) {
		p.finish(ctx, f)
		close(p.ready[f])
	})
}

// finish writes the zips of a function after a build, or records why it failed.
// It reads the directory of the deployed zip if the plan depends on it. It reports
// false, and what to build in f.Build, if a binary is missing.
func (p *preparation) finish(ctx context.Context, f *fleet.Function) bool {
	for f.Err == nil {
		if err := cmp.Or(p.buildErr, f.Build.Err); err != nil && !f.Function.Deployed() {
			fail(ctx, f, fleet.Building, "building", err)
			return true
		}
		if rollout.Refused(f) { // the plan says why
			return true
		}
		if f.Function.Deployed() {
			p.fromDeployed(ctx, f)
			p.checkBeforeSwitch(ctx, f)
			return true
		}
		needed := shapes(f, f.Observed)
		if f.Build.Binaries = allBinaries(f, needed); lacks(f) {
			return false
		}
		if err := pack(ctx, p.packer, f, needed); err != nil {
			fail(ctx, f, fleet.Bundling, "zipping", err)
			return true
		}
		if !rollout.NeedsContents(f) {
			p.checkBeforeSwitch(ctx, f)
			return true
		}
		p.rollout.Inspect(ctx, f)
	}
	return true
}

// warnOfRestored says which functions a deploy makes dual again after a cleanup.
func (p *preparation) warnOfRestored() {
	var names []string
	for _, f := range p.functions {
		if p.restored[f] {
			names = append(names, f.FunctionName)
		}
	}
	if n := len(names); n > 0 {
		p.warnf("%s clean, and a deploy brings the legacy binary back: %s; to prevent that, set %q to false for the clean ones in %s",
			text.Are(n, "function"), text.List(names, 5), "dual", File)
	}
}

// noteLacking says why functions are built again.
func (p *preparation) noteLacking(functions []*fleet.Function) {
	reasons := map[build.Binary]string{
		legacyBinary: "again, with lambda: the function is, or may be, on go1.x",
		singleBinary: "again, for both runtimes: the handler on go1.x is bootstrap",
		armBinary:    "again, for arm64",
	}
	for _, b := range []build.Binary{legacyBinary, singleBinary, armBinary} {
		n := 0
		for _, f := range functions {
			if slices.Contains(f.Build.Binaries, b) && f.Build.Files[b] == "" {
				n++
			}
		}
		if n > 0 {
			p.UI.Notef("building %s %s", text.Count(n, "function"), reasons[b])
		}
	}
}

// Binaries that a first build may lack.
var (
	legacyBinary = build.Binary{Kind: build.Legacy, Architecture: lambda.X86_64}
	singleBinary = build.Binary{Kind: build.Single, Architecture: lambda.X86_64}
	armBinary    = build.Binary{Kind: build.Bootstrap, Architecture: lambda.ARM64}
)
