package traffic

import (
	"context"
	"time"
)

// schedule calls do for n = 0, 1, 2, … when each is due, until ctx is done. do
// must not block: whatever is late is caught up with, and nothing is left out.
func schedule(ctx context.Context, first time.Time, due func(n int) time.Duration, do func(n int, due time.Time)) {
	for n := 0; ; n++ {
		at := first.Add(due(n))
		if !sleep(ctx, time.Until(at)) {
			return
		}
		do(n, at)
	}
}

// sleep waits, and says whether ctx is not done.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
