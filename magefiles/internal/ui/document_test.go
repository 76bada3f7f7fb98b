package ui

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

// golden compares what render writes for each part of a golden file with the part.
func golden(t *testing.T, file string, render func(t *testing.T, name string) string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range archive.Files {
		t.Run(f.Name, func(t *testing.T) {
			got := render(t, f.Name)
			if *update {
				archive.Files[i].Data = []byte(got)
			} else if d := cmp.Diff(string(f.Data), got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// planned returns a function that is to move to provided.al2023 with a zip of so
// many bytes.
func planned(name string, size int64) *fleet.Function {
	f := &fleet.Function{Target: manifest.Target{FunctionName: name}}
	p := &lambda.Package{Legacy: "lambda", Files: []string{"bootstrap", "lambda"}, Size: size, CodeSha256: name, Architecture: lambda.X86_64}
	f.Observed = lambda.State{Function: name, Runtime: lambda.Go1x, Handler: "lambda", Architecture: lambda.X86_64, CodeSha256: "old " + name, CodeSize: size}
	f.Planned = f.Observed
	f.Planned.Runtime, f.Planned.Handler, f.Planned.CodeSha256, f.Planned.Contents = lambda.ProvidedAL2023, "bootstrap", name, p.Contents()
	f.Plan = []fleet.Step{
		{Kind: fleet.UpdateCode, Package: p},
		{Kind: fleet.Wait},
		{Kind: fleet.Settle, Delay: 60e9},
		{Kind: fleet.UpdateConfiguration, Runtime: lambda.ProvidedAL2023, Handler: "bootstrap"},
		{Kind: fleet.Wait},
	}
	return f
}

// updating returns functions that somebody else updates.
func updating() []*fleet.Function {
	a, b := planned("prod-a", 6<<20), planned("prod-b", 6<<20)
	b.Observed.Runtime, b.Observed.Handler = lambda.ProvidedAL2, lambda.Bootstrap
	for _, f := range []*fleet.Function{a, b} {
		f.Plan = []fleet.Step{{Kind: fleet.Wait}, {Kind: fleet.Inspect}}
	}
	return []*fleet.Function{a, b}
}

// absent returns a function that does not exist.
func absent(name string) *fleet.Function {
	f := &fleet.Function{Target: manifest.Target{FunctionName: name}}
	f.Fail(fleet.Observing, "reading", fleet.AsMissing(fmt.Errorf("ResourceNotFoundException: Function not found: %s", name)))
	return f
}

// mixed is a fleet of everything that a plan can say.
func mixed() []*fleet.Function {
	var list []*fleet.Function
	for i := range 24 {
		list = append(list, planned(fmt.Sprintf("prod-function-%02d", i+1), int64(60+i)<<20/10))
	}
	still := planned("prod-still", 0)
	still.Plan = nil
	refused := failed("prod-script", &fleet.Error{Function: "prod-script", Doing: "refusing to deploy", Err: errors.New("its runtime is nodejs22.x; dualboot deploys to go1.x and provided.*: remove it from lambdas.json")})
	list = append(list, still, refused)
	for i := range 200 {
		list = append(list, absent(fmt.Sprintf("prod-gone-%03d", i+1)))
	}
	return list
}

func TestPlans(t *testing.T) {
	one := []*fleet.Function{planned("prod-orders", 6<<20)}
	fleets := map[string][]*fleet.Function{"one": one, "missing": {absent("prod-gone")}, "mixed": mixed(), "updating": updating()}
	golden(t, "testdata/plans.txtar", func(t *testing.T, name string) string {
		which, format, _ := strings.Cut(name, ": ")
		var plans []plan
		for _, f := range fleets[which] {
			plans = append(plans, newPlan(f))
		}
		groups := groupPlans(fleets[which], plans)
		var out bytes.Buffer
		var columns int
		if format == "md" {
			if err := writeMarkdownTable(&out, groupTable(groups)); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
		if _, err := fmt.Sscan(format, &columns); err != nil {
			t.Fatal(err)
		}
		if err := writeGroups(&out, groups, columns); err != nil {
			t.Fatal(err)
		}
		return out.String()
	})
}

// TestFormats writes the same results in each format, and to the summary of a job.
func TestFormats(t *testing.T) {
	functions := []*fleet.Function{
		function("prod-a", "go1.x", "provided.al2023", fleet.Step{Kind: fleet.UpdateCode}),
		failed("prod-b", errors.New("a <b> | c\nd")),
	}
	const markdown = `### deploy prod: 1 changed, 0 unchanged, 1 failed

| FUNCTION | RESULT                     | RUNTIME                 | ARCH |
| --- | --- | --- | --- |
| prod-a   | changed                    | go1.x → provided.al2023 |      |
| prod-b   | FAILED: a &lt;b&gt; \| c d |                         |      |
`
	for format, want := range map[string]string{
		"json": `{"FunctionName":"prod-a","Runtime":"provided.al2023","Handler":"","LastModified":"","Architecture":"","CodeSha256":"","Changes":["UpdateFunctionCode"]}
{"FunctionName":"prod-b","Runtime":"","Handler":"","LastModified":"","Architecture":"","CodeSha256":"","Changes":[],"Error":"a <b> | c\nd"}
`,
		"table": `FUNCTION  RESULT               RUNTIME                  ARCH
prod-a    changed              go1.x → provided.al2023
prod-b    FAILED: a <b> | c d
`,
		"md": markdown,
	} {
		t.Run(format, func(t *testing.T) {
			digest := filepath.Join(t.TempDir(), "summary.md")
			t.Setenv("GITHUB_STEP_SUMMARY", digest)
			if err := os.WriteFile(digest, []byte("before\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, log bytes.Buffer
			u, end := Open(Options{Stdout: &out, Stderr: &log, Format: format}).Begin(t.Context(), "deploy", "prod")
			defer end()
			if err := u.CheckFormat(); err != nil {
				t.Fatal(err)
			}
			results := u.NewResults(functions)
			results.Done(functions[1])
			results.Done(functions[0])
			if err := results.Finish(); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, out.String()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			got, err := os.ReadFile(digest)
			if d := cmp.Diff("before\n"+markdown+"\n", string(got)); d != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
			// A command within another one writes neither.
			out.Reset()
			if err := u.Inner().NewResults(functions).Finish(); err != nil || out.Len() > 0 {
				t.Errorf("%v, %s", err, out.String())
			}
			if again, _ := os.ReadFile(digest); !bytes.Equal(again, got) {
				t.Errorf("a part of a command writes a summary:\n%s", again)
			}
		})
	}
	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(t.TempDir(), "none", "summary.md"))
	if err := Open(Options{}).CheckFiles(); err == nil || !strings.HasPrefix(err.Error(), "writing GITHUB_STEP_SUMMARY: ") {
		t.Errorf("error %v for a summary that cannot be written", err)
	}
	if err := Open(Options{Format: "yaml"}).CheckFormat(); err == nil || err.Error() != `-format is "yaml"; pass one of table, json, md` {
		t.Errorf("error %v", err)
	}
}

func TestAnnotations(t *testing.T) {
	t.Setenv("GITHUB_ACTIONS", "true")
	var log bytes.Buffer
	u := New(nil, &log)
	u.Warnf("prod", "100 %% of\nit")
	u.Failed(fleet.Errors([]*fleet.Function{absent("a"), absent("b"), failed("c", errors.New("one\r\ntwo: 5%")), {}}))
	u.Failed(errors.New("no region"))
	u.Failed(nil)
	u.Failed(errors.Join( // the parts of a rehearsal, each with its own list
		fleet.Errors([]*fleet.Function{failed("a", &fleet.Error{Function: "a", Doing: "building", Err: errors.New("broken")})}),
		&concluded{fleet.Errors([]*fleet.Function{failed("b", &fleet.Error{Function: "b", Doing: "invoking", Err: errors.New("lost")})}), "FAIL"},
	))
	want := `    0.0s  prod: WARNING: 100 % of
it
::warning title=dualboot::prod: 100 %25 of%0Ait
::error title=dualboot::reading 2 functions: they do not exist; check the region and the prefix: "a", "b"
::error title=dualboot::one%0D%0Atwo: 5%25
::error title=dualboot::no region
::error title=dualboot::building "a": broken
::error title=dualboot::invoking "b": lost
`
	if log.String() != want {
		t.Errorf("got\n%s\nwant\n%s", log.String(), want)
	}
}

func TestBoardOptions(t *testing.T) {
	for _, test := range []struct {
		env           map[string]string
		group, colour bool
	}{
		{},
		{env: map[string]string{"TERM": "xterm", "GITHUB_ACTIONS": "true"}, group: true},
		{env: map[string]string{"CLICOLOR_FORCE": "1"}, colour: true},
		{env: map[string]string{"CLICOLOR_FORCE": "0"}},
		{env: map[string]string{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}},
	} {
		o := boardOptions(&bytes.Buffer{}, false, func(name string) string { return test.env[name] })
		if o.Size != nil || o.Group != test.group || o.Colour != test.colour {
			t.Errorf("%v: redrawn %t, groups %t, colour %t", test.env, o.Size != nil, o.Group, o.Colour)
		}
	}
}

func TestVerdict(t *testing.T) {
	done := function("a", "go1.x", "provided.al2023", fleet.Step{})
	broken := failed("b", errors.New("no"))
	unbuilt := failed("c", &fleet.Error{Function: "c", Stage: fleet.Building, Err: errors.New("no")})
	stopped, left := failed("d", fleet.ErrInterrupted), &fleet.Function{NotStarted: "later"}
	for _, test := range []struct {
		functions []*fleet.Function
		err       error
		want      string
	}{
		{[]*fleet.Function{done}, nil, "PASS: 1 changed, 0 unchanged, 0 failed"},
		{[]*fleet.Function{done, broken}, broken.Err, "FAIL: 1 of 2 functions: b; run the same command again to finish"},
		{[]*fleet.Function{done, unbuilt}, unbuilt.Err, "FAIL: 1 of 2 functions: c; correct the errors above and run the same command again"},
		{[]*fleet.Function{done, stopped}, stopped.Err, "FAIL: interrupted; 1 changed, 1 stopped"},
		{[]*fleet.Function{done, left}, fleet.ErrDeclined, "STOPPED: 1 changed, 1 not started; run the same command again to continue"},
		{[]*fleet.Function{done, left}, fmt.Errorf("%w: early", fleet.ErrNotYet), "NOT YET: 1 changed, 1 not started"},
		{[]*fleet.Function{done}, errors.New("writing: no space\nleft"), "FAIL: writing: no space"},
	} {
		if got := verdict(test.functions, test.err); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	cause := errors.New("1 failed:\n  - one two three\n\tas it\tis")
	err := error(&fitted{&concluded{cause, "FAIL: b"}, 12})
	if want := "1\nfailed:\n  - one two\n    three\n\tas it\tis\n\nFAIL: b"; !errors.Is(err, cause) || err.Error() != want {
		t.Errorf("error %q", err)
	}
}
