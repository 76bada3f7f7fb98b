// Package metrics keeps the metrics that Lambda sends to CloudWatch and answers
// GetMetricData from them.
//
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
package metrics

import (
	"maps"
	"sync"
	"time"
)

// Store keeps one aggregate for each metric and minute. Its methods may be
// called concurrently.
type Store struct {
	mu     sync.Mutex
	series map[series]map[int64]aggregate // by the beginning of the minute, in Unix seconds
}

// NewStore returns an empty store.
func NewStore() *Store { return &Store{series: map[series]map[int64]aggregate{}} }

type series struct{ metric, function, resource string }

type aggregate struct{ count, sum, minimum, maximum float64 }

func (a aggregate) plus(b aggregate) aggregate {
	switch {
	case a.count == 0:
		return b
	case b.count == 0:
		return a
	}
	return aggregate{a.count + b.count, a.sum + b.sum, min(a.minimum, b.minimum), max(a.maximum, b.maximum)}
}

// kept is how long CloudWatch keeps values by the minute, in seconds.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Metric
const kept = 15 * 24 * 3600

// Invocation is an attempt at an invocation that reached the function.
type Invocation struct {
	Function string
	Resource string    // the function as it was invoked: its name, with the qualifier if there was one
	Received time.Time // decides the minute of the metrics
	Duration time.Duration
	Failed   bool

	FromStream  bool          // whether the event is from a stream
	IteratorAge time.Duration // of the last record of such an event
}

// Add counts an invocation. Errors and Throttles are "binary indicators": an
// invocation without an error counts as a zero of Errors. Assumption: Throttles
// has these zeros too; the emulator throttles no invocation.
func (s *Store) Add(inv Invocation) {
	values := map[string]float64{"Invocations": 1, "Errors": 0, "Throttles": 0, "Duration": milliseconds(inv.Duration)}
	if inv.Failed {
		values["Errors"] = 1
	}
	if inv.FromStream {
		values["IteratorAge"] = milliseconds(inv.IteratorAge)
	}
	minute := inv.Received.Truncate(time.Minute).Unix()

	s.mu.Lock()
	defer s.mu.Unlock()
	for metric, value := range values {
		key := series{metric, inv.Function, inv.Resource}
		minutes := s.series[key]
		if minutes == nil {
			minutes = map[int64]aggregate{}
			s.series[key] = minutes
		}
		if _, known := minutes[minute]; !known {
			maps.DeleteFunc(minutes, func(old int64, _ aggregate) bool { return old < minute-kept })
		}
		minutes[minute] = minutes[minute].plus(aggregate{1, value, value, value})
	}
}

// Age makes all values older.
func (s *Store) Age(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, minutes := range s.series {
		aged := map[int64]aggregate{}
		for minute, a := range minutes {
			aged[minute-int64(by/time.Second)] = a
		}
		s.series[key] = aged
	}
}

func (s *Store) each(do func(key series, minute int64, a aggregate)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, minutes := range s.series {
		for minute, a := range minutes {
			do(key, minute, a)
		}
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
