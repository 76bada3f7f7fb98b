package ui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/report"
)

// function returns a function on its way from one runtime to another.
func function(name, before, after string, done ...fleet.Step) *fleet.Function {
	return &fleet.Function{
		Target:   manifest.Target{FunctionName: name},
		Observed: lambda.State{Runtime: before},
		Current:  lambda.State{Runtime: after},
		Done:     done,
	}
}

// failed returns a function that failed.
func failed(name string, err error) *fleet.Function {
	f := &fleet.Function{Target: manifest.Target{FunctionName: name}}
	f.Err = err
	return f
}

func TestResultsAreInOrder(t *testing.T) {
	var out bytes.Buffer
	a := function("a", "go1.x", "provided.al2023", fleet.Step{Kind: fleet.UpdateCode}, fleet.Step{Kind: fleet.UpdateConfiguration})
	a.Current = lambda.State{Runtime: "provided.al2023", Handler: "bootstrap", LastModified: "2024-01-01T00:00:00.000+0000", Architecture: "x86_64", CodeSha256: "abc="}
	b, c := failed("b", errors.New("too <large>\nby far")), function("c", "", "")
	results := New(&out, nil).NewResults([]*fleet.Function{a, b, c})
	results.Done(c)
	results.Done(b)
	if out.Len() > 0 {
		t.Errorf("written before the first function is done:\n%s", out.String())
	}
	results.Done(a)
	want := `{"FunctionName":"a","Runtime":"provided.al2023","Handler":"bootstrap","LastModified":"2024-01-01T00:00:00.000+0000","Architecture":"x86_64","CodeSha256":"abc=","Changes":["UpdateFunctionCode","UpdateFunctionConfiguration"]}
{"FunctionName":"b","Runtime":"","Handler":"","LastModified":"","Architecture":"","CodeSha256":"","Changes":[],"Error":"too <large>\nby far"}
{"FunctionName":"c","Runtime":"","Handler":"","LastModified":"","Architecture":"","CodeSha256":"","Changes":[]}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	if err := results.Finish(); err != nil {
		t.Error(err)
	}
}

func TestBrief(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"the zip is too large", "building: the zip is too large"},
		{"go build of lambda:\n# example.com/m/a\na/main.go:3:15: undefined: x\na/main.go:4:1: y", "a/main.go:3:15: undefined: x"},
		{"go build of lambda:\ngo: errors parsing go.mod:\n\tgo.mod:3: unknown directive", "go.mod:3: unknown directive"},
		{"go build of lambda:\nlink: out of memory", "building: go build of lambda:"},
	} {
		f := failed("a", nil)
		f.Fail(fleet.Building, "building", errors.New(test.text))
		if got := headline(f.Err); got != test.want {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestResultsThatCannotBeWritten(t *testing.T) {
	a := function("a", "", "")
	results := New(broken{}, nil).NewResults([]*fleet.Function{a})
	results.Done(a)
	if err := results.Finish(); err == nil || err.Error() != "writing the results: no space left" {
		t.Errorf("error %v", err)
	}
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	u := New(nil, &out)
	step := fleet.Step{Kind: fleet.Wait}
	u.Event(fleet.Event{Function: function("a", "", ""), Step: step})
	u.Result(function("a", "go1.x", "provided.al2023", step))
	u.Result(function("b", "provided.al2023", "provided.al2023", step))
	u.Result(function("c", "provided.al2023", "provided.al2023"))
	u.Result(failed("d", errors.New("first line\nsecond line")))
	u.Result(failed("e", &fleet.Error{Doing: "settling", Err: fleet.ErrInterrupted}))
	want := []string{
		"a: wait until the update is complete",
		"a: done, go1.x → provided.al2023",
		"b: done, provided.al2023",
		"c: nothing to do, provided.al2023",
		"d: FAILED, see below",
		"e: stopped while settling",
	}
	for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		if elapsed, text, _ := strings.Cut(line, "s  "); text != want[i] || strings.TrimSpace(elapsed) != "0.0" {
			t.Errorf("line %d is %q, want %q", i, line, want[i])
		}
	}
}

// TestSilence waits from the beginning of a command.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		u, end := New(nil, &out).Begin(t.Context(), "init", "prod")
		time.Sleep(3 * time.Second)
		waiting := u.Wait("waiting for metrics", time.Hour)
		time.Sleep(time.Hour)
		waiting.End()
		end()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 || !strings.HasSuffix(lines[0], "2.0s  still working on init prod") || !strings.HasSuffix(lines[1], ", in 59m59s") {
			t.Errorf("got\n%s", out.String())
		}
	})
}

// TestInterrupted finds a report as soon as a command is interrupted.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "a.html")
		u := Open(Options{Stderr: io.Discard, Files: report.Files{Report: file}})
		if err := u.CheckFiles(); err != nil {
			t.Fatal(err)
		}
		ctx, interrupt := context.WithCancel(t.Context())
		u, end := u.Begin(ctx, "deploy", "prod")
		defer end()
		u.Fleet([]*fleet.Function{function("a", "", "")})
		interrupt()
		synctest.Wait()
		if page, err := os.ReadFile(file); !strings.Contains(string(page), "1 not finished") {
			t.Errorf("%v\n%s", err, page)
		}
	})
}

func TestSummaries(t *testing.T) {
	fleet := []*fleet.Function{
		function("a", "go1.x", "provided.al2023", fleet.Step{}),
		function("b", "provided.al2023", "provided.al2023"),
		failed("c", errors.New("failed")),
	}
	fleet[1].Observed = lambda.State{Function: "b", Runtime: "provided.al2023", Contents: &lambda.Contents{Files: []lambda.File{{Name: "bootstrap", Executable: true}}}}
	if got, want := Summary(fleet), "1 changed, 1 unchanged, 1 failed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := PlanSummary(fleet), "0 to change, 2 with nothing to do, 1 failed or refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := StatusSummary(fleet), "1 clean, 2 unknown"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNotStarted(t *testing.T) {
	functions := []*fleet.Function{
		{Done: []fleet.Step{{Kind: fleet.UpdateCode}}},
		{Err: errors.New("out of order")},
		{NotStarted: "functions failed before, and -stopAfter is 1"},
		{},
		{Err: fleet.ErrInterrupted},
	}
	if got, want := Summary(functions), "1 changed, 1 unchanged, 1 failed, 1 stopped, 1 not started"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
	if got, want := newResult(functions[2]).Error, "not started: functions failed before, and -stopAfter is 1"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}
