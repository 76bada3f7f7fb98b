package rehearsal

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/sample"
	"example.com/dualboot/magefiles/internal/traffic"
	"example.com/dualboot/magefiles/internal/ui"
)

// played returns a stage on which functions, by name, were invoked before and after
// the migration with the events, in order. An event with the content "bad" failed.
func played(names []string, events map[string][]sample.Event) (*stage, *strings.Builder) {
	out := &strings.Builder{}
	s := &stage{options: Options{UI: ui.New(out, io.Discard)}, samples: map[string]sample.Set{}, served: map[string]emulator.Deployment{}, deployments: 4}
	answers := map[string][]answer{}
	for _, name := range names {
		s.functions = append(s.functions, &fleet.Function{Target: manifest.Target{FunctionName: name}})
		s.samples[name] = sample.Set{Events: events[name]}
		for _, e := range events[name] {
			a := newAnswer([]byte("1"))
			if string(e.JSON) == "bad" {
				a = noAnswer(errors.New("no database"))
			}
			answers[name] = append(answers[name], a)
		}
	}
	s.acts = []act{{name: "before", answers: answers}, {name: "deployed", answers: answers}}
	return s, out
}

func TestDoubts(t *testing.T) {
	own := sample.Event{Name: "event.json", JSON: []byte("{}")}
	bad := sample.Event{Name: "events/b.json", JSON: []byte("bad")}
	unknown, kinesis := sample.Event{Origin: sample.Unknown}, sample.Event{Origin: sample.MadeUp, Shape: "Kinesis"}
	badUnknown, badKinesis := unknown, kinesis
	badUnknown.JSON, badKinesis.JSON = []byte("bad"), []byte("bad")
	names := []string{"good", "needless", "fails", "partly", "none", "badnone", "madeup", "badmadeup", "quiet"}
	s, out := played(names, map[string][]sample.Event{
		"good": {own}, "needless": {{Origin: sample.Needless}}, "fails": {bad}, "partly": {own, bad}, "none": {unknown}, "badnone": {badUnknown},
		"madeup": {kinesis}, "badmadeup": {badKinesis}, "quiet": {own},
	})
	var reports []traffic.Report
	for _, name := range names[:len(names)-1] {
		reports = append(reports, traffic.Report{Function: name, Invocations: 1})
	}
	if err := s.writeDoubts(reports); err != nil {
		t.Fatal(err)
	}
	want := `
warning: little or nothing was learnt about these functions
  failed from the start: fails, partly (with events/b.json), badnone (with {}), badmadeup (with a made-up Kinesis event)
  no event, {} instead: none
  no event, a made-up one instead: madeup (Kinesis)
  no traffic: quiet
`
	if out.String() != want {
		t.Errorf("got %s\nwant %s", out, want)
	}

	s, out = played([]string{"good"}, map[string][]sample.Event{"good": {own}})
	if err := s.writeDoubts(reports); err != nil || out.Len() > 0 {
		t.Errorf("%v, %s", err, out)
	}
}

func TestLearnt(t *testing.T) {
	bad := []byte("bad")
	for _, test := range []struct {
		events []sample.Event
		learnt bool
	}{
		{[]sample.Event{{}}, true},
		{[]sample.Event{{Origin: sample.MadeUp}}, true},
		{[]sample.Event{{Origin: sample.Needless}}, true},
		{[]sample.Event{{JSON: bad}, {}}, true},
		{[]sample.Event{{Origin: sample.Unknown}}, false},
		{[]sample.Event{{JSON: bad}}, false},
		{[]sample.Event{{Origin: sample.MadeUp, JSON: bad}}, false},
	} {
		s, _ := played([]string{"other", "f"}, map[string][]sample.Event{"other": {{JSON: bad}}, "f": test.events})
		if err := s.checkLearnt(); (err == nil) != test.learnt {
			t.Errorf("%+v: %v", test.events, err)
		}
	}
}

func TestChanges(t *testing.T) {
	s, out := played([]string{"same", "f", "failing"}, map[string][]sample.Event{
		"same": {{}}, "f": {{Name: "event.json"}, {Name: "events/b.json"}}, "failing": {{JSON: []byte("bad")}},
	})
	if err := s.writeChanges(); err != nil || out.Len() > 0 {
		t.Errorf("%v, %s", err, out)
	}
	long := `{"time":"2024-02-01T03:04:05Z","name":"a long name","runtime":`
	s.acts[0].answers = map[string][]answer{
		"same": {newAnswer([]byte(`"2024-02-01T03:04:05Z 12345"`))}, "f": {newAnswer([]byte("1")), newAnswer([]byte(long + `"go1.x"}`))}, "failing": s.acts[0].answers["failing"],
	}
	s.acts[1].answers = map[string][]answer{
		"same": {newAnswer([]byte(`"2024-02-01T03:04:06Z 54321"`))}, "f": {newAnswer([]byte("1")), newAnswer([]byte(long + `""}`))}, "failing": {newAnswer([]byte("1"))},
	}
	if err := s.writeChanges(); err != nil {
		t.Error(err)
	}
	want := `
warning: these functions do not fail, but answer otherwise than before
  f: when deployed, it answered events/b.json with "…ng name\",\"runtime\":\"go1.x\"}" before and "…ng name\",\"runtime\":\"\"}" now
`
	if out.String() != want {
		t.Errorf("got %s\nwant %s", out, want)
	}
	if got, want := s.verdict(nil, nil), "PASS: 2 functions answered, 1 of them otherwise than before, 1 failed from the start; "; !strings.HasPrefix(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestCheck checks that each event is compared with itself.
func TestCheck(t *testing.T) {
	s, _ := played([]string{"f", "g"}, map[string][]sample.Event{
		"f": {{Name: "event.json"}, {Name: "events/b.json"}, {Name: "events/c.json", JSON: []byte("bad")}}, "g": {{}},
	})
	if err := s.check(nil); err != nil {
		t.Error(err)
	}
	now := slices.Clone(s.acts[0].answers["f"])
	now[1] = noAnswer(errors.New("no certificate"))
	s.acts[1].answers = map[string][]answer{"f": now, "g": s.acts[0].answers["g"]}
	err := s.check([]traffic.Report{{Function: "g", Errors: 1, Invocations: 2, FirstError: "oops"}})
	want := `2 of 2 functions failed:
  - invoking, when deployed, "f": it answered events/b.json with "1" before and "no certificate" now
  - sending events to "g": 1 of 2 invocations failed, 0 records were lost and 0 out of order: oops`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}

	s, _ = played([]string{"f"}, map[string][]sample.Event{"f": {{}}})
	s.serve(emulator.Deployment{Function: "f", Runtime: "provided.al2023", Handler: "bootstrap", Files: []string{"lambda"}})
	err = s.check(nil)
	want = `serving "f": provided.al2023 with handler bootstrap finds no bootstrap in the zip, which contains only lambda`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestVerdict(t *testing.T) {
	s, _ := played([]string{"f", "g", "h"}, map[string][]sample.Event{"f": {{}}, "g": {{}}, "h": {{JSON: []byte("bad")}}})
	reports := []traffic.Report{
		{Function: "f", Invocations: 1200, Produced: 30},
		{Function: "g", Invocations: 1, Errors: 1, Produced: 1, Lost: 1, Pending: 1},
	}
	figures := "; 1,201 invocations, 1 error; 31 records, 2 lost; 4 deployments, 0 unable to start"
	failed := func(names ...string) error {
		var list []*fleet.Function
		for _, name := range names {
			f := &fleet.Function{Target: manifest.Target{FunctionName: name}}
			f.Fail(fleet.Building, "building", errors.New("x"))
			list = append(list, f)
		}
		return fleet.Errors(list)
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, "PASS: 2 functions answered as before, 1 failed from the start"},
		{errors.Join(failed("g"), fmt.Errorf("deploying: %w", failed("f", "g"))), "FAIL: 2 functions: g, f"},
		{failed("a", "b", "c", "d", "e", "f"), "FAIL: 6 functions: a, b, c, d, e and 1 more"},
		{errNothingLearnt, "FAIL: nothing was learnt: every function failed from the start or had no event"},
		{errors.Join(failed("g"), fleet.ErrInterrupted), "FAIL: interrupted"},
		{errors.New("disk full\nmore"), "FAIL: disk full"},
	} {
		if got := s.verdict(reports, test.err); got != test.want+figures {
			t.Errorf("got  %s\nwant %s", got, test.want+figures)
		}
	}
	s.serve(emulator.Deployment{Function: "f"})
	if got, want := s.verdict(nil, nil), "; 0 invocations, 0 errors; 0 records, 0 lost; 5 deployments, 1 unable to start"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got)
	}
	s.options.Window = 2 * time.Second
	if got, want := s.verdict(nil, nil), "1 unable to start; the settle delay (0s) is shorter than the mixing window (2s)"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got)
	}
}
