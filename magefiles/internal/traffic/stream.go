package traffic

import (
	"context"
	"sync"
	"time"
)

// stream is a stream with its shards, each with a poller.
//
// Records are sent as soon as they are there. AWS polls a shard of a Kinesis
// data stream once a second and one of a DynamoDB stream four times a second,
// and has options that are not played here: a batching window, several batches
// of a shard at once, splitting batches on errors, a maximum record age.
type stream struct {
	options  Options
	template *template
	tally    tally
	shards   []*shard
}

func newStream(invoker Invoker, function string, t *template, o Options, g *gate) *stream {
	s := &stream{
		options:  o,
		template: t,
		tally:    tally{Report: Report{Function: function, Kind: t.kind}},
	}
	for range o.Shards {
		s.shards = append(s.shards, newShard(invoker, o, g, &s.tally))
	}
	return s
}

// run puts one record after another into the shards in turn.
func (s *stream) run(producing, invoking context.Context, first time.Time) {
	var pollers sync.WaitGroup
	for _, shard := range s.shards {
		pollers.Go(func() { shard.poll(invoking) })
	}
	schedule(producing, first, s.options.interval, func(n int, due time.Time) {
		i := n % len(s.shards)
		s.shards[i].put(s.template.record(first, i, n/len(s.shards), due))
	})
	for _, shard := range s.shards {
		shard.end()
	}
	pollers.Wait()
}

func (s *stream) report(final bool) Report {
	r := s.tally.copy()
	for _, shard := range s.shards {
		shard.add(&r)
	}
	if final {
		r.Lost, r.Pending = r.Lost+r.Pending, 0
	}
	return r
}
