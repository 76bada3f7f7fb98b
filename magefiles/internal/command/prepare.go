package command

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
)

// preparation reads the functions of a session and builds their zips at the same
// time: what is read rarely changes which zips are needed. A function is prepared
// as soon as it has been read and its own zips are written, while others still
// wait.
type preparation struct {
	*session
	packer *bundle.Packer

	built    chan struct{} // closed after the first build
	buildErr error         // of all functions; valid then

	read     sync.WaitGroup // until all functions have been read
	unread   atomic.Int64   // functions that could not be read
	mu       sync.Mutex
	legacy   []*fleet.Function // that need lambda although the manifest says otherwise
	again    sync.Once         // builds those
	againErr error
}

// prepare prepares all functions, and calls ready for each that is prepared, from
// many goroutines but for at most limit functions at the same time. It returns
// when all calls have returned. Functions that fail are ready too, with an error.
func (s *session) prepare(ctx context.Context, limit int, ready func(*fleet.Function)) {
	s.UI.Notef("reading and building %s", text.Count(len(s.functions), "function"))
	p := &preparation{session: s, packer: bundle.NewPacker(s.zips()), built: make(chan struct{})}
	building, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	group.Go(func() {
		defer close(p.built)
		// What is not read yet counts as the manifest says.
		p.buildErr = s.build(building, s.functions, func(f *fleet.Function) bool { return f.Action == fleet.Deploy && f.Dual })
		if ctx.Err() != nil {
			p.buildErr = fleet.ErrInterrupted
		}
	})
	slots := make(chan struct{}, limit)
	p.read.Add(len(s.functions))
	fleet.Each(s.functions, defaultConcurrency, func(f *fleet.Function) {
		p.observe(ctx, f, stop)
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			p.zip(ctx, f)
			ready(f)
		})
	})
	group.Wait()
}

// observe reads a function. It stops the build if no function can be read.
func (p *preparation) observe(ctx context.Context, f *fleet.Function, stop func()) {
	defer p.read.Done()
	p.rollout.Observe(ctx, f)
	if f.Err != nil {
		if p.unread.Add(1) == int64(len(p.functions)) {
			stop()
		}
		return
	}
	if f.NeedsLegacy(f.Observed) && !f.Dual {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.legacy = append(p.legacy, f)
	}
}

// zip waits for the build and writes the zips of the function.
func (p *preparation) zip(ctx context.Context, f *fleet.Function) {
	<-p.built
	if f.Err != nil {
		return
	}
	err := p.buildErr
	if err == nil && f.NeedsLegacy(f.Observed) && !f.Dual {
		p.read.Wait()
		p.again.Do(func() { p.againErr = p.buildAgain(ctx) })
		err = p.againErr
	}
	if err == nil {
		err = f.Build.Err
	}
	if err != nil {
		f.Fail(fleet.Building, "building", err)
		return
	}
	pack(ctx, p.packer, f)
}

// buildAgain builds the functions that need lambda although the manifest says
// otherwise.
func (p *preparation) buildAgain(ctx context.Context) error {
	p.UI.Notef("building %s with lambda: go1.x may be serving there", text.Count(len(p.legacy), "function"))
	slices.SortFunc(p.legacy, func(a, b *fleet.Function) int {
		return slices.Index(p.functions, a) - slices.Index(p.functions, b)
	})
	err := p.build(ctx, p.legacy, func(*fleet.Function) bool { return true })
	if ctx.Err() != nil {
		err = fleet.ErrInterrupted
	}
	return err
}
