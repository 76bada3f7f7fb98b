package health

import (
	"strings"
	"testing"
	"time"
)

func TestProblems(t *testing.T) {
	figures := func(invocations, errors int64, age time.Duration) Figures {
		return Figures{
			From: utc("2026-11-22 10:00:00"), To: utc("2026-11-22 11:00:00"),
			Invocations: invocations, Errors: errors, IteratorAge: age,
			Throttles: 1000 * errors, Duration: age, // which are not judged
		}
	}
	const s, m, h = time.Second, time.Minute, time.Hour
	for _, test := range []struct {
		name          string
		before, after Figures
		want          string
	}{
		{"no errors", figures(1204, 0, 0), figures(1190, 0, 0), ""},
		{"errors", figures(1204, 0, 0), figures(1190, 31, 0), "errors rose from 0 of 1,204 (0 %) to 31 of 1,190 (2.6 %)"},
		{"equal error rate", figures(100, 50, 0), figures(200, 100, 0), ""},
		{"equal error rate over a half", figures(10, 10, 0), figures(5, 5, 0), "most invocations fail: 5 of 5 (100 %), and before the change 10 of 10 (100 %)"},
		{"fewer errors", figures(100, 50, 0), figures(100, 0, 0), ""},
		{"half a percentage point", figures(1000, 0, 0), figures(1000, 5, 0), ""},
		{"over half a percentage point", figures(1000, 0, 0), figures(1000, 6, 0), "errors rose from 0 of 1,000 (0 %) to 6 of 1,000 (0.6 %)"},
		{"new function", figures(0, 0, 0), figures(10, 0, 0), ""},
		{"new function with errors", figures(0, 0, 0), figures(10, 1, 0), "errors rose from 0 of 0 (0 %) to 1 of 10 (10 %)"},
		{"iterator age", figures(1, 0, 1200*time.Millisecond), figures(1, 0, 250*s), "the iterator age rose from 1.2s to 4m10s"},
		{"a minute older", figures(1, 0, s), figures(1, 0, 61*s), ""},
		{"over a minute older", figures(1, 0, s), figures(1, 0, 61*s+1), "the iterator age rose from 1s to 1m1s"},
		{"twice as old", figures(1, 0, h), figures(1, 0, 2*h), ""},
		{"over twice as old", figures(1, 0, h), figures(1, 0, 2*h+s), "the iterator age rose from 1h0m0s to 2h0m1s"},
		{"throttles and duration", figures(1, 0, m), Figures{Invocations: 1, Throttles: 1000, Duration: m, IteratorAge: m}, ""},
		{"both", figures(0, 0, 0), figures(1, 1, h), "errors rose from 0 of 0 (0 %) to 1 of 1 (100 %); the iterator age rose from 0s to 1h0m0s"},
		{"not invoked", figures(1204, 0, 0), figures(0, 0, 0), "not invoked since 2026-11-22 10:00 UTC"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(problems(test.before, test.after), "; "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestUnmigrated keeps only what metrics show of a function that is not migrated.
func TestUnmigrated(t *testing.T) {
	invoked := Figures{Invocations: 1}
	for name, test := range map[string]struct {
		c    Comparison
		want bool
	}{
		"early":       {Comparison{NotBefore: time.Now(), Early: "wait"}, true},
		"not invoked": {Comparison{Problems: []string{"not invoked"}}, true},
		"healthy":     {Comparison{After: invoked}, true},
		"failing":     {Comparison{After: invoked, Problems: []string{"errors rose"}}, false},
	} {
		c := test.c.Unmigrated()
		if c.NotMigrated != test.want || c.Healthy() || c.NotMigrated && (len(c.Problems) > 0 || !c.NotBefore.IsZero()) {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
