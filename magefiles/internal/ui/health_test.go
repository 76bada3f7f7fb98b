package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/health"
)

func TestHealthTable(t *testing.T) {
	changed, to := time.Date(2026, 11, 22, 10, 0, 30, 0, time.UTC), time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)
	var out strings.Builder
	err := healthTable([]health.Comparison{
		{
			Function: "prod-example-api", Changed: changed,
			Before:   health.Figures{To: to, Invocations: 1204, Throttles: 3, Duration: 12345 * time.Microsecond},
			After:    health.Figures{To: to, Invocations: 1190, Errors: 31, Duration: 12 * time.Millisecond},
			Problems: []string{"errors rose"},
		},
		{
			Function: "prod-events", Changed: changed,
			Before: health.Figures{To: to},
			After:  health.Figures{To: to, Invocations: 7, Duration: 2 * time.Second, IteratorAge: 1200 * time.Millisecond, Stream: true},
		},
		{Function: "prod-old", Changed: changed, Problems: []string{"one", "another"}},
		{Function: "prod-new", Changed: changed, NotBefore: changed.Add(90 * time.Second)},
		{Function: "prod-later", Changed: changed, NotMigrated: true},
	}, to).Write(&out)
	if err != nil {
		t.Fatal(err)
	}
	want := `
FUNCTION          SINCE                 INVOCATIONS    ERRORS                THROTTLES  DURATION       ITERATOR AGE  VERDICT
prod-example-api  2026-11-22 10:00 UTC  1,204 → 1,190  0 (0 %) → 31 (2.6 %)  3 → 0      12.3ms → 12ms                1 problem
prod-events       2026-11-22 10:00 UTC  0 → 7          0 (0 %) → 0 (0 %)     0 → 0      - → 2s         - → 1.2s      healthy
prod-old          2026-11-22 10:00 UTC                                                                               2 problems
prod-new          2026-11-22 10:00 UTC                                                                               not yet, from 10:02 UTC
prod-later        2026-11-22 10:00 UTC                                                                               not migrated yet
`
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestHealthJSON(t *testing.T) {
	at := func(hour, minute, second int) time.Time {
		return time.Date(2026, 11, 22, hour, minute, second, 0, time.UTC)
	}
	c := health.Comparison{
		Function: "f", Changed: at(10, 0, 30).In(time.FixedZone("+09:00", 32_400)),
		Before: health.Figures{From: at(9, 57, 0), To: at(10, 0, 0), Invocations: 6, Errors: 1, Throttles: 5, Duration: 1500 * time.Microsecond},
		After:  health.Figures{From: at(10, 1, 0), To: at(10, 4, 0), IteratorAge: 90 * time.Second, Stream: true},
	}
	recent := health.Comparison{Function: "g", Changed: c.Changed, Problems: []string{"none has passed"}}
	var out strings.Builder
	if err := New(&out, nil).Health([]health.Comparison{c, recent}, c.Changed); err != nil {
		t.Fatal(err)
	}
	want := `{"FunctionName":"f","Healthy":true,"Problems":[],"Changed":"2026-11-22T10:00:30Z",` +
		`"Before":{"From":"2026-11-22T09:57:00Z","To":"2026-11-22T10:00:00Z","Invocations":6,"Errors":1,"Throttles":5,"DurationMs":1.5},` +
		`"After":{"From":"2026-11-22T10:01:00Z","To":"2026-11-22T10:04:00Z","Invocations":0,"Errors":0,"Throttles":0,"DurationMs":0,"IteratorAgeMs":90000}}` + "\n" +
		`{"FunctionName":"g","Healthy":false,"Problems":["none has passed"],"Changed":"2026-11-22T10:00:30Z",` +
		`"Before":{"Invocations":0,"Errors":0,"Throttles":0,"DurationMs":0},"After":{"Invocations":0,"Errors":0,"Throttles":0,"DurationMs":0}}` + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
