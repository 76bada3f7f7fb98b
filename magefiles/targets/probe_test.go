//go:build unix

package targets_test

import (
	"bufio"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

const probeFile = "../docs/probe.md"

// probeFixture is a checkout of this repository with an account to probe.
type probeFixture struct{ *fixture }

func newProbe(t *testing.T, options emulator.Options) probeFixture {
	t.Helper()
	if !canRun {
		t.Skip("this machine does not start what is built for AWS")
	}
	f := probeFixture{startFixture(t, options)}
	if err := clone(f.dir, "go.mod", "go.sum", "magefiles"); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f probeFixture) probe(args ...string) *exec.Cmd {
	f.t.Helper()
	cmd := f.command(append([]string{"probe", "ap-northeast-1", "210987654321", "arn:aws:iam::210987654321:role/probe"}, args...)...)
	cmd.Env = append(cmd.Env, "AWS_PROFILE=our_prod")
	return cmd
}

// functions returns the names of the functions in the account.
func (f probeFixture) functions() (names []string) {
	f.t.Helper()
	out, err := f.client.ListFunctions(f.t.Context(), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, function := range out.Functions {
		names = append(names, *function.FunctionName)
	}
	return names
}

// start starts a probe that takes long, and waits until it invokes its function.
// It returns what is left of its progress.
func (f probeFixture) start(cmd *exec.Cmd) *bufio.Scanner {
	f.t.Helper()
	lines := progress(f.t, cmd)
	for lines.Scan() && !strings.Contains(lines.Text(), "window (1 of 1)") {
	}
	// Eight calls may wait for their answers. The ninth comes after one.
	until(f.t, "the function answers", func() bool { return f.server.Calls()["Invoke"] > 8 })
	return lines
}

func TestProbeInterrupt(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			f := newProbe(t, emulator.Options{})
			cmd := f.probe("-yes", "-only=window")
			lines := f.start(cmd)
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			var stderr strings.Builder
			for lines.Scan() {
				stderr.WriteString(lines.Text() + "\n")
			}
			cmd.Wait()
			if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(stderr.String(), "Error: interrupted") {
				t.Errorf("exit status %d\n%s", status, stderr.String())
			}
			if left := f.functions(); len(left) > 0 {
				t.Errorf("functions are left: %v", left)
			}
			if !strings.Contains(f.read("bin/probe/probe.md"), "not run: interrupted") || !strings.Contains(f.read("bin/probe/probe.json"), `"Samples":[{`) {
				t.Error("what is known was not written")
			}
			if journals, _ := filepath.Glob(f.path("bin/probe/journal-*")); len(journals) > 0 {
				t.Errorf("journals are left: %v", journals)
			}
		})
	}
}

// After a probe was killed, -clean finds its functions, and nothing else.
func TestProbeClean(t *testing.T) {
	t.Parallel()
	f := newProbe(t, emulator.Options{})
	if err := f.account.create(t.Context(), legacy("dualboot-probe-mine", zipOf("lambda"))); err != nil {
		t.Fatal(err)
	}
	cmd := f.probe("-yes", "-only=window")
	f.start(cmd)
	cmd.Process.Kill()
	cmd.Wait()
	left := slices.DeleteFunc(f.functions(), func(name string) bool { return name == "dualboot-probe-mine" })
	if len(left) != 1 {
		t.Fatalf("functions %v are left, want one", left)
	}
	if journals, _ := filepath.Glob(f.path("bin/probe/journal-*")); len(journals) != 1 {
		t.Errorf("journals %v, want one", journals)
	}

	status, stdout, stderr := result(t, f.probe("-clean"))
	if status != 2 || stdout != "function "+left[0]+"\n" || !strings.Contains(stderr, "run the same command with -yes to delete") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	status, _, stderr = result(t, f.probe("-clean", "-yes"))
	if status != 0 || !strings.Contains(stderr, "probe: deleted 1 resource\n") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
	status, stdout, stderr = result(t, f.probe("-clean"))
	if status != 0 || stdout != "" || !strings.Contains(stderr, "probe: nothing is left\n") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	if got := f.functions(); !slices.Equal(got, []string{"dualboot-probe-mine"}) {
		t.Errorf("functions %v are left", got)
	}
	if journals, _ := filepath.Glob(f.path("bin/probe/journal-*")); len(journals) > 0 {
		t.Errorf("journals are left: %v", journals)
	}
}

// checkPage checks the page of a run in which AWS does what dualboot assumes.
func (f probeFixture) checkPage(page string) {
	f.t.Helper()
	if page != f.read("bin/probe/probe.md") {
		f.t.Error("the page in the file is another one")
	}
	for _, part := range []string{
		"## Differs from what dualboot assumes\n\nNothing.\n",
		"observed: they mix: code, configuration: ",
		"observed: it does: accepted, and an invocation succeeds\n", // the return to go1.x
	} {
		if !strings.Contains(page, part) {
			f.t.Errorf("the page does not contain %q:\n%s", part, page)
		}
	}
	_, without, _ := strings.Cut(page, "## Without findings\n")
	for _, name := range []string{"window", "switch", "update", "conflict", "architecture", "layer", "dryrun", "failed", "link", "rollback", "size", "quota"} {
		if !strings.Contains(page, "- **"+name+":** ") || strings.Contains(without, "- **"+name+":** ") {
			f.t.Errorf("the page has no findings of %s:\n%s", name, page)
		}
	}
}

// TestProbe runs all experiments on an emulator that does what dualboot assumes,
// and compares the calls with the policy in the document.
func TestProbe(t *testing.T) {
	t.Parallel()
	f := newProbe(t, emulator.Options{
		UpdateTime: 200 * time.Millisecond, Window: 700 * time.Millisecond, Mixed: true, Quotas: emulator.AWSQuotas(),
	})
	called := map[string]bool{}
	for _, args := range [][]string{{"-yes", "-settle=1s", "-quotas"}, {"-clean"}} {
		status, stdout, stderr := result(t, f.probe(args...))
		if status != 0 {
			t.Fatalf("probe %v: exit status %d\n%s%s", args, status, stdout, stderr)
		}
		if args[0] == "-yes" {
			f.checkPage(stdout)
		}
		calls := regexp.MustCompile(`probe: calls: (.*)\n`).FindStringSubmatch(stderr)
		if calls == nil {
			t.Fatalf("the calls are missing:\n%s", stderr)
		}
		for _, call := range strings.Split(calls[1], ", ") {
			_, operation, _ := strings.Cut(call, " ")
			called["lambda:"+operation] = true
		}
	}
	for operation := range f.server.Calls() { // also those that are not paced
		if operation != "Unknown" {
			called["lambda:"+operation] = true
		}
	}
	if left := f.functions(); len(left) > 0 {
		t.Errorf("functions are left: %v", left)
	}
	for _, name := range []string{"probe.md", "probe.json"} {
		if strings.Contains(f.read("bin/probe/"+name), "210987654321") {
			t.Errorf("%s contains the account", name)
		}
	}

	delete(called, "lambda:GetCallerIdentity") // needs no permission
	delete(called, "lambda:Invoke")            // its permission has another name
	called["lambda:InvokeFunction"] = true
	for _, action := range []string{
		"lambda:GetLayerVersion",                // part of CreateFunction
		"lambda:TagResource", "lambda:ListTags", // part of CreateFunction, and of GetFunction
		"iam:PassRole", // part of CreateFunction
	} {
		called[action] = true
	}
	document, err := os.ReadFile(probeFile)
	if err != nil {
		t.Fatal(err)
	}
	var policy []string
	for _, row := range regexp.MustCompile(`"Action": \[([^]]*)\]`).FindAllStringSubmatch(string(document), -1) {
		for _, action := range strings.Split(row[1], ",") {
			policy = append(policy, strings.Trim(action, "\" \n"))
		}
	}
	slices.Sort(policy)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(called)), policy); diff != "" {
		t.Errorf("the policy in %s allows other actions than are called (-called +policy):\n%s", probeFile, diff)
	}
}
