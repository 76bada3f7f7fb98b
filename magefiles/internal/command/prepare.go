package command

import (
	"context"
	"sync"
	"sync/atomic"

	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// preparation reads the functions of a session and, at the same time, builds
// their zips: what is read rarely changes which zips are needed.
type preparation struct {
	*session
	packer  *bundle.Packer
	parcels []*parcel
	reads   sync.WaitGroup // until all functions have been read

	again    sync.Once // builds the functions that need lambda after all
	againErr error
}

// parcel is the preparation of one function.
type parcel struct {
	f      *fleet.Function
	read   chan struct{} // closed once the function has been read
	lacks  bool          // it needs lambda although the manifest says otherwise; set then
	packed chan struct{} // closed once zips or err is set
	zips   lambda.Zips
	err    *fleet.Error
}

// prepare prepares the functions and calls ready for each as soon as it has been
// read and its zips are written, for at most limit functions at the same time and
// in the order of the manifest. It returns when all calls have returned. A
// function that failed is ready too.
func (s *session) prepare(ctx context.Context, limit int, ready func(*fleet.Function)) {
	s.UI.Notef("reading and building %s", text.Count(len(s.functions), "function"))
	p := &preparation{session: s, packer: bundle.NewPacker(s.zips())}
	index := map[*fleet.Function]*parcel{}
	for _, f := range s.functions {
		index[f] = &parcel{f: f, read: make(chan struct{}), packed: make(chan struct{})}
		p.parcels = append(p.parcels, index[f])
	}
	building, stop := context.WithCancel(ctx)
	defer stop()
	p.reads.Add(len(s.functions))
	var group sync.WaitGroup
	group.Go(func() {
		if p.readAll(ctx, index) == 0 {
			stop() // there is nothing to build for
		}
	})
	group.Go(func() { p.buildAll(building) })
	fleet.Each(s.functions, limit, func(f *fleet.Function) {
		p.finish(ctx, index[f])
		ready(f)
	})
	stop()
	group.Wait()
}

// readAll reads all functions and returns how many could be read.
func (p *preparation) readAll(ctx context.Context, index map[*fleet.Function]*parcel) int64 {
	var succeeded atomic.Int64
	fleet.Each(p.functions, defaultConcurrency, func(f *fleet.Function) {
		p.rollout.Observe(ctx, f)
		if f.Err == nil {
			succeeded.Add(1)
			index[f].lacks = f.NeedsLegacy(f.Observed) && !f.Dual
		}
		close(index[f].read)
		p.reads.Done()
	})
	return succeeded.Load()
}

// buildAll builds the functions as the manifest says and writes their zips.
func (p *preparation) buildAll(ctx context.Context) {
	err := p.build(ctx, p.functions, func(f *fleet.Function) bool { return f.Action == fleet.Deploy && f.Dual })
	var group sync.WaitGroup
	for _, c := range p.parcels {
		group.Go(func() {
			p.pack(ctx, c, err)
			close(c.packed)
		})
	}
	group.Wait()
}

// pack writes the zips of a function after a build that ended with err.
func (p *preparation) pack(ctx context.Context, c *parcel, err error) {
	c.zips, c.err = p.packOne(ctx, p.packer, c.f, err)
}

// finish waits for the zips of a function that could be read, and adds them to
// its record.
func (p *preparation) finish(ctx context.Context, c *parcel) {
	<-c.read
	f := c.f
	if f.Err != nil {
		return
	}
	<-c.packed
	if c.lacks {
		p.reads.Wait()
		p.again.Do(func() { p.againErr = p.buildAgain(ctx) })
		p.pack(ctx, c, p.againErr)
	}
	if c.err != nil {
		f.Err = c.err
	}
	f.Zips = c.zips
}

// buildAgain builds the functions that lack lambda.
func (p *preparation) buildAgain(ctx context.Context) error {
	var list []*fleet.Function
	for _, c := range p.parcels {
		if c.lacks {
			<-c.packed
			list = append(list, c.f)
		}
	}
	p.UI.Notef("building %s with lambda: go1.x may be serving there", text.Count(len(list), "function"))
	return p.build(ctx, list, func(*fleet.Function) bool { return true })
}
