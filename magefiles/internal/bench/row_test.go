package bench

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/text"
)

func TestSide(t *testing.T) {
	for _, test := range []struct {
		want string
		side side
	}{
		{"7s", side{samples: walls(7)}},
		{"2s", side{samples: walls(9, 1, 2)}},
		{"5s", side{samples: walls(9, 1, 8, 2)}},
		{"no zip on PATH", side{missing: "no zip on PATH"}},
		{"failed", side{}},
	} {
		if got := test.side.wall().text; got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	counts := side{samples: []sample{{count: 3, counted: "3 writes"}, {count: 2, counted: "2 writes"}}}
	if got := counts.count(); got != (figure{value: 3, text: "2 writes"}) {
		t.Errorf("got %+v, want the greatest count and the last text", got)
	}
}

func walls(seconds ...int) (samples []sample) {
	for _, s := range seconds {
		samples = append(samples, sample{wall: time.Duration(s) * time.Second})
	}
	return samples
}

func TestRow(t *testing.T) {
	two, sixty := duration(dualboot, 2), duration("recipe", 60)
	absent := figure{"recipe", math.NaN(), "no zip on PATH"}
	b := &bench{table: text.Table{Header: []string{"what", "dualboot", "compared with", "ratio", "goal"}}}
	b.row("met", two, sixty, within(1./30))
	b.row("missed", two, sixty, within(1./31))
	b.row("met", sixty, two, within(30))
	b.row("missed", sixty, two, within(29))
	b.row("rounded", duration("", 1.1549), duration("other", 1), within(1.15))
	b.row("no goal", sixty, two, compared())
	b.row("missing", two, absent, within(1./30))
	b.row("failed", duration("", math.NaN()), sixty, within(1./30))
	b.row("count", figure{value: 2, text: "2"}, figure{}, exactly(2, "2 writes"))
	b.row("wrong count", figure{value: 3, text: "3"}, figure{}, exactly(2, "2 writes"))
	b.row("failed count", duration("", math.NaN()), figure{}, exactly(2, "2 writes"))
	var out strings.Builder
	if err := b.table.WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	want := `
| what         | dualboot | compared with          | ratio         | goal                     |
| --- | --- | --- | --- | --- |
| met          | 2s       | recipe: 1m0s           | 30× faster    | ≥ 30× faster             |
| missed       | 2s       | recipe: 1m0s           | 30× faster    | ≥ 31× faster **missed**  |
| met          | 1m0s     | dualboot: 2s           | 30× as long   | ≤ 30× as long            |
| missed       | 1m0s     | dualboot: 2s           | 30× as long   | ≤ 29× as long **missed** |
| rounded      | 1.15s    | other: 1s              | 1.15× as long | ≤ 1.15× as long          |
| no goal      | 1m0s     | dualboot: 2s           | 30× as long   |                          |
| missing      | 2s       | recipe: no zip on PATH |               | ≥ 30× faster             |
| failed       | failed   | recipe: 1m0s           |               | ≥ 30× faster             |
| count        | 2        |                        |               | 2 writes                 |
| wrong count  | 3        |                        |               | 2 writes **missed**      |
| failed count | failed   |                        |               | 2 writes                 |
`
	if diff := cmp.Diff(want, "\n"+out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestFormat(t *testing.T) {
	for got, want := range map[string]string{
		seconds(91.234):         "1m31.2s",
		seconds(0.008776):       "8.78ms",
		megabytes(15_940_000):   "15.9 MB",
		ratio(1, 30):            "30× faster",
		ratio(1.0849, 1):        "1.08× as long",
		updates(1000, 1).text:   "2m13s",
		updates(1000, 0.5).text: "4m27s",
		updates(1000, 0.5).name: "2,000 updates at 7.5/s",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
