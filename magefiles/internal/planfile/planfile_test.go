package planfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/planfile"
)

// plan returns a plan of two functions.
func plan() *planfile.Plan {
	functions := []*fleet.Function{
		{
			Target:   manifest.Target{Function: manifest.Function{Name: "api"}, FunctionName: "prod-api"},
			Observed: lambda.State{RevisionID: "r1", CodeSha256: "old", Location: "https://secret"},
			Plan: []fleet.Step{
				{Kind: fleet.Settle, Delay: time.Minute},
				{Kind: fleet.UpdateCode, Package: &lambda.Package{CodeSha256: "new", Size: 1 << 20}},
				{Kind: fleet.UpdateConfiguration, Runtime: "provided.al2023", Handler: "bootstrap"},
			},
		},
		{
			Target:   manifest.Target{Function: manifest.Function{Name: "done"}, FunctionName: "prod-done"},
			Observed: lambda.State{RevisionID: "r2", CodeSha256: "new"},
		},
	}
	return planfile.New("prod", "123456789012", "eu-central-1", functions)
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan.json")
	if err := plan().Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := planfile.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan(), got); diff != "" {
		t.Errorf("the file has another plan (-want +got):\n%s", diff)
	}
	if err := got.Compare(plan()); err != nil {
		t.Errorf("the same plan differs: %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "secret") {
		t.Errorf("the file has the URL of a zip:\n%s", data)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("%d files are left", len(entries))
	}
}

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*planfile.Plan)
		want   string
	}{
		{"another account", func(p *planfile.Plan) { p.Account = "210987654321" }, `it is for environment "prod" of account 123456789012 in eu-central-1, and this is "prod" of account 210987654321 in eu-central-1`},
		{"another region", func(p *planfile.Plan) { p.Region = "eu-west-1" }, "in eu-west-1"},
		{"another revision", func(p *planfile.Plan) { p.Functions[0].RevisionID = "r3" }, "prod-api: somebody has changed it (RevisionId r1 → r3, CodeSha256 old)"},
		{"another code", func(p *planfile.Plan) { p.Functions[1].CodeSha256 = "x" }, "prod-done: somebody has changed it (RevisionId r2, CodeSha256 new → x)"},
		{"another zip", func(p *planfile.Plan) { p.Functions[0].Zip = "newer" }, "prod-api: its zip is another one, because sources, lambdas.json or the Go version have changed (CodeSha256 new → newer)"},
		{"other steps", func(p *planfile.Plan) { p.Functions[1].Steps = []string{"switch"} }, "prod-done: its steps would be others: switch; the plan has: none"},
		{"another settle delay", func(p *planfile.Plan) { p.Functions[0].Settle = "1m0s" }, "prod-api: its settle delay is another one (0s → 1m0s)"},
		{"a function renamed", func(p *planfile.Plan) { p.Functions[0].FunctionName = "stg-api" }, "prod-api: its function name is now stg-api"},
		{"a function removed", func(p *planfile.Plan) { p.Functions = p.Functions[:1] }, "prod-done: lambdas.json does not have it any more"},
		{"a function added", func(p *planfile.Plan) {
			p.Functions = append(p.Functions, planfile.Function{Name: "new", FunctionName: "prod-new"})
		}, "prod-new: it is not in the plan"},
	} {
		now := plan()
		test.change(now)
		if err := plan().Compare(now); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
}

// TestDone compares a plan with functions that are as it would leave them, and with
// some that are not.
func TestDone(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(before, now *planfile.Function)
		want   string // the error
	}{
		{"done", func(_, _ *planfile.Function) {}, ""},
		{"done, with another settle delay", func(_, now *planfile.Function) { now.Settle = "5m0s" }, ""},
		{"a switch without an update of the code", func(before, now *planfile.Function) { before.Zip, now.CodeSha256 = "", "old" }, ""},
		{"another code", func(_, now *planfile.Function) { now.CodeSha256 = "other" }, "somebody has changed it"},
		{"half done", func(_, now *planfile.Function) { now.Steps = []string{"switch"} }, "somebody has changed it"},
		{"renamed", func(_, now *planfile.Function) { now.FunctionName = "stg-api" }, "its function name is now stg-api"},
		{"the plan did not know the code", func(before, now *planfile.Function) {
			before.Zip, before.Steps, now.CodeSha256 = "", []string{"wait", "read the contents of the deployed zip"}, "old"
		}, "somebody has changed it"},
	} {
		before, now := plan(), plan()
		f := &now.Functions[0]
		f.RevisionID, f.CodeSha256, f.Zip, f.Steps = "r9", "new", "", []string{}
		test.change(&before.Functions[0], f)
		err, done := before.Compare(now), before.Done(now)
		if test.want == "" && (err != nil || len(done) != 1 || done[0] != "prod-api") {
			t.Errorf("%s: error %v, done %q", test.name, err, done)
		}
		if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || len(done) != 0) {
			t.Errorf("%s: error %v, done %q, want %q", test.name, err, done, test.want)
		}
	}
}

// TestGroups checks that functions that differ in the same way share a line.
func TestGroups(t *testing.T) {
	now := plan()
	for i := range now.Functions {
		now.Functions[i].RevisionID, now.Functions[i].CodeSha256 = "r9", "other"
	}
	if err := plan().Compare(now); err == nil || err.Error() != "prod-api, prod-done: somebody has changed it" {
		t.Errorf("error %v", err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ name, content, want string }{
		{"empty", "", "is not a plan: unexpected end of JSON input"},
		{"text", "no plan", "is not a plan: "},
		{"format", `{"Format": 2}`, "has the format 2, and this version of dualboot reads 1"},
		{"member", `{"Format": 1, "Functions": [{"Name": "a", "Zap": 1}]}`, `is not a plan: json: unknown field "Zap"`},
		{"none", `{"Format": 1}`, "has no functions"},
	} {
		path := filepath.Join(dir, test.name)
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := planfile.Read(path); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
	if _, err := planfile.Read(filepath.Join(dir, "missing")); err == nil || !strings.HasPrefix(err.Error(), "reading the plan: ") {
		t.Errorf("a file that does not exist: error %v", err)
	}
	if _, err := planfile.Read(dir); err == nil || !strings.HasSuffix(err.Error(), " is not a regular file") {
		t.Errorf("a directory: error %v", err)
	}
}
