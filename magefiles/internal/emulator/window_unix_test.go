//go:build unix

package emulator_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

const (
	long  = time.Hour              // a window that outlasts the test
	short = 300 * time.Millisecond // a window that ends during the test
)

// taggedZip contains both builds and a file with a tag as its name.
func taggedZip(t testing.TB, tag string) []byte {
	return makeZip(t, launcher("lambda", built.rpc), launcher("bootstrap", built.norpc), file{tag, 0o644, nil})
}

// outcomes invokes f n times. Each outcome is "ok" or the type of the error.
func (b *bench) outcomes(n int) (outcomes []string) {
	b.Helper()
	for range n {
		out := b.send("f", event{})
		f := failure{ErrorType: "ok"}
		if out.FunctionError != nil {
			b.decode(out.Payload, &f)
		}
		outcomes = append(outcomes, f.ErrorType)
	}
	return outcomes
}

// parts invokes f n times and returns the tag of the code and the text of the
// configuration that served each time.
func (b *bench) parts(n int) (parts []string) {
	b.Helper()
	for range n {
		r := b.invoke("f", event{Do: "context"})
		tags, err := filepath.Glob(filepath.Join(r.Dir, "code *"))
		if err != nil || len(tags) != 1 {
			b.Fatalf("tags in %s are %v: %v", r.Dir, tags, err)
		}
		i := slices.IndexFunc(r.Environ, func(pair string) bool { return strings.HasPrefix(pair, "TEXT=") })
		parts = append(parts, filepath.Base(tags[0])+" "+strings.TrimPrefix(r.Environ[i], "TEXT="))
	}
	return parts
}

// invokeUntil invokes f until a time, and at least once.
func (b *bench) invokeUntil(end time.Time) (outcomes []string) {
	b.Helper()
	for first := true; first || time.Now().Before(end); first = false {
		outcomes = append(outcomes, b.outcomes(1)...)
	}
	return outcomes
}

// ledger records the calls of OnServe.
type ledger struct {
	mu     sync.Mutex
	served []string
}

func (l *ledger) serve(d emulator.Deployment) {
	line := d.Runtime + ": " + strings.Join(d.Files, " + ")
	if d.Mixed {
		line += ", mixed"
	}
	if !d.Startable() {
		line += ", unstartable"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.served = append(l.served, line)
}

// take returns the calls since the last take.
func (l *ledger) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	served := l.served
	l.served = nil
	return served
}

func wantLines(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// packagesBeside returns the zips and directories on disk beside the directory
// of one package.
func packagesBeside(t testing.TB, root string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(filepath.Dir(root), "package-*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestWithinWindow(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Window: long, OnServe: l.serve})
	b.create(function("f", types.RuntimeGo1x, taggedZip(t, "code 0"), variables(map[string]string{"TEXT": "a"})))
	wantLines(t, "before", b.parts(2), "code 0 a", "code 0 a")
	old := b.invoke("f", event{}).Pid

	b.configure(text("b"))
	first, second := b.invoke("f", event{}), b.invoke("f", event{})
	if first.Text != "a" || first.Pid != old || second.Text != "b" {
		t.Errorf("process %d answers %q and then %q, want %d and a, then b", first.Pid, first.Text, second.Text, old)
	}
	if again := b.invoke("f", event{}); again.Pid != first.Pid {
		t.Error("the environment of the old version is not reused")
	}
	if again := b.invoke("f", event{}); again.Pid != second.Pid {
		t.Error("the environment of the new version is not reused")
	}

	// A new environment can be of the old version too.
	b.fail("f", event{Do: "exit"})
	wantLines(t, "a new environment", b.parts(2), "code 0 b", "code 0 a")

	// Code and configuration stay together.
	b.updateCode("f", taggedZip(t, "code 1"))
	wantLines(t, "after two updates", b.parts(6), "code 0 a", "code 1 b", "code 0 b", "code 1 b", "code 0 a", "code 1 b")
	wantLines(t, "OnServe", l.take(), "go1.x: bootstrap + code 0 + lambda", "go1.x: bootstrap + code 0 + lambda", "go1.x: bootstrap + code 1 + lambda")
}

func TestAfterWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Window: short, Mixed: true})
	b.create(function("f", types.RuntimeGo1x, taggedZip(t, "code 0"), variables(map[string]string{"TEXT": "a"}), timeout(60)))
	old := b.warm(3)
	root := b.invoke("f", event{Do: "context"}).Dir

	// An environment that is busy at the end finishes its invocation.
	busy, release, done := b.await()
	b.configure(text("b"))
	b.updateCode("f", taggedZip(t, "code 1"))
	b.invokeUntil(time.Now().Add(short))
	wantLines(t, "after the window", b.parts(3), "code 1 b", "code 1 b", "code 1 b")
	if !slices.Contains(old, busy) || !alive(busy) {
		t.Errorf("the busy process %d, of %v, does not outlive the window", busy, old)
	}
	release()
	if r := <-done; r.Pid != busy {
		t.Errorf("process %d finished, want %d", r.Pid, busy)
	}
	gone(t, "the end of the window", old...)
	eventually(t, "the old package is removed", func() bool {
		_, err := os.Stat(root)
		return os.IsNotExist(err) && len(packagesBeside(t, root)) == 2 // a zip and its directory
	})
}

// Without any invocation, the environments of the old version end one by one, the
// last at the end of the window.
func TestEnvironmentsMoveOver(t *testing.T) {
	t.Parallel()
	const window = 2 * time.Second
	b := newBench(t, emulator.Options{Window: window})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t), timeout(60)))
	pids := b.warm(4)
	began := time.Now()
	b.configure(text("b"))
	var moved []time.Duration
	eventually(t, "all environments have ended", func() bool {
		pids = slices.DeleteFunc(pids, func(pid int) bool {
			if !alive(pid) {
				moved = append(moved, time.Since(began))
				return true
			}
			return false
		})
		return len(pids) == 0
	})
	for i, after := range moved {
		if least := window * time.Duration(i+1) / 4; after < least {
			t.Errorf("%d of 4 environments had ended after %s, want %s at least", i+1, after, least)
		}
	}
	if moved[0] >= window {
		t.Errorf("the first environment ended only after %s", moved[0])
	}
}

// With overlapping windows every code meets every configuration.
func TestMixed(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Window: long, Mixed: true, OnServe: l.serve})
	b.create(function("f", types.RuntimeGo1x, taggedZip(t, "code 0"), variables(map[string]string{"TEXT": "a"})))
	b.updateCode("f", taggedZip(t, "code 1"))
	wantLines(t, "one update makes no mixture", b.parts(4), "code 0 a", "code 1 a", "code 0 a", "code 1 a")
	b.configure(text("b"))
	wantLines(t, "two updates", b.parts(6), "code 0 a", "code 1 b", "code 1 a", "code 1 b", "code 0 b", "code 1 b")
	l.take()
	b.updateCode("f", taggedZip(t, "code 2"))
	got := b.parts(10)
	for i, part := range got {
		if i%2 == 1 && part != "code 2 b" {
			t.Errorf("invocation %d is served by %s", i, part)
		}
	}
	slices.Sort(got)
	wantLines(t, "three updates", slices.Compact(got), "code 0 a", "code 0 b", "code 1 a", "code 1 b", "code 2 a", "code 2 b")
	wantLines(t, "OnServe", l.take(), "go1.x: bootstrap + code 2 + lambda, mixed", "go1.x: bootstrap + code 2 + lambda")
}

// The architecture travels with the code, except to go1.x, which has only one.
func TestMixedArchitecture(t *testing.T) {
	t.Parallel()
	var served []string
	s, err := emulator.Start(emulator.Options{Window: long, Mixed: true, OnServe: func(d emulator.Deployment) {
		served = append(served, fmt.Sprint(d.Runtime, " ", d.Architecture, " mixed ", d.Mixed, " startable ", d.Startable()))
	}}) // without HostBinaries on any host
	b := adopt(t, s, err, nil)
	arm := foreignELF(183)
	b.create(function("f", types.RuntimeGo1x, dualZip(t)))
	b.configure(toProvided())
	_, err = b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String("f"), Architectures: []types.Architecture{types.ArchitectureArm64},
		ZipFile: makeZip(t, file{"lambda", 0o755, arm}, file{"bootstrap", 0o755, arm}),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.configure(text("b"))
	wantLines(t, "OnServe", served,
		"go1.x x86_64 mixed false startable true",
		"provided.al2023 x86_64 mixed false startable true",
		"go1.x x86_64 mixed true startable false",
		"provided.al2023 arm64 mixed false startable true",
		"provided.al2023 x86_64 mixed true startable true",
		"provided.al2023 arm64 mixed false startable true",
	)
}

// migrateWithoutDual moves f from go1.x to provided.al2023 through a package
// that contains only bootstrap.
func migrateWithoutDual(b *bench, between func()) {
	b.create(function("f", types.RuntimeGo1x, runtimeZip(b, types.RuntimeGo1x)))
	b.outcomes(1)
	b.updateCode("f", runtimeZip(b, types.RuntimeProvidedal2023))
	between()
	b.configure(toProvided())
}

func TestBootstrapOnlyWithinWindow(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Window: long, Mixed: true, OnServe: l.serve})
	migrateWithoutDual(b, func() {
		wantLines(t, "before the switch", b.outcomes(4), "ok", "PathError", "ok", "PathError")
	})
	wantLines(t, "after the switch", b.outcomes(8), "PathError", "ok", "Runtime.InvalidEntrypoint", "ok", "ok", "ok", "PathError", "ok")
	wantLines(t, "OnServe", l.take(),
		"go1.x: lambda",
		"go1.x: bootstrap, unstartable",
		"provided.al2023: lambda, mixed, unstartable",
		"provided.al2023: bootstrap")
}

func TestBootstrapOnlyAfterWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Window: short, Mixed: true})
	migrateWithoutDual(b, func() {})
	b.invokeUntil(time.Now().Add(short))
	wantLines(t, "after the window", b.outcomes(4), "ok", "ok", "ok", "ok")
}

// If the switch comes within the window of the dual zip, the old zip can meet the
// new runtime.
func TestDualWithinWindow(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Window: long, Mixed: true, OnServe: l.serve})
	b.create(function("f", types.RuntimeGo1x, runtimeZip(t, types.RuntimeGo1x)))
	b.updateCode("f", dualZip(t))
	wantLines(t, "before the switch", b.outcomes(4), "ok", "ok", "ok", "ok")
	b.configure(toProvided())
	wantLines(t, "after the switch", b.outcomes(7), "Runtime.InvalidEntrypoint", "ok", "ok", "ok", "ok", "ok", "Runtime.InvalidEntrypoint")
	wantLines(t, "OnServe", l.take(),
		"go1.x: lambda",
		"go1.x: bootstrap + lambda",
		"provided.al2023: lambda, mixed, unstartable",
		"provided.al2023: bootstrap + lambda")
}

// If the switch comes after that window, nothing fails.
func TestDualAfterWindow(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Window: short, Mixed: true, OnServe: l.serve})
	b.create(function("f", types.RuntimeGo1x, runtimeZip(t, types.RuntimeGo1x)))
	settle := func() {
		t.Helper()
		got := b.invokeUntil(time.Now().Add(short))
		slices.Sort(got)
		wantLines(t, "within the window", slices.Compact(got), "ok")
	}
	b.updateCode("f", dualZip(t))
	settle()
	b.configure(toProvided())
	settle()
	b.updateCode("f", runtimeZip(t, types.RuntimeProvidedal2023))
	settle()
	wantLines(t, "OnServe", l.take(),
		"go1.x: lambda",
		"go1.x: bootstrap + lambda",
		"provided.al2023: bootstrap + lambda",
		"provided.al2023: bootstrap")
}

func TestFailedUpdateHasNoWindow(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Window: long, Mixed: true, OnServe: l.serve, FailUpdate: func(_, operation string) *emulator.Failure {
		if operation == "UpdateFunctionCode" {
			return &emulator.Failure{}
		}
		return nil
	}})
	b.create(function("f", types.RuntimeGo1x, taggedZip(t, "code 0"), variables(map[string]string{"TEXT": "a"})))
	b.updateCode("f", taggedZip(t, "code 1"))
	b.configure(text("b"))
	wantLines(t, "invocations", b.parts(4), "code 0 a", "code 0 b", "code 0 a", "code 0 b")
	wantLines(t, "OnServe", l.take(), "go1.x: bootstrap + code 0 + lambda", "go1.x: bootstrap + code 0 + lambda")
}

// An update to a runtime that the emulator cannot run concerns only what it
// replaces the old version with.
func TestOtherRuntimeWithinWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Window: long})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	b.configure(&lambda.UpdateFunctionConfigurationInput{Runtime: types.RuntimeNodejs22x})
	for i := range 4 {
		_, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")})
		if i%2 == 0 && err != nil {
			t.Errorf("the old version: %v", err)
		}
		if i%2 == 1 {
			wantError(t, err, 400, "InvalidParameterValueException", "invoking function f on runtime nodejs22.x is not implemented by the emulator")
		}
	}
}

// inWindow makes three versions and a mixture of f serve, each in an environment
// with a child. It returns the processes and the directory of a package.
func inWindow(b *bench) (pids []int, root string) {
	b.create(function("f", types.RuntimeGo1x, taggedZip(b, "code 0")))
	root = b.invoke("f", event{Do: "context"}).Dir
	b.updateCode("f", taggedZip(b, "code 1"))
	b.configure(toProvided())
	for range 6 {
		r := b.invoke("f", sleeper)
		pids = append(pids, r.Pid, r.ChildPid)
	}
	return pids, root
}

func TestDeleteWithinWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Window: long, Mixed: true})
	pids, root := inWindow(b)
	if got := packagesBeside(t, root); len(got) != 4 {
		t.Errorf("packages within the window: %v, want two zips and their directories", got)
	}
	b.remove("f")
	gone(t, "deleting", pids...)
	if got := packagesBeside(t, root); len(got) != 0 {
		t.Errorf("deleting left %v", got)
	}
	// The next function of the name has nothing of it.
	b.create(function("f", types.RuntimeGo1x, taggedZip(t, "code 2"), variables(map[string]string{"TEXT": "c"})))
	wantLines(t, "the next function", b.parts(3), "code 2 c", "code 2 c", "code 2 c")
}

func TestCloseWithinWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Window: long, Mixed: true})
	pids, root := inWindow(b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, "closing", pids...)
	if _, err := os.Stat(filepath.Dir(root)); !os.IsNotExist(err) {
		t.Errorf("closing left %s: %v", filepath.Dir(root), err)
	}
}

// Under load, with updates at any time, every invocation succeeds as long as each
// version and each mixture can be started.
func TestWindowUnderLoad(t *testing.T) {
	t.Parallel()
	const window = 20 * time.Millisecond
	b := newBench(t, emulator.Options{Window: window, UpdateTime: 5 * time.Millisecond, Mixed: true})
	settle := func() {
		t.Helper()
		eventually(t, "the function is updated", func() bool {
			c := b.get("f")
			return c.State == types.StateActive && c.LastUpdateStatus != types.LastUpdateStatusInProgress
		})
	}
	b.create(function("f", types.RuntimeGo1x, taggedZip(t, "code 0"), timeout(60)))
	settle()
	root := b.invoke("f", event{Do: "context"}).Dir
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 2 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				out, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("{}")})
				if err != nil || out.FunctionError != nil {
					t.Errorf("%v, %+v", err, out)
					return
				}
			}
		})
	}
	for i := range 5 {
		b.updateCode("f", taggedZip(t, fmt.Sprint("code ", i+1)))
		settle()
		b.configure(text(fmt.Sprint(i)))
		settle()
	}
	passed := time.Now().Add(window)
	close(stop)
	callers.Wait()
	eventually(t, "only the last package is left", func() bool {
		return time.Now().After(passed) && len(packagesBeside(t, root)) == 2
	})
	wantLines(t, "in the end", b.parts(2), "code 5 4", "code 5 4")
}
