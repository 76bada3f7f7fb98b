package health

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrint(t *testing.T) {
	changed, to := utc("2026-11-22 10:00:30"), utc("2026-11-22 11:00:00")
	var out strings.Builder
	Print(&out, []Comparison{
		{
			Function: "prod-example-api", Changed: changed,
			Before:   Figures{To: to, Invocations: 1204, Throttles: 3, Duration: 12345 * time.Microsecond},
			After:    Figures{To: to, Invocations: 1190, Errors: 31, Duration: 12 * time.Millisecond},
			Problems: []string{"errors rose"},
		},
		{
			Function: "prod-events", Changed: changed,
			Before: Figures{To: to},
			After:  Figures{To: to, Invocations: 7, Duration: 2 * time.Second, IteratorAge: 1200 * time.Millisecond, Stream: true},
		},
		{Function: "prod-new", Changed: changed, Problems: []string{"none has passed", "another"}},
	})
	want := `
FUNCTION          SINCE                 INVOCATIONS    ERRORS                THROTTLES  DURATION       ITERATOR AGE  VERDICT
prod-example-api  2026-11-22 10:00 UTC  1,204 → 1,190  0 (0 %) → 31 (2.6 %)  3 → 0      12.3ms → 12ms                1 problem
prod-events       2026-11-22 10:00 UTC  0 → 7          0 (0 %) → 0 (0 %)     0 → 0      - → 2s         - → 1.2s      healthy
prod-new          2026-11-22 10:00 UTC                                                                               2 problems
`
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
