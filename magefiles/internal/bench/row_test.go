package bench

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/text"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		want string
		side side
	}{
		{"7s", side{samples: walls(7)}},
		{"2s", side{samples: walls(9, 1, 2)}},
		{"8s", side{samples: walls(9, 1, 8, 2)}},
		{"no zip on PATH", side{missing: "no zip on PATH"}},
		{"failed", side{}},
		{"failed", calculated("", math.NaN())},
	} {
		if _, got := test.side.median(wall); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func walls(seconds ...int) (samples []sample) {
	for _, s := range seconds {
		samples = append(samples, sample{wall: time.Duration(s) * time.Second})
	}
	return samples
}

func TestRow(t *testing.T) {
	two, sixty := calculated(dualboot, 2), calculated("recipe", 60)
	two.samples[0].count, two.samples[0].counted = 2, "2 writes, 3 reads"
	b := &bench{table: text.Table{Header: []string{"what", "dualboot", "compared with", "ratio", "goal"}}}
	b.row("met", two, sixty, wall, within(1./30))
	b.row("missed", two, sixty, wall, within(1./31))
	b.row("met", sixty, two, wall, within(30))
	b.row("missed", sixty, two, wall, within(29))
	b.row("rounded", calculated("", 1.1549), calculated("other", 1), wall, within(1.15))
	b.row("no goal", sixty, two, wall, compared())
	b.row("missing", two, side{name: "recipe", missing: "no zip on PATH"}, wall, within(1./30))
	b.row("failed", side{missing: failed}, sixty, wall, within(1./30))
	b.row("count", two, two.as("recipe"), count, exactly(2, "2 writes"))
	b.row("wrong count", two, side{}, count, exactly(3, "3 writes"))
	b.row("failed count", side{missing: failed}, side{}, count, exactly(2, "2 writes"))
	var out strings.Builder
	if err := b.table.WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	want := `
| what         | dualboot          | compared with             | ratio         | goal                     |
| --- | --- | --- | --- | --- |
| met          | 2s                | recipe: 1m0s              | 30× faster    | ≥ 30× faster             |
| missed       | 2s                | recipe: 1m0s              | 30× faster    | ≥ 31× faster **missed**  |
| met          | 1m0s              | dualboot: 2s              | 30× as long   | ≤ 30× as long            |
| missed       | 1m0s              | dualboot: 2s              | 30× as long   | ≤ 29× as long **missed** |
| rounded      | 1.15s             | other: 1s                 | 1.15× as long | ≤ 1.15× as long          |
| no goal      | 1m0s              | dualboot: 2s              | 30× as long   |                          |
| missing      | 2s                | recipe: no zip on PATH    |               | ≥ 30× faster             |
| failed       | failed            | recipe: 1m0s              |               | ≥ 30× faster             |
| count        | 2 writes, 3 reads | recipe: 2 writes, 3 reads |               | 2 writes                 |
| wrong count  | 2 writes, 3 reads |                           |               | 3 writes **missed**      |
| failed count | failed            |                           |               | 2 writes                 |
`
	if diff := cmp.Diff(want, "\n"+out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestFormat(t *testing.T) {
	name, seconds := updates(1000, 0.5)
	for got, want := range map[string]string{
		megabytes(15_940_000):                    "15.9 MB",
		ratio(1, 30):                             "30× faster",
		ratio(1.0849, 1):                         "1.08× as long",
		fmt.Sprintf("%s: %.3f s", name, seconds): "2,000 updates at 7.5/s: 266.667 s",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
