package experiments

import (
	"context"
	"math"
	"sync"
	"time"

	"example.com/dualboot/magefiles/internal/probe/lab"
	"example.com/dualboot/magefiles/internal/probe/mark"
)

// inFlight limits the calls that wait for an answer at the same time. New AWS
// accounts can run ten.
const inFlight = 8

// parts are the two parts of what served an invocation that an experiment tells
// apart, such as code and configuration.
type parts [2]string

// sample is one invocation.
type sample struct {
	Sent      time.Time
	Took      time.Duration // nanoseconds in JSON
	Parts     parts
	Error     string `json:",omitempty"`
	Throttled bool   `json:",omitempty"`
}

func (s sample) answered() time.Time { return s.Sent.Add(s.Took) }

// watcher invokes a function at a rate and keeps what served each call.
type watcher struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu      sync.Mutex
	samples []sample
}

// watch begins to invoke the function. split says which parts of a mark to keep.
func watch(ctx context.Context, f *lab.Function, rate float64, split func(mark.Mark) parts) *watcher {
	w := &watcher{}
	sending, cancel := context.WithCancel(ctx)
	w.stop = cancel
	w.done.Go(func() {
		tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
		defer tick.Stop()
		slots := make(chan struct{}, inFlight)
		for {
			select {
			case <-sending.Done():
				return
			case <-tick.C:
			}
			select {
			case slots <- struct{}{}:
			default:
				continue // the function is slow: send less
			}
			w.done.Go(func() {
				defer func() { <-slots }()
				c := f.Invoke(ctx)
				if ctx.Err() == nil {
					w.add(sample{c.Sent, c.Took, split(c.Mark), c.Error, c.Throttled})
				}
			})
		}
	})
	return w
}

func (w *watcher) add(s sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples = append(w.samples, s)
}

// end stops the calls and returns all samples.
func (w *watcher) end() []sample {
	w.stop()
	w.done.Wait()
	return w.samples
}

// lastOther returns when the last call was sent that something else than the
// parts served.
func (w *watcher) lastOther(p parts) (last time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.samples {
		if s.Error == "" && s.Parts != p && s.Sent.After(last) {
			last = s.Sent
		}
	}
	return last
}

// The times to watch in, as multiples of the settle delay: at least after an
// update, at least after the last answer of a replaced version, and at most.
const (
	atLeast, quiet, atMost = 1.5, 0.5, 5
)

// settled watches after an update that ended at the given time, until only p
// serves.
func (w *watcher) settled(ctx context.Context, p parts, ended time.Time, settle time.Duration) error {
	times := func(factor float64) time.Duration { return time.Duration(factor * float64(settle)) }
	for {
		until := ended.Add(times(atLeast))
		if last := w.lastOther(p).Add(times(quiet)); last.After(until) {
			until = last
		}
		if end := ended.Add(times(atMost)); until.After(end) {
			until = end
		}
		left := time.Until(until)
		if left <= 0 {
			return nil
		}
		if err := lab.Sleep(ctx, left); err != nil {
			return err
		}
	}
}

// warm is how long a function is invoked before its first update.
func warm(settle time.Duration) time.Duration { return min(2*time.Second, settle/4) }

// invocations returns about how many calls a watch makes in a time.
func (o Options) invocations(d time.Duration) int { return int(math.Round(d.Seconds() * o.Rate)) }

// watched is about how long a function is watched with so many settle delays.
func (o Options) watched(delays float64) time.Duration {
	return time.Duration(delays*float64(o.Settle)) + warm(o.Settle) + 4*time.Second
}
