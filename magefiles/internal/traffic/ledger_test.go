package traffic

import (
	"fmt"
	"strings"
	"testing"
)

// event is a DynamoDB event of records with the given numbers.
func event(numbers string) []byte {
	var batch []record
	for _, n := range strings.Fields(numbers) {
		batch = append(batch, record{json: fmt.Appendf(nil, `{"dynamodb":{"SequenceNumber":%q}}`, n)})
	}
	return join(batch)
}

// The ledger notices what a poller may do wrong, even if ours does not.
func TestLedger(t *testing.T) {
	for name, test := range map[string]struct {
		steps                                            string // of a stream of records 1 to 6
		delivered, duplicates, outOfOrder, dropped, open int
	}{
		"one after another":       {"send 1 2 3, deliver 1 2 3, send 4, deliver 4, send 5 6, deliver 5 6", 6, 0, 0, 0, 0},
		"not all yet":             {"send 1 2, deliver 1 2, send 3", 2, 0, 0, 0, 4},
		"sent again":              {"send 1 2, send 1 2, send 1 2 3, deliver 1 2 3", 3, 4, 0, 0, 3},
		"from a checkpoint":       {"send 1 2 3 4, deliver 1 2, send 3 4, deliver 3 4", 4, 2, 0, 0, 2},
		"dropped":                 {"send 1 2, drop 1 2, send 3 4, deliver 3 4", 2, 0, 0, 2, 2},
		"one left out":            {"send 1 2, deliver 1 2, send 4 5 6, deliver 4 5 6", 5, 0, 3, 0, 1},
		"one left out of a batch": {"send 1 3, deliver 1 3", 2, 0, 1, 0, 4},
		"two swapped":             {"send 2 1, deliver 2 1", 2, 0, 2, 0, 4},
		"one twice in a batch":    {"send 1 1 2, deliver 1 1 2", 2, 1, 2, 0, 4},
		"back behind checkpoint":  {"send 1 2, deliver 1 2, send 1 2 3, deliver 1 2 3", 3, 2, 3, 0, 3},
		"two batches in flight":   {"send 1 2, send 3 4, deliver 1 2, deliver 3 4", 4, 0, 2, 0, 2},
		"never produced":          {"send 1 7, deliver 1 7", 1, 1, 1, 0, 5},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledger{kind: DynamoDB}
			for n := range 6 {
				l.produce(fmt.Sprint(n + 1))
			}
			for step := range strings.SplitSeq(test.steps, ", ") {
				do, records, _ := strings.Cut(step, " ")
				n := len(strings.Fields(records))
				switch do {
				case "send":
					l.send(event(records))
				case "deliver":
					l.deliver(event(records), n)
				case "drop":
					l.drop(event(records), n)
				}
			}
			var r Report
			l.add(&r)
			want := Report{Produced: 6, Delivered: test.delivered, Duplicates: test.duplicates, OutOfOrder: test.outOfOrder, Lost: test.dropped, Pending: test.open}
			if fmt.Sprint(r) != fmt.Sprint(want) {
				t.Errorf("%+v, not %+v", r, want)
			}
		})
	}
}
