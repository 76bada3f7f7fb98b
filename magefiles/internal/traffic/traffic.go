// Package traffic sends events to Lambda functions in place of their event
// sources: callers that wait for the answer, and pollers that read the shards of a
// Kinesis data stream or a DynamoDB stream. It accounts for every event, so that
// it shows whether a change to a function under traffic loses any.
//
// The events derive from a sample event. The package uses the public Invoke API
// only. The pollers are a model of AWS's pollers by its documentation.
package traffic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
)

// Options are the options of [Start], for each source.
type Options struct {
	// Rate is the number of calls, or of records over all shards, a second.
	// Default 10.
	Rate float64

	// Attempts is how often the function may fail a record before the record is
	// dropped and lost: AWS's MaximumRetryAttempts and 1. Only failures of the
	// function count, not those to reach it, such as throttling. Default 0,
	// unlimited, as on AWS. Source:
	// https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
	Attempts int

	// Invoked, if not nil, is called at the end of each invocation, and for each call
	// that could not be sent. It may be called from many goroutines.
	Invoked func(failed bool)

	concurrency int           // calls of a caller in flight; default 64
	shards      int           // of a stream, each with at most one batch in flight; default 2
	batch       int           // maximum number of records in a batch; default 10
	retry       time.Duration // delay before a failed batch is sent again, doubled up to 3 times; default 100ms, as AWS does not document its own
	drain       time.Duration // how long Stop waits at most; default 30s
}

// Source is a function with samples of its events, as JSON, which take turns.
// [Kind] describes the events that derive from a sample. All samples of a source
// are of one kind.
type Source struct {
	Function string
	Events   [][]byte

	// Mapping is the UUID of the event source mapping of a stream. Its batches go to
	// what the mapping invokes, which is read before each of them. Without it they go
	// to the function.
	Mapping string
}

// Traffic is traffic in progress.
type Traffic struct {
	sources []source
	stop    context.CancelFunc
	done    chan struct{} // closed when all sources have returned
}

// source is a caller or a stream.
type source interface {
	// run produces events from first until producing is done. It returns when
	// all of them are processed, or soon after invoking is done.
	run(producing, invoking context.Context, first time.Time)

	// current returns the report so far.
	current() Report
}

// base is the common part of the sources.
type base struct {
	client  *sdk.Client
	options Options
	kind    Kind
	samples []*sample // at least one
	mapping string    // UUID, or ""

	mu     sync.Mutex
	report Report
}

// grace is the time to process events after the caller's context is done.
const grace = 2 * time.Second

// Start sends events to the functions of the sources until [Traffic.Stop], or until
// ctx is done. The error names the functions with a sample event that cannot be
// used.
func Start(ctx context.Context, config aws.Config, sources []Source, o Options) (*Traffic, error) {
	if !(o.Rate >= 0 && o.Rate <= 1e6) {
		return nil, fmt.Errorf("a rate of %v events a second is not between 0 and 1000000", o.Rate)
	}
	o.Rate = cmp.Or(o.Rate, 10)
	o.concurrency, o.shards, o.batch = cmp.Or(o.concurrency, 64), cmp.Or(o.shards, 2), cmp.Or(o.batch, 10)
	o.retry, o.drain = cmp.Or(o.retry, 100*time.Millisecond), cmp.Or(o.drain, 30*time.Second)
	t := &Traffic{done: make(chan struct{})}
	client := newClient(config)
	var errs []error
	for _, s := range sources {
		samples, err := parseAll(s.Events)
		if err != nil {
			errs = append(errs, fmt.Errorf("sample event of %q: %w", s.Function, err))
			continue
		}
		kind := samples[0].kind
		b := &base{client: client, options: o, kind: kind, samples: samples, mapping: s.Mapping, report: Report{Function: s.Function, Kind: kind}}
		if kind.Stream() {
			t.sources = append(t.sources, newStream(b))
		} else {
			t.sources = append(t.sources, newCaller(b))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}

	producing, stop := context.WithCancel(ctx)
	invoking, cut := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	var work sync.WaitGroup
	now := time.Now()
	for i, s := range t.sources {
		first := now.Add(o.time(i) / time.Duration(len(t.sources))) // distributes the sources
		work.Go(func() { s.run(producing, invoking, first) })
	}
	go func() {
		defer close(t.done)
		<-producing.Done()
		defer time.AfterFunc(o.drain, cut).Stop()
		defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cut) })()
		work.Wait()
		cut()
	}()
	return t, nil
}

// invoked counts an invocation. The caller holds b.mu.
func (b *base) invoked(latency time.Duration, err error) {
	b.report.invoked(latency, err)
	b.observe(err)
}

// unsent counts a call that could not be sent. The caller holds b.mu.
func (b *base) unsent(err error) {
	b.report.fail(err, 1)
	b.observe(err)
}

func (b *base) observe(err error) {
	if b.options.Invoked != nil {
		b.options.Invoked(err != nil)
	}
}

// sample returns the sample of the nth event.
func (b *base) sample(n int) *sample { return b.samples[n%len(b.samples)] }

// time returns the time that n events take.
func (o Options) time(n int) time.Duration {
	return time.Duration(float64(n) / o.Rate * float64(time.Second))
}

// schedule yields each event with its due time when it is due, until ctx is done.
// It catches up when it is late.
func (o Options) schedule(ctx context.Context, first time.Time) iter.Seq2[int, time.Time] {
	return func(yield func(int, time.Time) bool) {
		for n := 0; ; n++ {
			due := first.Add(o.time(n))
			if !sleep(ctx, time.Until(due)) || !yield(n, due) {
				return
			}
		}
	}
}

// sleep reports whether ctx is not done after d.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// Pause stops the pollers of all streams, like disabling their event source
// mappings: records arrive and age. Batches in flight complete; those that fail
// wait. Callers continue.
func (t *Traffic) Pause() { t.pause(true) }

// Resume ends a pause.
func (t *Traffic) Resume() { t.pause(false) }

func (t *Traffic) pause(paused bool) {
	for _, s := range t.sources {
		if s, ok := s.(*stream); ok {
			s.update(func() { s.paused = paused })
		}
	}
}

// Stop stops producing events, ends a pause, waits until all events are processed,
// and returns the final reports. It waits at most 30 seconds, or 2 seconds after
// the context of Start is done. Then records that are not delivered are lost, and
// calls without an answer have failed. It may be called again.
func (t *Traffic) Stop() []Report {
	t.stop()
	<-t.done
	return t.Report()
}

// Report returns the reports of the sources so far, in their order.
func (t *Traffic) Report() []Report {
	var reports []Report
	for _, s := range t.sources {
		r := s.current()
		select {
		case <-t.done:
			r.Lost, r.Pending = r.Lost+r.Pending, 0
		default:
		}
		reports = append(reports, r)
	}
	return reports
}
