package targets_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"example.com/dualboot/magefiles/internal/emulator"
)

// TestWorkflow runs the commands of the documented workflow of GitHub Actions.
func TestWorkflow(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash, which runs the steps on GitHub")
	}
	document, err := os.ReadFile("../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(document)
	if block == nil {
		t.Fatal("ci.md has no workflow")
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Uses, Run string }
		}
	}
	if err := yaml.Unmarshal(block[1], &workflow); err != nil {
		t.Fatal(err)
	}
	script := func(job, name string) string {
		for _, step := range workflow.Jobs[job].Steps {
			if step.Name == name {
				return step.Run
			}
		}
		t.Fatalf("job %s has no step %s", job, name)
		return ""
	}

	f := newStub(t, emulator.Options{}, "first")
	f.create("first")
	program, err := magefile()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(f.path("bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, f.path("bin/mage")); err != nil {
		t.Skip(err)
	}
	output, summary := filepath.Join(t.TempDir(), "output"), filepath.Join(t.TempDir(), "summary")
	run := func(job, name string) (stdout, stderr string) {
		cmd := f.command()
		cmd.Path, cmd.Args = bash, []string{"bash", "-e", "-c", script(job, name)}
		cmd.Env = append(cmd.Env, "CI=true", "GITHUB_ACTIONS=true", "GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+summary)
		status, stdout, stderr := result(t, cmd)
		if status != 0 {
			t.Errorf("%s: exit status %d\n%s", name, status, stderr)
		}
		return stdout, stderr
	}
	contains := func(text, want string) {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	file := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	run("plan", "Plan")
	contains(file(output), "status=2\n")
	contains(f.read("bin/plan.md"), "### plan prod: 1 to change")
	stdout, stderr := run("deploy", "Deploy")
	contains(stdout, "prod-first  changed")
	contains(stderr, "::group::deploy prod\n")
	contains(file(summary), "### deploy prod: 1 changed, 0 unchanged, 0 failed")
	f.expect("provided.al2023", "bootstrap", dual, "first")
}
