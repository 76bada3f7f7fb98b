package targets_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

// decode reads JSON lines.
func decode[T any](t *testing.T, stdout string) []T {
	t.Helper()
	var rows []T
	for line := range strings.Lines(stdout) {
		var row T
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		rows = append(rows, row)
	}
	return rows
}

// add makes a function that is not as those of create.
func (f *fixture) add(name string, runtime types.Runtime, handler string, zip []byte) {
	f.t.Helper()
	_, err := f.client.CreateFunction(f.t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: runtime, Handler: &handler,
		Role: aws.String("arn:aws:iam::210987654321:role/functions"), Code: &types.FunctionCode{ZipFile: zip},
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

type planLine struct {
	FunctionName  string
	Before, After struct{ Runtime, Handler, Architecture, CodeSha256 string }
	Steps         []string
	Error         string
}

type statusLine struct {
	FunctionName, Runtime, Package, Stage, LastUpdateStatus, UpdatesBlocked, Error string
	DaysUntilBlocked                                                               *int
}

// stages is the stage of each function by its name.
func (f *fixture) stages(args ...string) map[string]string {
	f.t.Helper()
	stdout, _ := f.must(append([]string{"status"}, args...)...)
	stages := map[string]string{}
	for _, s := range decode[statusLine](f.t, stdout) {
		stages[s.FunctionName] = s.Stage
	}
	return stages
}

func (f *fixture) wantStages(want map[string]string) {
	f.t.Helper()
	for name, stage := range f.stages() {
		if want[name] != stage {
			f.t.Errorf("%s is at stage %q, want %q", name, stage, want[name])
		}
	}
}

// TestControl plans, looks, rolls back and goes forward again.
func TestControl(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{UpdateTime: 50 * time.Millisecond}, "first", "second", "modern")
	f.replace("lambdas.json", `"package": "./functions/modern"`, `"package": "./functions/modern", "dual": false`)
	f.create("first", "second")
	f.add("prod-modern", types.RuntimeProvidedal2, "bootstrap", zipOf(t, "bootstrap"))

	plan := func(status int, args ...string) map[string]planLine {
		t.Helper()
		got, stdout, stderr := f.run(append([]string{"plan"}, args...)...)
		if got != status {
			t.Errorf("plan %v: exit status %d, want %d\n%s%s", args, got, status, stdout, stderr)
		}
		if status == 2 && strings.Contains(stderr, "Error") {
			t.Errorf("plan %v calls changes an error:\n%s", args, stderr)
		}
		lines := map[string]planLine{}
		for _, line := range decode[planLine](t, stdout) {
			lines[line.FunctionName] = line
		}
		return lines
	}
	writes := func(want int) {
		t.Helper()
		if got := f.writes(); got != want {
			t.Errorf("%d updates so far, want %d", got, want)
		}
	}

	f.wantStages(map[string]string{"prod-first": "before", "prod-second": "before", "prod-modern": "before"})
	lines := plan(2)
	first := lines["prod-first"]
	if first.Before.Runtime != "go1.x" || first.After.Runtime != "provided.al2023" || first.After.Handler != "bootstrap" || first.Before.CodeSha256 == first.After.CodeSha256 || len(first.Steps) != 5 {
		t.Errorf("the plan of a legacy function is %+v", first)
	}
	if modern := lines["prod-modern"]; modern.Before.Runtime != "provided.al2" || !strings.Contains(strings.Join(modern.Steps, "\n"), "update the code (bootstrap, ") {
		t.Errorf("the plan of one on provided.al2 is %+v", modern)
	}
	for _, line := range plan(1, "-cleanup", "-force", "-only=first") {
		if !strings.Contains(line.Error, "it is still on go1.x") {
			t.Errorf("the cleanup of a legacy function is planned: %+v", line)
		}
	}
	plan(1, "-cleanup", "-rollback")
	writes(0)

	f.must("deployProd")
	f.wantStages(map[string]string{"prod-first": "switched", "prod-second": "switched", "prod-modern": "clean"})
	for _, line := range plan(0) {
		if len(line.Steps) > 0 || line.Error != "" {
			t.Errorf("after a deploy there is something to do: %+v", line)
		}
	}
	lines = plan(1, "-rollback")
	if to := lines["prod-first"].After; to.Runtime != "go1.x" || to.Handler != "lambda" {
		t.Errorf("the rollback of a legacy function is %+v", lines["prod-first"])
	}
	if got := lines["prod-modern"].Error; !strings.Contains(got, "its previous runtime is unknown: lambdas.json says that it never was on go1.x; pass -runtime=provided.al2 if that was its runtime") {
		t.Errorf("the rollback of one from provided.al2 is %q", got)
	}
	lines = plan(2, "-rollback", "-only=modern", "-runtime=provided.al2")
	if to := lines["prod-modern"].After; to.Runtime != "provided.al2" || to.Handler != "bootstrap" {
		t.Errorf("the rollback of one from provided.al2 is %+v", lines["prod-modern"])
	}
	writes(6)

	for name, flag := range map[string]string{"first": "-runtime=go1.x", "modern": "-runtime=provided.al2"} {
		stdout, _ := f.must("rollback", "-only="+name, flag)
		if want := `"Runtime":"` + strings.TrimPrefix(flag, "-runtime=") + `"`; !strings.Contains(stdout, want) || !strings.Contains(stdout, `"Changes":["UpdateFunctionConfiguration"]`) {
			t.Errorf("rollback says %s, want %s and one call", stdout, want)
		}
	}
	f.expect("go1.x", "lambda", dual, "first")
	f.wantStages(map[string]string{"prod-first": "ready", "prod-second": "switched", "prod-modern": "before"})
	f.must("rollback", "-only=first")
	plan(0, "-rollback", "-only=first")
	writes(8)

	f.must("deployProd")
	f.expect("provided.al2023", "bootstrap", dual, "first", "second")
	f.must("rollback", "-only=second", "-runtime=provided.al2")
	f.must("deployProd")
	writes(12)

	f.must("cleanup", "-force", "-only=first")
	f.wantStages(map[string]string{"prod-first": "clean", "prod-second": "switched", "prod-modern": "clean"})
	status, _, stderr := f.run("rollback", "-only=first")
	if want := `refusing to roll back "prod-first": the deployed zip (bootstrap) has no lambda, which go1.x starts; set "dual" to true in lambdas.json and deploy it first`; status != 1 || !strings.Contains(stderr, want) {
		t.Errorf("exit status %d, want 1 and %q:\n%s", status, want, stderr)
	}
	f.must("cleanup", "-force", "-only=second")
	plan(2, "-cleanup") // for "dual" in lambdas.json
	f.must("cleanup", "-force")
	plan(0)
	plan(0, "-cleanup")
	f.startable()
}

// TestStatus tells what a fleet of all kinds is.
func TestStatus(t *testing.T) {
	t.Parallel()
	names := []string{"legacy", "dual", "clean", "nodejs", "image", "missing"}
	f := newStub(t, emulator.Options{}, names...)
	f.create("legacy", "dual", "clean")
	f.must("deployProd", "-only=dual,clean")
	f.must("cleanup", "-force", "-only=clean")
	f.add("prod-nodejs", types.RuntimeNodejs22x, "index.handler", zipOf(t, "index.js"))
	_, err := f.client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("prod-image"), PackageType: types.PackageTypeImage,
		Role: aws.String("arn:aws:iam::210987654321:role/functions"), Code: &types.FunctionCode{ImageUri: aws.String("210987654321.dkr.ecr.ap-northeast-1.amazonaws.com/f:1")},
	})
	if err != nil {
		t.Fatal(err)
	}

	before := f.writes()
	status, stdout, stderr := f.run("status")
	if status != 1 || !strings.Contains(stderr, `reading "prod-missing": ResourceNotFoundException`) {
		t.Errorf("exit status %d, want 1 and the missing function named:\n%s", status, stderr)
	}
	if !strings.Contains(stderr, "1 before, 1 switched, 1 clean, 2 foreign, 1 unknown; calls: 1 GetCallerIdentity, 6 GetFunction\n") {
		t.Errorf("the summary is another:\n%s", stderr)
	}
	want := [][4]string{
		{"prod-legacy", "go1.x", "legacy", "before"},
		{"prod-dual", "provided.al2023", "dual", "switched"},
		{"prod-clean", "provided.al2023", "bootstrap", "clean"},
		{"prod-nodejs", "nodejs22.x", "other", "foreign"},
		{"prod-image", "", "image", "foreign"},
		{"prod-missing", "", "", ""},
	}
	lines := decode[statusLine](t, stdout)
	var got [][4]string
	for _, s := range lines {
		got = append(got, [4]string{s.FunctionName, s.Runtime, s.Package, s.Stage})
	}
	if !slices.Equal(got, want) {
		t.Errorf("status is\n%v\nwant\n%v", got, want)
	}
	if legacy := lines[0]; legacy.UpdatesBlocked == "" || legacy.DaysUntilBlocked == nil || legacy.LastUpdateStatus != "Successful" {
		t.Errorf("it does not say until when go1.x can be updated: %+v", legacy)
	}
	if f.writes() != before {
		t.Error("status has written")
	}
}

// TestTerraform shows and writes what Terraform must say, and warns before a
// cleanup while it does not.
func TestTerraform(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "first", "second")
	f.create("first", "second")
	f.must("deployProd")
	const before = `resource "aws_lambda_function" "first" {
  function_name = "prod-first"
  runtime       = "go1.x" # for now
  handler       = "lambda"
}

resource "aws_lambda_function" "second" {
  function_name = "prod-second"
  runtime       = var.runtime
}
`
	f.write("../infra/main.tf", before)

	status, stdout, stderr := f.run("terraform", "-dir=../infra")
	if want := "-  runtime       = \"go1.x\" # for now\n+  runtime       = \"provided.al2023\" # for now\n"; status != 2 || !strings.Contains(stdout, want) {
		t.Errorf("exit status %d, want 2 and a diff with %q:\n%s%s", status, want, stdout, stderr)
	}
	if want := "../infra/main.tf:9:19: aws_lambda_function.second: "; !strings.Contains(stderr, want) {
		t.Errorf("it does not say where to look, %q:\n%s", want, stderr)
	}
	if got := f.read("../infra/main.tf"); got != before {
		t.Errorf("it has written without -write:\n%s", got)
	}
	if status, _, _ := f.run("terraform", "-dir=../infra", "-only=second"); status != 2 {
		t.Errorf("with something to look at the exit status is %d", status)
	}

	f.replace("lambdas.json", `"prefix": "prod-",`, `"prefix": "prod-", "terraform": "../infra",`)
	_, stderr = f.must("cleanup", "-force", "-only=first")
	if want := "WARNING: ../infra/main.tf:1: aws_lambda_function.first says go1.x; the next terraform apply undoes the migration of prod-first"; !strings.Contains(stderr, want) {
		t.Errorf("cleanup does not warn %q:\n%s", want, stderr)
	}
	if status, _, stderr := f.run("terraform", "-write"); status != 2 {
		t.Errorf("with something left to look at the exit status is %d:\n%s", status, stderr)
	}
	if got, want := f.read("../infra/main.tf"), strings.NewReplacer("go1.x", "provided.al2023", `"lambda"`, `"bootstrap"`).Replace(before); got != want {
		t.Errorf("it has written\n%s\nwant\n%s", got, want)
	}
	if status, _, stderr := f.run("terraform", "-only=first"); status != 0 {
		t.Errorf("with nothing to do the exit status is %d:\n%s", status, stderr)
	}
	if _, stderr := f.must("cleanup", "-force", "-only=first"); strings.Contains(stderr, "says go1.x") {
		t.Errorf("cleanup still warns:\n%s", stderr)
	}
}
