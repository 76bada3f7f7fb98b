//go:build unix

package targets_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

// until polls until the condition holds.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute until %s", what)
		}
	}
}

// TestKill kills a deploy and a cleanup at each of their calls, and before the
// first, and runs the same command again.
func TestKill(t *testing.T) {
	t.Parallel()
	const name = "order-stream"
	calls := func(f *fixture) int {
		n := 0
		for _, count := range f.server.Calls() {
			n += count
		}
		return n
	}
	kill := func(t *testing.T, f *fixture, after int, args ...string) (killed bool) {
		t.Helper()
		before := calls(f)
		cmd := f.command(args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		until(t, "the call came", func() bool { return calls(f)-before >= after || len(ended) > 0 })
		cmd.Process.Kill()
		return (<-ended) != nil
	}

	for after := 0; after <= 7; after++ {
		t.Run(fmt.Sprintf("deploy after %d calls", after), func(t *testing.T) {
			t.Parallel()
			f := newStub(t, emulator.Options{UpdateTime: 100 * time.Millisecond}, name)
			f.create(name)
			// A deploy makes 7 calls; after the last it may end by itself.
			if !kill(t, f, after, "deployProd") && after < 7 {
				t.Error("it ended before it was killed")
			}
			f.must("deployProd")
			f.expect("provided.al2023", "bootstrap", dual, name)
			before := f.updates()
			f.must("deployProd")
			if f.updates() != before {
				t.Error("a third deploy updates the function")
			}
			f.wantStartable()
		})
	}
	for after := 1; after <= 4; after++ {
		t.Run(fmt.Sprintf("cleanup after %d calls", after), func(t *testing.T) {
			t.Parallel()
			f := newStub(t, emulator.Options{UpdateTime: 100 * time.Millisecond}, name)
			f.create(name)
			f.must("deployProd")
			kill(t, f, after, "cleanup", "-force")
			f.must("cleanup", "-force")
			f.expect("provided.al2023", "bootstrap", onlyBootstrap, name)
			if !strings.Contains(f.read("lambdas.json"), `"dual": false`) {
				t.Error("the second cleanup has not set dual to false")
			}
			f.wantStartable()
		})
	}
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			f := newStub(t, emulator.Options{}, "first", "second")
			f.manifest("15m", "first", "second")
			f.create("first", "second")
			cmd := f.command("deployProd", "-concurrency=1", "-report=deploy.html")
			var stderr strings.Builder
			lines := progress(t, cmd)
			for lines.Scan() && !strings.Contains(lines.Text(), "prod-first: settle for 15m0s") {
				fmt.Fprintln(&stderr, lines.Text())
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			for lines.Scan() {
				fmt.Fprintln(&stderr, lines.Text())
			}
			cmd.Wait()
			if status := cmd.ProcessState.ExitCode(); status != 1 {
				t.Errorf("exit status %d, want 1", status)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it took %v to end", took)
			}
			for _, want := range []string{
				"  prod-first: stopped while settling\n", "  prod-second: stopped before updating the code\n",
				"  prod: 0 changed, 0 unchanged, 0 failed, 2 stopped; calls: ", "  report written to deploy.html\n",
				"Error: interrupted; 2 functions are left; run the same command again\n  - 1 while settling\n  - 1 before updating the code\n",
			} {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("the error does not say %q:\n%s", want, stderr.String())
				}
			}
			if page, err := os.ReadFile(f.path("deploy.html")); !strings.Contains(string(page), "2: 0 changed, 0 unchanged, 0 failed, 2 stopped") {
				t.Errorf("the report does not say that two functions were stopped: %v\n%.3000s", err, page)
			}
			if writes := f.updates(); writes != 1 {
				t.Errorf("%d updates, want 1", writes)
			}
			f.wantStartable()
		})
	}
}

// TestBrokenPipe reads and deploys while nobody reads the results.
func TestBrokenPipe(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "first", "second")
	f.create("first", "second")
	run := func(args ...string) (status int, stderr string) {
		t.Helper()
		cmd := f.command(args...)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var buffer bytes.Buffer
		cmd.Stdout, cmd.Stderr = w, &buffer
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		r.Close()
		w.Close()
		cmd.Wait()
		return cmd.ProcessState.ExitCode(), buffer.String()
	}
	if status, stderr := run("audit"); status != 1 || strings.Contains(stderr, "Error") {
		t.Errorf("audit: exit status %d\n%s", status, stderr)
	}
	if status, stderr := run("deployProd"); status != 1 || !strings.Contains(stderr, "writing the results: ") {
		t.Errorf("deployProd: exit status %d\n%s", status, stderr)
	}
	f.expect("provided.al2023", "bootstrap", dual, "first", "second")
}

// TestLocalInterrupted stops a rehearsal early and reads its report.
func TestLocalInterrupted(t *testing.T) {
	if !canRun {
		t.Skip("this machine starts no linux/amd64 binaries")
	}
	t.Parallel()
	f := newFixture(t, emulator.Options{}, "order-stream")
	cmd := f.command("local", "-update=50ms", "-window=50ms", "-duration=15m")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	invoking := 0
	for lines := progress(t, cmd); lines.Scan(); {
		if strings.HasSuffix(lines.Text(), "invoking 1 function") {
			if invoking++; invoking == 3 { // cleaned up
				cmd.Process.Signal(os.Interrupt)
			}
		}
	}
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(stdout.String(), "\nprod-order-stream  kinesis ") {
		t.Errorf("exit status %d\n%s", status, stdout.String())
	}
}

// TestControls checks that dualboot loses nothing, and that the experiment detects
// what the other ways lose.
func TestControls(t *testing.T) {
	if !canRun {
		t.Skip("this machine starts no linux/amd64 binaries")
	}
	t.Parallel()
	f := newFixture(t, emulator.Options{}, "example-api", "order-stream")
	stdout, _ := f.must("controls", "-update=300ms", "-window=600ms", "-rate=20")
	var rows [][]string
	for line := range strings.Lines(stdout) {
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|\n"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	if len(rows) != 2+9 {
		t.Fatalf("%d lines, want a head and 9 ways:\n%s", len(rows), stdout)
	}
	for i, row := range rows[2:] {
		var failed, calls, lost, records int
		if _, err := fmt.Sscanf(row[1]+" "+row[2], "%d of %d %d of %d", &failed, &calls, &lost, &records); err != nil {
			t.Fatalf("row %v: %v", row, err)
		}
		lossless := i == 0 || strings.HasPrefix(row[0], "event source disabled")
		if lossless != (failed == 0) || records == 0 {
			t.Errorf("%s: %d of %d invocations failed", row[0], failed, calls)
		}
		if capped := strings.HasSuffix(row[0], "dropped after 2 attempts"); capped != (lost > 0) {
			t.Errorf("%s: %d of %d records were lost", row[0], lost, records)
		}
	}
}

// serve starts a program that runs the emulator, and returns the variables that it
// exports. The program ends with the test.
func serve(t *testing.T, cmd *exec.Cmd) (exports []string) {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if kv, ok := strings.CutPrefix(lines.Text(), "export "); ok {
			exports = append(exports, kv)
		} else if lines.Text() == "unset AWS_PROFILE AWS_SESSION_TOKEN" {
			break
		} else {
			t.Errorf("unexpected line %q", lines.Text())
		}
	}
	return exports
}

// TestEmptyDirectory runs the targets that need no lambdas.json where there is
// nothing.
func TestEmptyDirectory(t *testing.T) {
	t.Parallel()
	f := startFixture(t, emulator.Options{})
	if err := os.Mkdir(f.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	exports := serve(t, f.command("emulator"))
	for _, test := range []struct {
		target, want string
		status       int
	}{
		{"audit", "none of 0 functions is on a runtime that is deprecated", 0},
		{"init", "is not in a Go module: it and its parent directories have no go.mod", 1},
		{"plan", "or create one with: mage init)", 1},
	} {
		cmd := f.command(test.target)
		cmd.Env = append(cmd.Env, exports...)
		status, _, stderr := result(t, cmd)
		if status != test.status || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: exit status %d, want %d and %q:\n%s", test.target, status, test.status, test.want, stderr)
		}
	}
	if files, err := os.ReadDir(f.dir); err != nil || len(files) > 0 {
		t.Errorf("the directory has %v, %v", files, err)
	}
}

// TestEmulator uses the emulator through the export lines that it prints.
func TestEmulator(t *testing.T) {
	t.Parallel()
	f := newFixture(t, emulator.Options{}, "order-stream")
	cmd := f.command("emulator", "-update=100ms", "-window=1h", "-blocked=nodejs18.x,python3.8", "-quotas")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	exports := serve(t, cmd)
	variable := func(name string) string {
		for _, kv := range exports {
			if value, ok := strings.CutPrefix(kv, name+"="); ok {
				return value
			}
		}
		t.Fatalf("no %s in %v", name, exports)
		return ""
	}

	f.client = lambda.New(lambda.Options{
		Region:       variable("AWS_REGION"),
		BaseEndpoint: aws.String(variable("AWS_ENDPOINT_URL")),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: variable("AWS_ACCESS_KEY_ID"), SecretAccessKey: variable("AWS_SECRET_ACCESS_KEY")}, nil
		}),
	})
	f.create("order-stream")
	deploy := f.command("deployProd")
	deploy.Env = append(deploy.Env, exports...)
	if status, _, log := result(t, deploy); status != 0 {
		t.Fatalf("exit status %d\n%s", status, log)
	}
	if err := f.check(t.Context(), "prod-order-stream", "provided.al2023", "bootstrap", dual); err != nil {
		t.Error(err)
	}

	// The settle delay is shorter than the window, so the old zip meets the new runtime.
	out, err := f.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("prod-order-stream")})
	if err != nil || !strings.Contains(string(out.Payload), "Runtime.InvalidEntrypoint") {
		t.Errorf("the first invocation answers %+v, %v", out, err)
	}
	if canRun { // the second one is for the new zip on the new runtime
		if err := f.invoke(t.Context(), "prod-order-stream", []byte(f.read("functions/order-stream/testdata/event.json"))); err != nil {
			t.Error(err)
		}
	}

	var throttled atomic.Bool
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			_, err := f.client.ListFunctions(t.Context(), nil, func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
			if errors.As(err, new(*types.TooManyRequestsException)) {
				throttled.Store(true)
			}
		})
	}
	group.Wait()
	if !throttled.Load() {
		t.Error("with -quotas the emulator accepts 50 calls at once")
	}

	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 0 {
		t.Errorf("exit status %d\n%s", status, stderr.String())
	}
	settings := regexp.MustCompile(` +`).ReplaceAllString(stderr.String(), " ")
	for _, want := range []string{
		"emulator " + variable("AWS_ENDPOINT_URL"), "region ap-northeast-1", "account 210987654321",
		"update time 100ms", "mixing window 1h0m0s: ", "blocked runtimes nodejs18.x, python3.8", "quotas 100 GetFunction, ", "buckets none",
	} {
		if !strings.Contains(settings, want) {
			t.Errorf("its settings do not have %q:\n%s", want, stderr.String())
		}
	}
	if _, err := os.Stat(variable("AWS_CONFIG_FILE")); err == nil {
		t.Error("it has left its credentials behind")
	}
}
