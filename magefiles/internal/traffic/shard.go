package traffic

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"
)

// record is one of a stream's.
type record struct {
	number  string // its sequence number
	arrived time.Time
	json    []byte
}

// shard is a queue of records and what sends them to the function: in order, in
// batches, one at a time. A batch that fails blocks the shard and is sent again
// until it succeeds or its attempts are used up.
//
// https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
type shard struct {
	invoker Invoker
	options Options
	gate    *gate
	tally   *tally

	changed chan struct{} // holds a token when records or ended have changed

	mu      sync.Mutex
	records []record // not processed, oldest first
	ended   bool     // no more will arrive
	oldest  time.Duration
	ledger  ledger
}

func newShard(invoker Invoker, o Options, g *gate, t *tally) *shard {
	return &shard{invoker: invoker, options: o, gate: g, tally: t, changed: make(chan struct{}, 1), ledger: ledger{kind: t.Kind}}
}

// put appends a record.
func (s *shard) put(r record) {
	s.mu.Lock()
	s.records = append(s.records, r)
	s.ledger.produce(r.number)
	s.mu.Unlock()
	s.wake()
}

// end says that there will be no more records.
func (s *shard) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.wake()
}

func (s *shard) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// poll sends records until all are processed, or ctx is done.
func (s *shard) poll(ctx context.Context) {
	for s.wait(ctx) && s.gate.wait(ctx) {
		s.process(ctx, s.batch())
	}
}

// wait waits for a record. It is false when there will be none, or ctx is done.
func (s *shard) wait(ctx context.Context) bool {
	for {
		s.mu.Lock()
		there, ended := len(s.records) > 0, s.ended
		s.mu.Unlock()
		if there || ended {
			return there && ctx.Err() == nil
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return false
		}
	}
}

// maxEvent is how much fits into a request: six megabytes, rounded down.
//
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxEvent = 6_000_000

// batch is the oldest records that fit into an event.
func (s *shard) batch() []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, size := 0, 0
	for n < min(len(s.records), s.options.Batch) {
		if size += len(s.records[n].json) + 1; size > maxEvent && n > 0 {
			break
		}
		n++
	}
	return slices.Clone(s.records[:n])
}

// process sends a batch, and what is left of it again, until it is done with or
// ctx is done.
func (s *shard) process(ctx context.Context, batch []record) {
	delay, attempts := s.options.Retry, 0
	for {
		event := join(batch)
		n, failed := s.send(ctx, batch, event)
		if n == len(batch) || ctx.Err() != nil {
			return
		}
		batch = batch[n:]
		if failed.function {
			attempts++
		}
		if attempts == s.options.Attempts && attempts > 0 {
			s.drop(join(batch), len(batch))
			return
		}
		if !sleep(ctx, delay) || !s.gate.wait(ctx) {
			return
		}
		delay = min(2*delay, 8*s.options.Retry)
		s.tally.retried()
	}
}

// send sends a batch once, and answers how many of its records, from the first,
// are processed; the failure is not nil if some are not.
func (s *shard) send(ctx context.Context, batch []record, event []byte) (int, *failure) {
	s.mu.Lock()
	s.ledger.send(event)
	s.mu.Unlock()

	began := time.Now()
	answer, failed := invoke(ctx, s.invoker, s.tally.Function, event)
	n := 0
	if failed == nil {
		n, failed = accepted(answer, batch)
	}
	s.tally.invoked(time.Since(began), failed)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	s.records = s.records[n:]
	s.ledger.deliver(event, n)
	return n, failed
}

// drop gives up the first n records.
func (s *shard) drop(event []byte, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	s.records = s.records[n:]
	s.ledger.drop(event, n)
}

// look looks at the age of the oldest record. The shard's mutex must be held.
func (s *shard) look() {
	if len(s.records) > 0 {
		s.oldest = max(s.oldest, time.Since(s.records[0].arrived))
	}
}

// add adds the shard's account to a report.
func (s *shard) add(r *Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
	r.WorstIteratorAge = max(r.WorstIteratorAge, s.oldest)
	s.ledger.add(r)
}

// join makes an event of records.
func join(batch []record) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for i, r := range batch {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(r.json)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}
