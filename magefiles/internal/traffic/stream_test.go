package traffic

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// checkOrder checks the order of the records that a Kinesis function received: in
// each shard, a new record has a higher number than all before it. It returns the
// number of different records.
func checkOrder(t *testing.T, calls []invocation) int {
	t.Helper()
	last := map[int]string{}
	seen := map[string]bool{}
	for _, c := range calls {
		for _, r := range records(t, c.event) {
			shard, number := shardOf(t, r), r.Kinesis.SequenceNumber
			if !seen[number] && number <= last[shard] {
				t.Errorf("record %s of shard %d came after %s", number, shard, last[shard])
			}
			seen[number] = true
			last[shard] = max(last[shard], number)
		}
	}
	return len(seen)
}

func TestStream(t *testing.T) {
	event := sampleEvent(t, "order-stream")
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = func(int) time.Duration { return 250 * time.Millisecond }
		tr := start(t, f.config(), event, Options{Rate: 40, shards: 2, batch: 4})
		time.Sleep(9990 * time.Millisecond)
		if r := tr.Report()[0]; r.Produced != 400 || r.Delivered >= 400 || r.Pending != 400-r.Delivered || r.Clean() {
			t.Errorf("in progress: %+v", r)
		}
		// Each shard receives 20 records a second and processes 16.
		r := tr.Stop()[0]
		if r.Kind != Kinesis || r.Produced != 400 || r.Delivered != 400 || r.Duplicates != 0 || r.Retries != 0 || !r.Clean() {
			t.Errorf("report: %+v", r)
		}
		if r.WorstLatency != 250*time.Millisecond || r.WorstIteratorAge < 2*time.Second || r.WorstIteratorAge > 4*time.Second {
			t.Errorf("worst latency %s, worst iterator age %s", r.WorstLatency, r.WorstIteratorAge)
		}
		if f.most != 2 {
			t.Errorf("%d batches of two shards were in flight at once", f.most)
		}
		if n := checkOrder(t, f.seen()); n != 400 {
			t.Errorf("%d records were seen", n)
		}
		for i, c := range f.seen()[4:100] {
			if n := len(records(t, c.event)); n != 4 {
				t.Errorf("batch %d has %d records, want 4", i+4, n)
			}
		}
	})
}

// TestOutage checks that a failing function receives the same batch again at
// growing intervals, and all records after the outage.
func TestOutage(t *testing.T) {
	event := sampleEvent(t, "order-stream")
	for name, outage := range map[string]func() reply{"function": noBootstrap, "throttled": throttled} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.answer = func(n int, _ []byte) reply {
					if n < 8 {
						return outage()
					}
					return ok(`{"batchItemFailures":[]}`)
				}
				tr := start(t, f.config(), event, Options{shards: 1, retry: 100 * time.Millisecond})
				time.Sleep(6 * time.Second)
				r := tr.Stop()[0]

				var at []time.Duration
				for _, c := range f.seen()[:9] {
					at = append(at, c.at/time.Millisecond)
					if !bytes.Equal(c.event, f.seen()[0].event) {
						t.Errorf("a different batch was sent: %s", c.event)
					}
				}
				if want := []time.Duration{0, 100, 300, 700, 1500, 2300, 3100, 3900, 4700}; !slices.Equal(at, want) {
					t.Errorf("sent at %v ms, not %v", at, want)
				}
				if r.Errors != 8 || r.Retries != 8 || r.Duplicates != 8 || r.Lost != 0 || r.OutOfOrder != 0 || r.Delivered != r.Produced || r.Clean() {
					t.Errorf("report: %+v", r)
				}
				if r.WorstIteratorAge != 4700*time.Millisecond {
					t.Errorf("worst iterator age %s", r.WorstIteratorAge)
				}
				if n := checkOrder(t, f.seen()); n != r.Produced {
					t.Errorf("%d records were seen, %d produced", n, r.Produced)
				}
			})
		})
	}
}

// TestAttempts checks that limited attempts lose the records that the function
// fails, but not those that do not reach it.
func TestAttempts(t *testing.T) {
	event := sampleEvent(t, "order-stream")
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.answer = func(n int, _ []byte) reply {
			switch {
			case n < 3:
				return throttled()
			case n < 9:
				return noBootstrap()
			}
			return ok(`{}`)
		}
		tr := start(t, f.config(), event, Options{shards: 1, Attempts: 3, batch: 4, retry: 200 * time.Millisecond})
		time.Sleep(10 * time.Second)
		r := tr.Stop()[0]
		// The first batch has one record. Four more arrive meanwhile.
		if r.Lost != 5 || r.Delivered != r.Produced-5 || r.OutOfOrder != 0 || r.Clean() {
			t.Errorf("report: %+v", r)
		}
		if r.Errors != 9 || !strings.Contains(r.FirstError, "TooManyRequestsException") {
			t.Errorf("%d errors: %s", r.Errors, r.FirstError)
		}
		if n := checkOrder(t, f.seen()); n != r.Produced {
			t.Errorf("%d records were seen, %d produced", n, r.Produced)
		}
	})
}

// TestPartialResponse checks that the next batch begins with the first record that
// the function reported as failed.
func TestPartialResponse(t *testing.T) {
	event := sampleEvent(t, "order-stream")
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = func(n int) time.Duration {
			if n == 0 {
				return time.Second // while records gather
			}
			return 0
		}
		f.answer = func(n int, event []byte) reply {
			rs := records(t, event)
			switch n {
			case 1: // six, of which the third and the fifth fail
				return failed(rs[4].Kinesis.SequenceNumber, rs[2].Kinesis.SequenceNumber)
			case 2: // four, of which the last fails
				return failed(rs[3].Kinesis.SequenceNumber)
			}
			return failed()
		}
		tr := start(t, f.config(), event, Options{shards: 1, batch: 6, retry: 10 * time.Millisecond})
		time.Sleep(3990 * time.Millisecond)
		r := tr.Stop()[0]
		calls := f.seen()
		first, second, third := records(t, calls[1].event), records(t, calls[2].event), records(t, calls[3].event)
		if !slices.EqualFunc(first[2:], second, sameNumber) || !slices.EqualFunc(second[3:], third, sameNumber) {
			t.Errorf("batches of %d, then %d, then %d records", len(first), len(second), len(third))
		}
		if r.Errors != 2 || !strings.Contains(r.FirstError, "number 3 in a batch of 6") || r.Retries != 2 || r.Duplicates != 5 || r.Produced != 40 || r.Delivered != 40 || r.Lost != 0 || r.OutOfOrder != 0 {
			t.Errorf("report: %+v", r)
		}
		if n := checkOrder(t, calls); n != 40 {
			t.Errorf("%d records were seen", n)
		}
	})
}

// TestPause checks that records age during a pause, and none is lost.
func TestPause(t *testing.T) {
	event := sampleEvent(t, "order-stream")
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		tr := start(t, f.config(), event, Options{})
		time.Sleep(1050 * time.Millisecond)
		tr.Pause()
		tr.Pause()
		before := len(f.seen())
		time.Sleep(20 * time.Second)
		if n := len(f.seen()) - before; n != 0 {
			t.Errorf("%d batches were sent during the pause", n)
		}
		if r := tr.Report()[0]; r.Pending != 200 || r.WorstIteratorAge < 19*time.Second {
			t.Errorf("during the pause: %+v", r)
		}
		tr.Resume()
		tr.Resume()
		synctest.Wait()
		if r := tr.Report()[0]; r.Pending != 0 || r.WorstIteratorAge < 19*time.Second || r.WorstIteratorAge > 20*time.Second || !r.Clean() {
			t.Errorf("after the pause: %+v", r)
		}
		if n := len(records(t, f.seen()[before].event)); n != 10 {
			t.Errorf("the first batch after the pause has %d records", n)
		}

		// Stop ends a pause. Pause has no effect afterwards.
		tr.Pause()
		time.Sleep(5 * time.Second)
		r := tr.Stop()[0]
		tr.Pause()
		if r.Delivered != r.Produced || !r.Clean() {
			t.Errorf("at the end: %+v", r)
		}
	})
}

// TestPauseDuringStop checks that a pause does not block Stop.
func TestPauseDuringStop(t *testing.T) {
	event := sampleEvent(t, "order-stream")
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = func(int) time.Duration { return time.Second }
		tr := start(t, f.config(), event, Options{batch: 1})
		time.Sleep(990 * time.Millisecond)
		time.AfterFunc(time.Second, tr.Pause)
		if r := tr.Stop()[0]; r.Produced != 10 || !r.Clean() {
			t.Errorf("report: %+v", r)
		}
	})
}

// TestPauseDuringRetry checks that a batch that fails during a pause is sent again
// after it.
func TestPauseDuringRetry(t *testing.T) {
	event := sampleEvent(t, "order-stream")
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = func(int) time.Duration { return time.Second }
		f.answer = func(n int, _ []byte) reply {
			if n == 0 {
				return noBootstrap()
			}
			return ok(`{}`)
		}
		tr := start(t, f.config(), event, Options{shards: 1})
		time.Sleep(500 * time.Millisecond)
		tr.Pause()
		time.Sleep(9500 * time.Millisecond)
		if n := len(f.seen()); n != 1 {
			t.Errorf("%d batches were sent", n)
		}
		tr.Resume()
		synctest.Wait()
		if c := f.seen(); len(c) != 2 || c[1].at != 10*time.Second || !bytes.Equal(c[0].event, c[1].event) {
			t.Errorf("%d batches were sent", len(c))
		}
		if r := tr.Stop()[0]; r.Errors != 1 || r.Retries != 1 || r.Lost != 0 || r.Delivered != r.Produced {
			t.Errorf("report: %+v", r)
		}
	})
}

// TestDrain checks that Stop reports records as lost that it cannot deliver in time.
func TestDrain(t *testing.T) {
	event := sampleEvent(t, "order-stream")
	for name, test := range map[string]struct {
		hangs  bool
		cancel bool
		want   time.Duration
	}{
		"failing":           {false, false, 7 * time.Second},
		"hanging":           {true, false, 7 * time.Second},
		"failing, ctx done": {false, true, 2 * time.Second},
		"hanging, ctx done": {true, true, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				good := 5
				f.takes = func(n int) time.Duration {
					if test.hangs && n >= good {
						return time.Hour
					}
					return 0
				}
				f.answer = func(n int, _ []byte) reply {
					if n < good {
						return ok(`{}`)
					}
					return noBootstrap()
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				tr, err := Start(ctx, f.config(), []Source{{Function: "f", Events: [][]byte{event}}}, Options{shards: 1, drain: 7 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(2950 * time.Millisecond)
				began := time.Now()
				if test.cancel {
					cancel()
				}
				r := tr.Stop()[0]
				if took := time.Since(began); took != test.want {
					t.Errorf("Stop took %s", took)
				}
				if r.Produced != 30 || r.Delivered != good || r.Lost != 30-good || r.Pending != 0 || r.Clean() {
					t.Errorf("report: %+v", r)
				}
			})
		})
	}
}

// TestContext checks that the end of the context stops the traffic, and shortens
// the wait of Stop.
func TestContext(t *testing.T) {
	event := sampleEvent(t, "order-stream")
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = func(int) time.Duration { return 500 * time.Millisecond }
		ctx, cancel := context.WithCancel(t.Context())
		tr, err := Start(ctx, f.config(), []Source{{Function: "f", Events: [][]byte{event}}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(990 * time.Millisecond)
		cancel()
		time.Sleep(time.Minute)
		if r := tr.Report()[0]; r.Produced != 10 || r.Delivered != 10 || !r.Clean() {
			t.Errorf("report: %+v", r)
		}
		tr.Stop()
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = func(int) time.Duration { return time.Hour }
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		tr, err := Start(ctx, f.config(), []Source{{Function: "f", Events: [][]byte{event}}}, Options{drain: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		time.Sleep(time.Second)
		tr.Stop()
		if took := time.Since(began); took != 12*time.Second {
			t.Errorf("Stop took %s", took)
		}
	})
}

// TestManySources checks that the sources are distributed over the interval between
// events, and reported in their order.
func TestManySources(t *testing.T) {
	kinds := []string{"example-api", "order-stream", "inventory-table", "nightly-report"}
	samples := map[string][]byte{}
	for _, name := range kinds {
		samples[name] = sampleEvent(t, name)
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var sources []Source
		for i := range 20 {
			sources = append(sources, Source{Function: fmt.Sprintf("f%d", i), Events: [][]byte{samples[kinds[i%4]]}})
		}
		tr, err := Start(t.Context(), f.config(), sources, Options{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(9999 * time.Millisecond)
		want := []Kind{API, Kinesis, DynamoDB, Event}
		for i, r := range tr.Stop() {
			if r.Function != sources[i].Function || r.Kind != want[i%4] || r.Invocations != 100 || r.Produced != r.Delivered || !r.Clean() {
				t.Errorf("report: %+v", r)
			}
			if stream := r.Kind == Kinesis || r.Kind == DynamoDB; stream != (r.Produced == 100) || stream == (r.Produced == 0) {
				t.Errorf("report: %+v", r)
			}
		}
		for i, c := range f.seen()[:40] {
			if want := time.Duration(i) * 5 * time.Millisecond; c.at != want {
				t.Errorf("event %d was sent at %s, not %s", i, c.at, want)
			}
		}
	})
}

// TestRequestSize checks that a batch fits into a request.
func TestRequestSize(t *testing.T) {
	event := fmt.Appendf(nil, `{"Records":[{"eventSource":"aws:kinesis","kinesis":{"partitionKey":"k","data":%q}}]}`, strings.Repeat("x", 1_700_000))
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		tr := start(t, f.config(), event, Options{shards: 1})
		tr.Pause()
		time.Sleep(690 * time.Millisecond)
		r := tr.Stop()[0]
		for i, want := range []int{3, 3, 1} {
			if c := f.seen()[i]; len(records(t, c.event)) != want || len(c.event) > 6_000_000 {
				t.Errorf("batch %d has %d records in %d bytes, want %d records", i, len(records(t, c.event)), len(c.event), want)
			}
		}
		if !r.Clean() || r.Delivered != 7 {
			t.Errorf("report: %+v", r)
		}
	})
}

func sameNumber(a, b events.KinesisEventRecord) bool {
	return a.Kinesis.SequenceNumber == b.Kinesis.SequenceNumber
}
