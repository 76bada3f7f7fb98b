package health

import (
	"encoding/json"
	"time"
)

// figures is the JSON form of Figures.
type figures struct {
	From          time.Time `json:",omitzero"`
	To            time.Time `json:",omitzero"`
	Invocations   int64
	Errors        int64
	Throttles     int64
	DurationMs    float64  // average
	IteratorAgeMs *float64 `json:",omitempty"` // maximum; only where a stream is read
}

// MarshalJSON writes durations as numbers of milliseconds.
func (f Figures) MarshalJSON() ([]byte, error) {
	out := figures{
		From: f.From, To: f.To,
		Invocations: f.Invocations, Errors: f.Errors, Throttles: f.Throttles,
		DurationMs: inMilliseconds(f.Duration),
	}
	if f.Stream {
		age := inMilliseconds(f.IteratorAge)
		out.IteratorAgeMs = &age
	}
	return json.Marshal(out)
}

// comparison is the JSON form of Comparison.
type comparison struct {
	FunctionName  string
	Healthy       bool
	Problems      []string
	Changed       time.Time
	Before, After Figures
}

// MarshalJSON adds whether the function is healthy.
func (c Comparison) MarshalJSON() ([]byte, error) {
	return json.Marshal(comparison{
		FunctionName: c.Function,
		Healthy:      c.Healthy(),
		Problems:     append([]string{}, c.Problems...),
		Changed:      c.Changed.UTC(),
		Before:       c.Before,
		After:        c.After,
	})
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
