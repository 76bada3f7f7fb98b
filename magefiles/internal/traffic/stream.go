package traffic

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"
)

// stream is a stream with a poller for each shard.
//
// Records are sent when they arrive. AWS polls a shard of a Kinesis data stream
// once a second and of a DynamoDB stream four times a second. The model lacks
// batching windows, concurrent batches of a shard, splitting batches on errors and
// a maximum record age.
type stream struct {
	*base
	changed sync.Cond // shards, paused or ended; uses mu
	shards  []*shard
	paused  bool
	ended   bool // no more records will arrive; ends a pause
}

// shard is a queue of records. Its poller sends them in order, in batches, one at a
// time. A failed batch blocks the shard until it succeeds or has no attempts left.
// Sources:
// https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
type shard struct {
	*stream
	records []record // not processed, oldest first
	ledger  ledger
}

// record is a record of a stream.
type record struct {
	number  string // sequence number
	arrived time.Time
	json    []byte
}

func newStream(b *base) *stream {
	s := &stream{base: b, changed: sync.Cond{L: &b.mu}}
	for range b.options.shards {
		s.shards = append(s.shards, &shard{stream: s})
	}
	return s
}

// run puts records into the shards in turn.
func (s *stream) run(producing, invoking context.Context, first time.Time) {
	defer context.AfterFunc(invoking, func() { s.update(func() {}) })()
	var pollers sync.WaitGroup
	for _, shard := range s.shards {
		pollers.Go(func() { shard.poll(invoking) })
	}
	for n, due := range s.options.schedule(producing, first) {
		i := n % len(s.shards)
		shard, r := s.shards[i], s.sample(n).record(first, i, n/len(s.shards), due)
		s.update(func() {
			shard.records = append(shard.records, r)
			shard.ledger.produce(r.number)
			s.report.Produced++
		})
	}
	s.update(func() { s.ended = true })
	pollers.Wait()
}

// update changes the stream and wakes the pollers.
func (s *stream) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.changed.Broadcast()
}

// await waits until ready returns true. It reports whether ctx is not done. The
// caller holds mu.
func (s *stream) await(ctx context.Context, ready func() bool) bool {
	for ctx.Err() == nil && !ready() {
		s.changed.Wait()
	}
	return ctx.Err() == nil
}

func (s *stream) running() bool { return !s.paused || s.ended }

func (s *stream) current() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, shard := range s.shards {
		shard.age()
	}
	r := s.report
	for _, shard := range s.shards {
		r.Retries += shard.ledger.retries
		r.Duplicates += shard.ledger.duplicates
		r.OutOfOrder += shard.ledger.outOfOrder
		r.Pending += len(shard.ledger.open)
	}
	return r
}

// poll sends records until all are processed, or ctx is done.
func (s *shard) poll(ctx context.Context) {
	for batch := s.next(ctx); len(batch) > 0; batch = s.next(ctx) {
		s.process(ctx, batch)
	}
}

// maxEvent is the size of a request in bytes: 6 MB, rounded down. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxEvent = 6_000_000

// next waits for records and returns the oldest that fit into a batch. It returns
// none if no more will arrive, or ctx is done.
func (s *shard) next(ctx context.Context) []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.await(ctx, func() bool { return s.running() && (len(s.records) > 0 || s.ended) }) {
		return nil
	}
	n, size := 0, 0
	for n < min(len(s.records), s.options.batch) {
		if size += len(s.records[n].json) + 1; size > maxEvent && n > 0 {
			break
		}
		n++
	}
	return slices.Clone(s.records[:n])
}

// process sends a batch, and its rest again, until all of it is processed or
// dropped, or ctx is done.
func (s *shard) process(ctx context.Context, batch []record) {
	delay, failures := s.options.retry, 0
	for {
		n, err := s.send(ctx, batch)
		if n == len(batch) || ctx.Err() != nil {
			return
		}
		batch = batch[n:]
		if _, ok := err.(functionError); ok {
			failures++
		}
		if failures > 0 && failures == s.options.Attempts {
			s.update(func() { s.report.Lost += s.advance(numbers(join(batch))) })
			return
		}
		sleep(ctx, delay)
		delay = min(2*delay, 8*s.options.retry)
	}
}

// send sends a batch once, when the stream is not paused. It returns how many of
// its records are processed, counted from the first, and an error if some are not.
func (s *shard) send(ctx context.Context, batch []record) (n int, err error) {
	event := join(batch)
	sent := numbers(event)
	s.mu.Lock()
	ready := s.await(ctx, s.running)
	if ready {
		s.ledger.send(sent)
	}
	s.mu.Unlock()
	if !ready {
		return 0, nil
	}

	began := time.Now()
	answer, err := s.invoke(ctx, event)
	if err == nil {
		n, err = processed(answer, batch)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.invoked(time.Since(began), err)
	s.report.Delivered += s.advance(sent[:n])
	return n, err
}

// advance removes the oldest records, which have the numbers. It returns how many
// of them were open.
func (s *shard) advance(numbers []string) int {
	s.age()
	s.records = s.records[len(numbers):]
	return s.ledger.close(numbers)
}

// age measures the age of the oldest record.
func (s *shard) age() {
	if len(s.records) > 0 {
		s.report.WorstIteratorAge = max(s.report.WorstIteratorAge, time.Since(s.records[0].arrived))
	}
}

// join returns the event of a batch.
func join(batch []record) []byte {
	list := make([][]byte, len(batch))
	for i, r := range batch {
		list[i] = r.json
	}
	return slices.Concat([]byte(`{"Records":[`), bytes.Join(list, []byte(",")), []byte(`]}`))
}
