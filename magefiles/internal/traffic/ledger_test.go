package traffic

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestLedger includes mistakes that the poller does not make.
func TestLedger(t *testing.T) {
	for name, test := range map[string]struct {
		steps                                              string // of a stream of records 1 to 6
		closed, retries, duplicates, outOfOrder, remaining int
	}{
		"one batch after another":    {"send 1 2 3, close 1 2 3, send 4, close 4, send 5 6, close 5 6", 6, 0, 0, 0, 0},
		"records left":               {"send 1 2, close 1 2, send 3", 2, 0, 0, 0, 4},
		"sent again":                 {"send 1 2, send 1 2, send 1 2 3, close 1 2 3", 3, 2, 4, 0, 3},
		"sent again from the third":  {"send 1 2 3 4, close 1 2, send 3 4, close 3 4", 4, 1, 2, 0, 2},
		"gap":                        {"send 1 2, close 1 2, send 4 5 6, close 4 5 6", 5, 0, 0, 3, 1},
		"gap in a batch":             {"send 1 3, close 1 3", 2, 0, 0, 1, 4},
		"wrong order":                {"send 2 1, close 2 1", 2, 0, 0, 2, 4},
		"twice in a batch":           {"send 1 1 2, close 1 1 2", 2, 0, 1, 2, 4},
		"sent again after delivery":  {"send 1 2, close 1 2, send 1 2 3, close 1 2 3", 3, 0, 2, 3, 3},
		"two batches in flight":      {"send 1 2, send 3 4, close 1 2, close 3 4", 4, 1, 0, 2, 2},
		"record that does not exist": {"send 1 7, close 1 7", 1, 0, 1, 1, 5},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledger{}
			for n := range 6 {
				l.produce(fmt.Sprint(n + 1))
			}
			closed := 0
			for step := range strings.SplitSeq(test.steps, ", ") {
				if numbers, ok := strings.CutPrefix(step, "send "); ok {
					l.send(strings.Fields(numbers))
				} else {
					closed += l.close(strings.Fields(strings.TrimPrefix(step, "close ")))
				}
			}
			got := []int{closed, l.retries, l.duplicates, l.outOfOrder, len(l.open)}
			want := []int{test.closed, test.retries, test.duplicates, test.outOfOrder, test.remaining}
			if !slices.Equal(got, want) {
				t.Errorf("closed, retries, duplicates, out of order, remaining: %v, want %v", got, want)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	for event, want := range map[string][]string{
		`{"Records":[{"kinesis":{"sequenceNumber":"49"}},{"kinesis":{"sequenceNumber":"50"}}]}`: {"49", "50"},
		`{"Records":[{"dynamodb":{"SequenceNumber":"7"}}]}`:                                     {"7"},
	} {
		if got := numbers([]byte(event)); !slices.Equal(got, want) {
			t.Errorf("%s: %q", event, got)
		}
	}
}
