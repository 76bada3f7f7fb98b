package traffic

import (
	"cmp"
	"encoding/json"
	"slices"
)

// ledger checks the records that a shard sends against those that it received. It
// does not use the queue of the poller, so it detects mistakes of the poller.
type ledger struct {
	open []entry // neither delivered nor dropped, oldest first

	retries, duplicates, outOfOrder int // see Report
}

// entry is a record.
type entry struct {
	number string
	sent   bool
}

func (l *ledger) produce(number string) { l.open = append(l.open, entry{number: number}) }

// send notes that an event with the records is sent. They must be the oldest open
// records in their order. Then the shard omits and repeats none.
func (l *ledger) send(numbers []string) {
	if len(l.open) > 0 && l.open[0].sent {
		l.retries++
	}
	for i, number := range numbers {
		at := i
		if at >= len(l.open) || l.open[at].number != number {
			l.outOfOrder++
			at = slices.IndexFunc(l.open, func(e entry) bool { return e.number == number })
		}
		if at < 0 || l.open[at].sent { // below 0, it is closed or was never produced
			l.duplicates++
			continue
		}
		l.open[at].sent = true
	}
}

// close notes that records are delivered or dropped. It returns how many of them
// were open.
func (l *ledger) close(numbers []string) int {
	before := len(l.open)
	l.open = slices.DeleteFunc(l.open, func(e entry) bool { return slices.Contains(numbers, e.number) })
	return before - len(l.open)
}

// numbers returns the sequence numbers of the records in an event.
func numbers(event []byte) []string {
	var e struct {
		Records []struct {
			Kinesis, DynamoDB struct{ SequenceNumber string }
		}
	}
	_ = json.Unmarshal(event, &e)
	numbers := make([]string, len(e.Records))
	for i, r := range e.Records {
		numbers[i] = cmp.Or(r.Kinesis.SequenceNumber, r.DynamoDB.SequenceNumber)
	}
	return numbers
}
