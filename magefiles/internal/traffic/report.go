package traffic

import "time"

// Report is the account of a source.
type Report struct {
	Function string
	Kind     Kind

	Invocations int // requests, including repeated ones
	Errors      int // failed invocations, and calls that could not be sent
	Retries     int // batches sent again, from the first failed record

	// Produced to Pending count the records of a stream; they are 0 for a caller.
	Produced   int // records that arrived
	Delivered  int // records that the function has processed
	Duplicates int // repeated records, which the function may have seen before
	OutOfOrder int // records sent before their turn in their shard, or after it
	Lost       int // records dropped after their last attempt, or not delivered at the end
	Pending    int // records not delivered yet; 0 at the end

	// Unverified counts the answers to an API caller that do not identify their
	// request. The function identifies none.
	Unverified int

	// WorstLatency is the longest time until an answer, good or bad: since a call
	// was due, or since a batch was sent.
	WorstLatency time.Duration

	// WorstIteratorAge is the longest time since the arrival of the oldest record
	// of a shard that was not processed. It is measured at each answer and each
	// report. AWS's metric of that name excludes the duration of the invocation.
	// Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
	WorstIteratorAge time.Duration

	FirstError string // the message of the first error
}

// Clean reports whether there are no errors, and no records lost, pending or out of
// order.
func (r Report) Clean() bool {
	return r.Errors == 0 && r.Lost == 0 && r.Pending == 0 && r.OutOfOrder == 0
}

// invoked counts an invocation.
func (r *Report) invoked(latency time.Duration, err error) {
	r.Invocations++
	r.WorstLatency = max(r.WorstLatency, latency)
	if err != nil {
		r.fail(err, 1)
	}
}

// fail counts errors.
func (r *Report) fail(err error, times int) {
	if r.Errors == 0 {
		r.FirstError = err.Error()
	}
	r.Errors += times
}
