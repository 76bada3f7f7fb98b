package report

import (
	"bytes"
	"encoding/json"
	"io"
	"time"
)

// traceEvent is an event in the Trace Event Format, which Perfetto opens. Times are
// in microseconds. Source:
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
type traceEvent struct {
	Name     string         `json:"name"`
	Phase    string         `json:"ph"`
	Time     int64          `json:"ts"`
	Duration *int64         `json:"dur,omitempty"`
	Process  int            `json:"pid"`
	Thread   int            `json:"tid"`
	Scope    string         `json:"s,omitempty"`
	Args     map[string]any `json:"args,omitempty"`
}

// The groups of tracks of a trace.
const (
	commandGroup = 1 + iota
	functionGroup
	trafficGroup
)

// WriteTrace writes a timeline as trace events for https://ui.perfetto.dev: a track
// for each stage and each function, and counters of invocations and errors.
func WriteTrace(w io.Writer, t Timeline) error {
	b := bytes.NewBufferString("[")
	for i, e := range trace(&t) {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteString(",\n")
		}
		b.Write(line)
	}
	b.WriteString("]\n")
	_, err := w.Write(b.Bytes())
	return err
}

func trace(t *Timeline) []traceEvent {
	args := map[string]any{"command": t.Title, "began": t.Began.UTC().Format(time.RFC3339Nano), "verdict": t.Verdict}
	events := []traceEvent{
		complete("dualboot", commandGroup, 0, Span{0, t.Took}, args), // see traceMark
		named("process_name", commandGroup, 0, t.Title),
		named("thread_name", commandGroup, 0, "command"),
		named("process_name", functionGroup, 0, "functions"),
	}
	for i, s := range t.Stages {
		events = append(events, named("thread_name", commandGroup, i+1, s.Name), sorted(commandGroup, i+1))
		for _, span := range s.Spans {
			events = append(events, complete(s.Name, commandGroup, i+1, span, nil))
		}
	}
	for i, f := range t.Functions {
		events = append(events, f.trace(i+1)...)
	}
	if t.Traffic != nil {
		events = append(events, named("process_name", trafficGroup, 0, "traffic"))
	}
	for i, c := range t.Traffic {
		events = append(events, traceEvent{
			Name: "in 100 ms", Phase: "C", Time: (time.Duration(i) * Tick).Microseconds(), Process: trafficGroup,
			Args: map[string]any{"invocations": c.Invocations, "errors": c.Errors},
		})
	}
	return events
}

// trace returns the events of a function on a track.
func (f *Function) trace(track int) []traceEvent {
	events := []traceEvent{named("thread_name", functionGroup, track, f.Name), sorted(functionGroup, track)}
	var end time.Duration
	for _, s := range f.Segments {
		events = append(events, complete(s.short(), functionGroup, track, s.Span, map[string]any{"step": s.Text, "queued": s.Queued}))
		end = s.End
	}
	if f.Reason != "" {
		events = append(events, traceEvent{
			Name: f.outcome(), Phase: "i", Scope: "t", Time: end.Microseconds(), Process: functionGroup, Thread: track,
			Args: map[string]any{"reason": f.Reason},
		})
	}
	return events
}

// complete returns a slice of a track.
func complete(name string, process, thread int, s Span, args map[string]any) traceEvent {
	took := s.End.Microseconds() - s.Begin.Microseconds()
	return traceEvent{Name: name, Phase: "X", Time: s.Begin.Microseconds(), Duration: &took, Process: process, Thread: thread, Args: args}
}

// named names a process or a thread, which are groups and tracks.
func named(what string, process, thread int, name string) traceEvent {
	return traceEvent{Name: what, Phase: "M", Process: process, Thread: thread, Args: map[string]any{"name": name}}
}

// sorted keeps a track in its place.
func sorted(process, thread int) traceEvent {
	return traceEvent{Name: "thread_sort_index", Phase: "M", Process: process, Thread: thread, Args: map[string]any{"sort_index": thread}}
}
