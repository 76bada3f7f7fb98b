package traffic

import (
	"maps"
	"sync"
	"time"
)

// Report is the account of a source.
type Report struct {
	Function string
	Kind     Kind

	Invocations int // requests sent, with those sent again
	Errors      int // invocations that failed, and calls that could not be sent
	Retries     int // batches sent again, whole or from the first record that failed

	// Of the records of a stream; a caller has none.
	Produced   int // records that arrived
	Delivered  int // records that the function has processed
	Duplicates int // times that a record was sent again: the function may have seen it before
	OutOfOrder int // records sent when it was not their turn in their shard
	Lost       int // records dropped when their attempts were used up, or not delivered in the end
	Pending    int // records that are to be delivered yet; none in the end

	// Unverified is how many answers to an API caller could not be told to be
	// for its own request, since the function never says for which they are.
	Unverified int

	// WorstLatency is the longest time to an answer, good or bad: for a caller
	// since the call was due, for a stream since the batch was sent.
	WorstLatency time.Duration

	// WorstIteratorAge is the longest time that a record has waited: since the
	// oldest record of a shard that is not processed arrived. It is looked at
	// when a batch is answered, and for a report. AWS's metric of that name
	// leaves out the time that the function takes.
	//
	// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
	WorstIteratorAge time.Duration

	FirstError string         // what the first error said
	ErrorTypes map[string]int // Errors by type: the code of the API, the function's error type, or a word for it
}

// Clean says whether all went well: no errors, nothing lost or pending, and
// nothing out of order.
func (r Report) Clean() bool {
	return r.Errors == 0 && r.Lost == 0 && r.Pending == 0 && r.OutOfOrder == 0
}

// fail counts an error.
func (r *Report) fail(f *failure, times int) {
	if r.Errors == 0 {
		r.FirstError = f.Error()
	}
	if r.ErrorTypes == nil {
		r.ErrorTypes = map[string]int{}
	}
	r.Errors += times
	r.ErrorTypes[f.kind] += times
}

// tally is a report that many goroutines write.
type tally struct {
	mu sync.Mutex
	Report
}

// invoked counts an invocation; f is nil if it went well.
func (t *tally) invoked(latency time.Duration, f *failure) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Invocations++
	t.WorstLatency = max(t.WorstLatency, latency)
	if f != nil {
		t.fail(f, 1)
	}
}

// retried counts a batch that is sent again.
func (t *tally) retried() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Retries++
}

// copy is the report so far.
func (t *tally) copy() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.Report
	r.ErrorTypes = maps.Clone(r.ErrorTypes)
	return r
}
