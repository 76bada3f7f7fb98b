package emulator

import (
	"sync"
	"time"
)

// metrics is what Lambda tells CloudWatch of invocations, a minute at a time.
// What is kept are aggregates, for as long as CloudWatch keeps minutes apart.
//
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
type metrics struct {
	mu     sync.Mutex
	series map[series]map[int64]aggregate // by the minute's beginning, in Unix seconds
}

// series says what a metric's values are of.
type series struct {
	metric   string
	function string
	resource string // the function as it was invoked: its name, and the qualifier if there was one
}

// aggregate is what is left of samples that came together.
type aggregate struct {
	count, sum, minimum, maximum float64
}

func (a aggregate) with(b aggregate) aggregate {
	switch {
	case a.count == 0:
		return b
	case b.count == 0:
		return a
	}
	return aggregate{a.count + b.count, a.sum + b.sum, min(a.minimum, b.minimum), max(a.maximum, b.maximum)}
}

func newMetrics() *metrics {
	return &metrics{series: map[series]map[int64]aggregate{}}
}

// minutesKept is how long CloudWatch keeps data points of one minute.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Metric
const minutesKept = 15 * 24 * time.Hour

// served is an invocation that came to an end, be it the function's error.
type served struct {
	at     time.Time // when it was received, whose minute its metrics are of
	took   time.Duration
	failed bool

	fromStream bool
	age        time.Duration // of the last record, if it came from a stream
}

// add counts an invocation. Errors and Throttles are "binary indicators": one
// that was neither counts as zero of each. That Throttles has these zeros too is
// an assumption; nothing is throttled here.
func (m *metrics) add(t target, s served) {
	resource := t.name
	if t.qualifier != "" {
		resource += ":" + t.qualifier
	}
	values := map[string]float64{
		"Invocations": 1,
		"Errors":      0,
		"Throttles":   0,
		"Duration":    milliseconds(s.took),
	}
	if s.failed {
		values["Errors"] = 1
	}
	if s.fromStream {
		values["IteratorAge"] = milliseconds(s.age)
	}
	minute := s.at.Truncate(time.Minute).Unix()

	m.mu.Lock()
	defer m.mu.Unlock()
	for metric, value := range values {
		key := series{metric, t.name, resource}
		minutes := m.series[key]
		if minutes == nil {
			minutes = map[int64]aggregate{}
			m.series[key] = minutes
		}
		if _, ok := minutes[minute]; !ok {
			for old := range minutes {
				if old < minute-int64(minutesKept/time.Second) {
					delete(minutes, old)
				}
			}
		}
		minutes[minute] = minutes[minute].with(aggregate{1, value, value, value})
	}
}

// minutes is what there is of the series that are chosen, from start to before
// end, both in Unix seconds.
func (m *metrics) minutes(chosen func(series) bool, start, end int64) map[int64]aggregate {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[int64]aggregate{}
	for key, minutes := range m.series {
		if !chosen(key) {
			continue
		}
		for minute, a := range minutes {
			if start <= minute && minute < end {
				found[minute] = found[minute].with(a)
			}
		}
	}
	return found
}

// unit is what a metric's values are measured in.
func unit(metric string) string {
	if metric == "Duration" || metric == "IteratorAge" {
		return "Milliseconds"
	}
	return "Count"
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
