package rollout_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambdatest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// TestEvents checks that an update is queued until its turn under the quotas has
// come, and begins when it is sent; and that a settle delay says when it ends.
func TestEvents(t *testing.T) {
	zips := writeZips(t, "small")
	synctest.Test(t, func(t *testing.T) {
		const fleetSize = 60
		l := newAccount(names(fleetSize))
		l.Reset()
		start := time.Now()
		var mu sync.Mutex
		began, queued := map[string]time.Duration{}, map[string]time.Duration{}
		r := newRollout(l, rollout.Options{Events: func(e fleet.Event) {
			mu.Lock()
			defer mu.Unlock()
			name, at := e.Function.FunctionName, e.At.Sub(start)
			switch {
			case e.Step.Kind == fleet.Settle && e.Ends.Sub(e.At) != 20*time.Second:
				t.Errorf("%s settles until %v", name, e.Ends.Sub(start))
			case e.Step.Kind == fleet.UpdateCode && e.Queued:
				queued[name] = at
			case e.Step.Kind == fleet.UpdateCode:
				began[name] = at
			case e.Queued && e.Step.Kind != fleet.UpdateConfiguration:
				t.Errorf("%s: %v is queued", name, e.Step)
			}
		}})
		list := functions(zips, fleet.Goal{Settle: 20 * time.Second}, names(fleetSize)...)
		fleet.Each(list, 1024, func(f *fleet.Function) {
			r.Observe(t.Context(), f)
			r.Apply(t.Context(), f)
		})
		sent := map[string]time.Duration{}
		for _, call := range l.Calls() {
			if call.Operation == lambdatest.Code {
				sent[call.Function] = call.At - l.Latency
			}
		}
		if d := cmp.Diff(sent, began); d != "" || len(sent) != fleetSize {
			t.Errorf("when updates are sent and begin (-sent +began):\n%s", d)
		}
		var waits []time.Duration
		for name := range began {
			waits = append(waits, began[name]-queued[name])
		}
		if longest := slices.Max(waits); longest < 2*time.Second {
			t.Errorf("the last update waits for %v", longest)
		}
	})
}

// TestEventsOfOne lists all that happens to a function.
func TestEventsOfOne(t *testing.T) {
	zips := writeZips(t, "small")
	synctest.Test(t, func(t *testing.T) {
		l := newAccount(names(1))
		var got []string
		r := newRollout(l, rollout.Options{Events: func(e fleet.Event) { got = append(got, fmt.Sprint(e.Step.Kind, " ", e.Queued)) }})
		list := functions(zips, fleet.Goal{Settle: time.Minute}, names(1)...)
		r.Observe(t.Context(), list[0])
		r.Apply(t.Context(), list[0])
		if d := cmp.Diff([]string{
			"Inspect false", "UpdateFunctionCode true", "UpdateFunctionCode false", "Wait false", "Settle false",
			"UpdateFunctionConfiguration true", "UpdateFunctionConfiguration false", "Wait false",
		}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}
