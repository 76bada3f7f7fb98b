package health

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	hour := func(f Figures) Figures {
		f.From, f.To = utc("2026-11-22 10:00:00"), utc("2026-11-22 11:00:00")
		return f
	}
	tests := []struct {
		name          string
		before, after Figures
		tolerance     Tolerance
		want          []string
	}{
		{name: "all is well", before: Figures{Invocations: 1204}, after: Figures{Invocations: 1190}},
		{
			name: "errors", before: Figures{Invocations: 1204}, after: Figures{Invocations: 1190, Errors: 31},
			want: []string{"errors rose from 0 of 1,204 (0 %) to 31 of 1,190 (2.6 %)"},
		},
		{name: "as many errors", before: Figures{Invocations: 100, Errors: 50}, after: Figures{Invocations: 200, Errors: 100}},
		{
			name: "as many, and most", before: Figures{Invocations: 10, Errors: 10}, after: Figures{Invocations: 5, Errors: 5},
			want: []string{"most invocations fail, 5 of 5 (100 %), as they did before: 10 of 10 (100 %)"},
		},
		{name: "fewer errors", before: Figures{Invocations: 100, Errors: 50}, after: Figures{Invocations: 100}},
		{name: "half a point", before: Figures{Invocations: 1000}, after: Figures{Invocations: 1000, Errors: 5}},
		{
			name: "more than half a point", before: Figures{Invocations: 1000}, after: Figures{Invocations: 1000, Errors: 6},
			want: []string{"errors rose from 0 of 1,000 (0 %) to 6 of 1,000 (0.6 %)"},
		},
		{name: "a new function", after: Figures{Invocations: 10}},
		{
			name: "a new function with errors", after: Figures{Invocations: 10, Errors: 1},
			want: []string{"errors rose from 0 of 0 (0 %) to 1 of 10 (10 %)"},
		},
		{name: "tolerated", after: Figures{Invocations: 10, Errors: 1}, tolerance: Tolerance{ErrorRate: 0.1}},
		{
			name: "less tolerance", before: Figures{Invocations: 1_000_000}, after: Figures{Invocations: 1_000_000, Errors: 300}, tolerance: Tolerance{ErrorRate: 0.0001},
			want: []string{"errors rose from 0 of 1,000,000 (0 %) to 300 of 1,000,000 (0.03 %)"},
		},
		{
			name: "iterator age", before: Figures{Invocations: 1, IteratorAge: 1200 * time.Millisecond}, after: Figures{Invocations: 1, IteratorAge: 250 * time.Second},
			want: []string{"the iterator age rose from 1.2s to 4m10s"},
		},
		{name: "a minute more", before: Figures{Invocations: 1, IteratorAge: time.Second}, after: Figures{Invocations: 1, IteratorAge: 61 * time.Second}},
		{
			name: "a bit more than a minute more", before: Figures{Invocations: 1, IteratorAge: time.Second}, after: Figures{Invocations: 1, IteratorAge: 61*time.Second + 1},
			want: []string{"the iterator age rose from 1s to 1m1s"},
		},
		{name: "doubled", before: Figures{Invocations: 1, IteratorAge: time.Hour}, after: Figures{Invocations: 1, IteratorAge: 2 * time.Hour}},
		{
			name: "more than doubled", before: Figures{Invocations: 1, IteratorAge: time.Hour}, after: Figures{Invocations: 1, IteratorAge: 2*time.Hour + time.Second},
			want: []string{"the iterator age rose from 1h0m0s to 2h0m1s"},
		},
		{name: "a longer age tolerated", after: Figures{Invocations: 1, IteratorAge: time.Hour}, tolerance: Tolerance{IteratorAge: time.Hour}},
		{name: "throttles and duration", before: Figures{Invocations: 1}, after: Figures{Invocations: 1, Throttles: 1000, Duration: time.Minute}},
		{
			name: "both", after: Figures{Invocations: 1, Errors: 1, IteratorAge: time.Hour},
			want: []string{"errors rose from 0 of 0 (0 %) to 1 of 1 (100 %)", "the iterator age rose from 0s to 1h0m0s"},
		},
		{
			name: "not invoked", before: Figures{Invocations: 1204}, after: Figures{Throttles: 1},
			want: []string{"not invoked since 2026-11-22 10:00 UTC"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, judge(test.before, hour(test.after), test.tolerance)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFormat(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{count(0), "0"},
		{count(999), "999"},
		{count(1000), "1,000"},
		{count(1234567), "1,234,567"},
		{percent(0), "0 %"},
		{percent(0.000345), "0.034 %"},
		{percent(0.02605), "2.6 %"},
		{percent(0.5), "50 %"},
		{percent(1), "100 %"},
		{short(0), "0s"},
		{short(1234567), "1.23ms"},
		{short(12345678), "12.3ms"},
		{short(1299 * time.Millisecond), "1.3s"},
		{short(250*time.Second + 1), "4m10s"},
		{short(26*time.Hour + 61*time.Second), "26h1m1s"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}
