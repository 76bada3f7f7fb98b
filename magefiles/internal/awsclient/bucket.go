package awsclient

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// How the rate of a bucket changes.
const (
	decrease = 0.8  // factor after a throttled call
	increase = 1.03 // factor of each second after that
	least    = 0.05 // smallest share of the full rate
)

// bucket lets calls pass one at a time, in the order in which they arrive, at a
// rate that follows what AWS accepts. A throttled call lowers the rate, at most
// once a second, and then the rate recovers up to the full rate. Both changes are
// proportional, so that few calls are throttled even while others use most of the
// quota.
type bucket struct {
	full    rate.Limit
	limiter *rate.Limiter
	turn    *semaphore.Weighted // held by the next call

	mu  sync.Mutex
	at  time.Time // when the rate was last set
	cut time.Time // when the rate was last lowered
}

// newBucket returns a bucket for so many calls a second. The calls of a tenth of a
// second may pass at once.
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

// regain lets the rate recover.
func (b *bucket) regain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(1)
}

// slow lowers the rate after a call sent at that time was throttled.
func (b *bucket) slow(sent time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if sent.After(b.cut.Add(time.Second)) {
		b.cut = time.Now()
		b.set(decrease)
	}
}

// set lets the rate recover and multiplies it with the factor. The caller holds
// b.mu.
func (b *bucket) set(factor float64) {
	now := time.Now()
	grown := math.Pow(increase, now.Sub(b.at).Seconds()) // may be +Inf
	b.at = now
	recovered := min(b.full, b.limiter.Limit()*rate.Limit(grown))
	b.limiter.SetLimit(max(least*b.full, recovered*rate.Limit(factor)))
}
