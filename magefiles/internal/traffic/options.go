package traffic

import (
	"fmt"
	"time"
)

// Options set up traffic; they hold for each source by itself. The zero value
// is usable.
type Options struct {
	// Rate is how many calls, or how many records over all shards, a second.
	// Default 10.
	Rate float64

	// Concurrency is how many calls of a caller may be in flight. A call that
	// is due when so many are waits for its turn, and its latency counts from
	// when it was due. Default 64.
	Concurrency int

	// Shards is how many shards a stream has. Each has at most one batch in
	// flight. Default 2.
	Shards int

	// Batch is how many records a batch holds at most; it holds those that are
	// there, without waiting for more, and never more than fit into a request.
	// AWS allows 10000 at most. Default 10.
	Batch int

	// Attempts is how often the function may fail a record before it is dropped,
	// and so lost; one more than AWS's MaximumRetryAttempts. As there, only
	// the function's own failures count, and not those to reach it, such as
	// throttling. Default 0, which is no limit, as on AWS.
	//
	// https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
	Attempts int

	// Retry is the delay before a failed batch is sent again. It doubles with
	// each failure of the batch, up to eight times itself. AWS does not tell
	// its own. Default 100ms.
	Retry time.Duration

	// Drain is how long Stop waits at most for what was produced to be dealt
	// with. Default 30s.
	Drain time.Duration
}

// maxBatch is AWS's limit.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
const maxBatch = 10_000

// withDefaults fills in what is not set and refuses what cannot be.
func (o Options) withDefaults() (Options, error) {
	if !(o.Rate >= 0 && o.Rate <= 1e6) {
		return o, fmt.Errorf("rate %v is not between 0 and a million a second", o.Rate)
	}
	for _, n := range []struct {
		name         string
		value        *int
		normal, most int
	}{
		{"concurrency", &o.Concurrency, 64, 1 << 20},
		{"number of shards", &o.Shards, 2, 1000},
		{"batch size", &o.Batch, 10, maxBatch},
		{"number of attempts", &o.Attempts, 0, maxBatch + 1},
	} {
		if *n.value < 0 || *n.value > n.most {
			return o, fmt.Errorf("%s %d is not between 0 and %d", n.name, *n.value, n.most)
		}
		if *n.value == 0 {
			*n.value = n.normal
		}
	}
	for _, d := range []struct {
		name   string
		value  *time.Duration
		normal time.Duration
	}{
		{"retry delay", &o.Retry, 100 * time.Millisecond},
		{"drain time", &o.Drain, 30 * time.Second},
	} {
		if *d.value < 0 {
			return o, fmt.Errorf("%s %s is negative", d.name, *d.value)
		}
		if *d.value == 0 {
			*d.value = d.normal
		}
	}
	if o.Rate == 0 {
		o.Rate = 10
	}
	return o, nil
}

// interval is the time that n events take.
func (o Options) interval(n int) time.Duration {
	return time.Duration(float64(n) / o.Rate * float64(time.Second))
}
