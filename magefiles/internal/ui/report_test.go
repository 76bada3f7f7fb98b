package ui

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/rollout"
)

func TestLinesAreInOrder(t *testing.T) {
	var out bytes.Buffer
	lines := NewLines(&out)
	lines.Put(2, rollout.Result{Function: "c"})
	lines.Put(1, rollout.Result{Function: "b", Err: errors.New("too <large>\nby far")})
	if out.Len() > 0 {
		t.Errorf("written before the first is there:\n%s", out.String())
	}
	lines.Put(0, rollout.Result{
		Function: "a",
		After:    rollout.State{Runtime: "provided.al2023", Handler: "bootstrap", LastModified: "2024-01-01T00:00:00.000+0000", Architecture: "x86_64", CodeSha256: "abc="},
		Done:     []rollout.Step{{Kind: rollout.UpdateCode}, {Kind: rollout.UpdateConfiguration}},
	})
	want := `{"FunctionName":"a","Runtime":"provided.al2023","Handler":"bootstrap","LastModified":"2024-01-01T00:00:00.000+0000","Architecture":"x86_64","CodeSha256":"abc=","Changes":["UpdateFunctionCode","UpdateFunctionConfiguration"]}
{"FunctionName":"b","Runtime":"","Handler":"","LastModified":"","Architecture":"","CodeSha256":"","Changes":[],"Error":"too <large>\nby far"}
{"FunctionName":"c","Runtime":"","Handler":"","LastModified":"","Architecture":"","CodeSha256":"","Changes":[]}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out)
	p.Step(rollout.Event{Function: "a", Step: rollout.Step{Kind: rollout.Wait}})
	p.Result(rollout.Result{Function: "a", Before: rollout.State{Runtime: "go1.x"}, After: rollout.State{Runtime: "provided.al2023"}, Done: []rollout.Step{{}}})
	p.Result(rollout.Result{Function: "b", After: rollout.State{Runtime: "provided.al2023"}, Done: []rollout.Step{{}}, Before: rollout.State{Runtime: "provided.al2023"}})
	p.Result(rollout.Result{Function: "c", After: rollout.State{Runtime: "provided.al2023"}})
	p.Result(rollout.Result{Function: "d", Err: errors.New("first line\nsecond line")})
	want := []string{
		"a: wait until the update is complete",
		"a: done, go1.x → provided.al2023",
		"b: done, provided.al2023",
		"c: nothing to do, provided.al2023",
		"d: FAILED: first line",
	}
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		if elapsed, text, _ := strings.Cut(line, "s  "); text != want[i] || strings.TrimSpace(elapsed) != "0.0" {
			t.Errorf("line %d is %q, want %q", i, line, want[i])
		}
	}
}

func TestCounts(t *testing.T) {
	if got, want := Counts(map[string]int{"b": 2, "a": 1}), "1 a, 2 b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Counts(nil); got != "none" {
		t.Errorf("got %q", got)
	}
}
