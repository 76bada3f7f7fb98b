// Package traffic plays the event sources of Lambda functions: callers that
// send a request and wait for the answer, and pollers that read shards of a
// Kinesis data stream or a DynamoDB stream. It keeps account of every event, so
// that a change to a function under traffic can be seen to lose none.
//
// What a function is sent is made of a sample event. All goes through the
// public Invoke API, so it works against any endpoint. The pollers are a model
// of AWS's, made after its documentation; they are not AWS's.
package traffic

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// Invoker invokes functions. *lambda.Client is one, but an Invoker must not
// retry: a failure that the SDK mends would not be counted. [NewInvoker] makes
// one that does not.
type Invoker interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Source says where the events of a function come from: Event is a sample of
// what it is sent, JSON. See [Kind] for what is made of it.
type Source struct {
	Function string
	Event    []byte
}

// Traffic is what [Start] began.
type Traffic struct {
	sources []source
	gate    *gate
	stop    context.CancelFunc // nothing new is produced
	work    sync.WaitGroup
	done    chan struct{} // closed when all work has ended
}

// source is a caller or a stream.
type source interface {
	// run produces from the given moment until producing is done, and returns
	// when all that was produced is dealt with, or soon after invoking is done.
	run(producing, invoking context.Context, first time.Time)

	// report is how it stands. In a final report, what is pending is lost.
	report(final bool) Report
}

// Start begins to send events to the functions of the sources, each source at
// its own pace, until [Traffic.Stop] or until ctx is done. The error names the
// functions whose sample event cannot be used.
func Start(ctx context.Context, invoker Invoker, sources []Source, options Options) (*Traffic, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &Traffic{gate: newGate(), done: make(chan struct{})}
	var errs []error
	for _, s := range sources {
		template, err := parse(s.Event)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("sample event of %q: %w", s.Function, err))
		case template.kind.stream():
			t.sources = append(t.sources, newStream(invoker, s.Function, template, o, t.gate))
		default:
			t.sources = append(t.sources, newCaller(invoker, s.Function, template, o))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}

	producing, stop := context.WithCancel(ctx)
	invoking, cut := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	now := time.Now()
	for i, s := range t.sources {
		first := now.Add(o.interval(i) / time.Duration(len(t.sources))) // not all at the same moment
		t.work.Go(func() { s.run(producing, invoking, first) })
	}
	go t.finish(ctx, producing, o.Drain, cut)
	return t, nil
}

// grace is what is left for draining once the caller's context is done.
const grace = 2 * time.Second

// finish waits for the end of production and then, within bounds, for what was
// produced to be dealt with.
func (t *Traffic) finish(ctx, producing context.Context, drain time.Duration, cut context.CancelFunc) {
	defer close(t.done)
	<-producing.Done()
	t.gate.end()
	idle := make(chan struct{})
	go func() {
		t.work.Wait()
		close(idle)
	}()
	bound := time.After(drain)
	select {
	case <-idle:
	case <-bound:
	case <-ctx.Done():
		select {
		case <-idle:
		case <-bound:
		case <-time.After(grace):
		}
	}
	cut()
	<-idle
}

// Pause does to all streams what disabling their event source mappings does:
// records keep arriving and none is sent, so that they age. A batch that is on
// its way is finished; if it fails, it waits. Callers are not paused.
func (t *Traffic) Pause() { t.gate.shut() }

// Resume ends a pause.
func (t *Traffic) Resume() { t.gate.open() }

// Report is how the sources stand, in their order. It may be called at any time.
func (t *Traffic) Report() []Report {
	final := false
	select {
	case <-t.done:
		final = true
	default:
	}
	reports := make([]Report, len(t.sources))
	for i, s := range t.sources {
		reports[i] = s.report(final)
	}
	return reports
}

// Stop ends the production of events, ends a pause, waits until all that was
// produced is dealt with, and returns the final reports. It waits for
// [Options.Drain] at most, or two seconds if the context given to Start is
// done; records that are then not delivered are lost, and calls that are then
// not answered have failed. It may be called again.
func (t *Traffic) Stop() []Report {
	t.stop()
	<-t.done
	return t.Report()
}
