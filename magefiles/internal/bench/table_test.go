package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for want, list := range map[time.Duration][]time.Duration{
		7: {7},
		2: {9, 1, 2},
		5: {9, 1, 8, 2},
	} {
		if got := median(list); got != want {
			t.Errorf("median of %d is %d, want %d", list, got, want)
		}
	}
}

func TestFormat(t *testing.T) {
	for got, want := range map[string]string{
		seconds(91234 * time.Millisecond):     "91.2 s",
		seconds(1234 * time.Second):           "1234 s",
		seconds(300 * time.Millisecond):       "0.3 s",
		seconds(8776 * time.Microsecond):      "8.78 ms",
		megabytes(15_940_000):                 "15.9 MB",
		ratio(1. / 30):                        "30× faster",
		ratio(1.0849):                         "1.08× as long",
		(calls{reads: 3, writes: 2}).String(): "2 writes, 3 reads",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTable(t *testing.T) {
	two, sixty := known(dualboot, 2*time.Second), known("recipe", time.Minute)
	none := result{name: "recipe", missing: "no zip on PATH"}
	var out strings.Builder
	err := printTable(&out, []row{
		versus("met", two, sixty, faster(30)),
		versus("missed", two, sixty, faster(31)),
		versus("met", sixty, two, within(30)),
		versus("missed", sixty, two, within(29)),
		versus("no goal", sixty, two, goal{}),
		versus("missing", two, none, faster(30)),
		versus("failed", result{missing: failed}, sixty, faster(30)),
		{what: "plain", ours: "2", goal: "2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `
| what    | dualboot | compared with          | ratio       | goal                     |
|---      |---       |---                     |---          |---                       |
| met     | 2 s      | recipe: 60 s           | 30× faster  | ≥ 30× faster             |
| missed  | 2 s      | recipe: 60 s           | 30× faster  | ≥ 31× faster **missed**  |
| met     | 60 s     | dualboot: 2 s          | 30× as long | ≤ 30× as long            |
| missed  | 60 s     | dualboot: 2 s          | 30× as long | ≤ 29× as long **missed** |
| no goal | 60 s     | dualboot: 2 s          | 30× as long |                          |
| missing | 2 s      | recipe: no zip on PATH |             | ≥ 30× faster             |
| failed  | failed   | recipe: 60 s           |             | ≥ 30× faster             |
| plain   | 2        |                        |             | 2                        |
`
	if diff := cmp.Diff(want, "\n"+out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestBounds(t *testing.T) {
	for got, want := range map[string]string{
		updates(1000, 1).cell():                     "133 s",
		updates(1000, 0.5).cell():                   "267 s",
		updates(1000, 0.5).name:                     "2000 updates at 7.5/s",
		forced(known("", 2*time.Second), 50).cell(): "8.53 s",
		forced(result{missing: failed}, 50).cell():  failed,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestCountThrottling(t *testing.T) {
	text := "f1: done\nf2: FAILED: TooManyRequestsException: Rate exceeded\nretrying: throttled\n"
	if n := countThrottling(text); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
}
