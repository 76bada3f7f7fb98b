package targets_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/emulator"
)

// fixture is a repository of an adopter and an account to deploy it to, for tests
// that are no scripts.
type fixture struct {
	*account
	t    *testing.T
	dir  string
	stub bool // the functions cannot be invoked
}

// newFixture returns a fixture with some of the samples, in an environment called
// prod that settles quickly.
func newFixture(t *testing.T, options emulator.Options, names ...string) *fixture {
	t.Helper()
	f := startFixture(t, options)
	if err := cloneSamples(f.dir); err != nil {
		t.Fatal(err)
	}
	f.manifest("300ms", names...)
	return f
}

// newStub returns a fixture with functions that are small and cannot be invoked.
func newStub(t *testing.T, options emulator.Options, names ...string) *fixture {
	t.Helper()
	f := startFixture(t, options)
	f.stub = true
	if err := stubs(f.dir, names...); err != nil {
		t.Fatal(err)
	}
	f.manifest("300ms", names...)
	return f
}

func startFixture(t *testing.T, options emulator.Options) *fixture {
	t.Helper()
	a, err := newAccount(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.server.Close() })
	f := &fixture{account: a, t: t, dir: filepath.Join(t.TempDir(), "repo")}
	f.write("../credentials", a.profiles())
	return f
}

// manifest writes lambdas.json.
func (f *fixture) manifest(settle string, names ...string) {
	f.t.Helper()
	var functions []string
	for _, name := range names {
		functions = append(functions, fmt.Sprintf(`    {"name": %q, "package": "./functions/%s"}`, name, name))
	}
	f.write("lambdas.json", fmt.Sprintf(`{
  "environments": {
    "prod": {"profile": "our_prod", "region": "ap-northeast-1", "prefix": "prod-", "account": "210987654321", "settle": %q}
  },
  "functions": [
%s
  ]
}
`, settle, strings.Join(functions, ",\n")))
}

func (f *fixture) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f *fixture) write(name, content string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(f.path(name), []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) read(name string) string {
	f.t.Helper()
	data, err := os.ReadFile(f.path(name))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(data)
}

func (f *fixture) replace(name, old, new string) {
	f.t.Helper()
	content := f.read(name)
	if !strings.Contains(content, old) {
		f.t.Fatalf("%s does not contain %q:\n%s", name, old, content)
	}
	f.write(name, strings.Replace(content, old, new, 1))
}

// create creates functions on go1.x.
func (f *fixture) create(names ...string) {
	f.t.Helper()
	for _, name := range names {
		zip := zipOf("lambda")
		if !f.stub {
			zips, err := legacyZips()
			if err != nil {
				f.t.Fatal(err)
			}
			zip = zips[name]
		}
		if err := f.account.create(f.t.Context(), legacy("prod-"+name, zip)); err != nil {
			f.t.Fatal(err)
		}
	}
}

// command is the magefile with arguments, ready to run against the emulator.
func (f *fixture) command(args ...string) *exec.Cmd {
	f.t.Helper()
	program, err := magefile()
	if err != nil {
		f.t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Args[0] = "mage" // for hints
	cmd.Dir = f.dir
	cmd.Env = append(withoutAWS(), f.environment(f.path("../credentials"))...)
	return cmd
}

// withoutAWS returns the environment without the settings of AWS tools.
func withoutAWS() []string {
	var environment []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") {
			environment = append(environment, kv)
		}
	}
	return environment
}

// result runs a command and returns its exit status and its output.
func result(t *testing.T, cmd *exec.Cmd) (status int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), log.String()
}

// progress starts a command and returns the lines of its progress. The command ends
// with the test.
func progress(t *testing.T, cmd *exec.Cmd) *bufio.Scanner {
	t.Helper()
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return bufio.NewScanner(pipe)
}

// must runs a target that succeeds.
func (f *fixture) must(args ...string) (stdout, stderr string) {
	f.t.Helper()
	status, stdout, stderr := result(f.t, f.command(args...))
	if status != 0 {
		f.t.Fatalf("mage %v: exit status %d\n%s", args, status, stderr)
	}
	return stdout, stderr
}

// expect checks the state of functions, and that samples answer.
func (f *fixture) expect(runtime, handler string, files []string, names ...string) {
	f.t.Helper()
	for _, name := range names {
		if err := f.check(f.t.Context(), "prod-"+name, runtime, handler, files); err != nil {
			f.t.Error(err)
		}
		if !canRun || f.stub {
			continue
		}
		if err := f.invoke(f.t.Context(), "prod-"+name, []byte(f.read("functions/"+name+"/testdata/event.json"))); err != nil {
			f.t.Error(err)
		}
	}
}

// wantStartable checks that nothing was ever deployed that could not start.
func (f *fixture) wantStartable() {
	f.t.Helper()
	if err := f.startable(); err != nil {
		f.t.Error(err)
	}
}

var (
	dual          = []string{"bootstrap", "lambda"}
	onlyBootstrap = []string{"bootstrap"}
)
