package quota

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// How a bucket makes way for others, and comes back.
const (
	decrease = 0.8  // what a throttled call leaves of the rate
	increase = 1.03 // what the rate is multiplied with each second
	least    = 0.05 // what is left of the full rate, however often it is cut
)

// bucket lets calls through one after another, in the order in which they come,
// at a rate that follows what AWS takes: a throttled call cuts it, but only once
// for all that are sent until a second later, and then it grows again, slowly,
// up to the full rate. It does so in proportion, so that where little is left by
// others few calls are throttled, too.
type bucket struct {
	full    rate.Limit
	limiter *rate.Limiter
	turn    *semaphore.Weighted // held by the call that is next

	mu  sync.Mutex
	at  time.Time // when the rate was right
	cut time.Time // when it was cut last
}

// newBucket returns a bucket for so many calls a second. A tenth of a second's
// worth may go at once.
func newBucket(perSecond float64) *bucket {
	return &bucket{
		full:    rate.Limit(perSecond),
		limiter: rate.NewLimiter(rate.Limit(perSecond), 1+int(perSecond/10)),
		turn:    semaphore.NewWeighted(1),
		at:      time.Now(),
	}
}

// wait waits for a call's turn.
func (b *bucket) wait(ctx context.Context) error {
	if err := b.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer b.turn.Release(1)
	b.regain()
	return b.limiter.Wait(ctx)
}

// regain gives back what the time since the rate was last set gives back.
func (b *bucket) regain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(1)
}

// slow is told that a call that was sent then was throttled.
func (b *bucket) slow(sent time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if sent.After(b.cut.Add(time.Second)) {
		b.cut = time.Now()
		b.set(decrease)
	}
}

// set sets the rate to what it has recovered to, times a factor. b.mu is held.
func (b *bucket) set(factor float64) {
	now := time.Now()
	grown := math.Pow(increase, now.Sub(b.at).Seconds()) // may be +Inf
	b.at = now
	recovered := min(b.full, b.limiter.Limit()*rate.Limit(grown))
	b.limiter.SetLimit(max(least*b.full, recovered*rate.Limit(factor)))
}
