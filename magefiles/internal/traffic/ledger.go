package traffic

import (
	"encoding/json"
	"slices"
)

// ledger checks the records of a shard by what was produced and by what went
// over the wire. It knows nothing of the poller's queue, so as to notice what
// that does wrong.
type ledger struct {
	kind Kind
	open []entry // neither delivered nor dropped, oldest first

	produced, delivered, lost, duplicates, outOfOrder int
}

// entry is a record by its sequence number.
type entry struct {
	number string
	sent   bool
}

func (l *ledger) produce(number string) {
	l.produced++
	l.open = append(l.open, entry{number: number})
}

// send notes that an event goes out. Its records must be the oldest open ones,
// in their order: then none is left out and none is sent that was delivered.
func (l *ledger) send(event []byte) {
	for i, number := range numbers(l.kind, event) {
		at := i
		if at >= len(l.open) || l.open[at].number != number {
			l.outOfOrder++
			if at = l.find(number); at < 0 {
				l.duplicates++ // or never produced
				continue
			}
		}
		if l.open[at].sent {
			l.duplicates++
		}
		l.open[at].sent = true
	}
}

// deliver notes that the first n records of an event were processed.
func (l *ledger) deliver(event []byte, n int) { l.delivered += l.close(event, n) }

// drop notes that the first n records of an event were given up.
func (l *ledger) drop(event []byte, n int) { l.lost += l.close(event, n) }

// close is how many of the first n records of an event were open.
func (l *ledger) close(event []byte, n int) (closed int) {
	for _, number := range numbers(l.kind, event)[:n] {
		switch at := l.find(number); {
		case at < 0:
			continue
		case at == 0: // as it should be, and it may be a long way to the end
			l.open = l.open[1:]
		default:
			l.open = slices.Delete(l.open, at, at+1)
		}
		closed++
	}
	return closed
}

func (l *ledger) find(number string) int {
	return slices.IndexFunc(l.open, func(e entry) bool { return e.number == number })
}

// add adds the account to a report.
func (l *ledger) add(r *Report) {
	r.Produced += l.produced
	r.Delivered += l.delivered
	r.Duplicates += l.duplicates
	r.OutOfOrder += l.outOfOrder
	r.Lost += l.lost
	r.Pending += len(l.open)
}

// numbers are the sequence numbers in an event, in its order.
func numbers(kind Kind, event []byte) []string {
	var e struct {
		Records []struct {
			Kinesis  struct{ SequenceNumber string }
			DynamoDB struct{ SequenceNumber string }
		}
	}
	_ = json.Unmarshal(event, &e)
	numbers := make([]string, len(e.Records))
	for i, r := range e.Records {
		numbers[i] = r.Kinesis.SequenceNumber
		if kind == DynamoDB {
			numbers[i] = r.DynamoDB.SequenceNumber
		}
	}
	return numbers
}
