//go:build unix

package emulator_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// long is a window that is not over before a test is, and short one that is
// over soon.
const (
	long  = time.Hour
	short = 300 * time.Millisecond
)

// taggedZip is a zip of both builds that is not like that of another tag.
func taggedZip(t testing.TB, tag string) []byte {
	return makeZip(t, launcher("lambda", built.rpc), launcher("bootstrap", built.norpc), file{tag, 0o644, nil})
}

func textConfiguration(text string) *lambda.UpdateFunctionConfigurationInput {
	return &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"),
		Environment:  &types.Environment{Variables: map[string]string{"TEXT": text}},
	}
}

// toProvided is the switch of the runtime.
func toProvided() *lambda.UpdateFunctionConfigurationInput {
	return &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeProvidedal2023}
}

// outcomes invokes f n times, one after the other: each time "ok" or the type
// of the error.
func (b *bench) outcomes(n int) []string {
	b.Helper()
	var got []string
	for range n {
		out := b.send("f", event{})
		f := failure{ErrorType: "ok"}
		if out.FunctionError != nil {
			if err := json.Unmarshal(out.Payload, &f); err != nil {
				b.Fatalf("%v in %s", err, out.Payload)
			}
		}
		got = append(got, f.ErrorType)
	}
	return got
}

// parts invokes f n times and answers which code, by its tag, and which
// configuration, by its text, served each time.
func (b *bench) parts(n int) []string {
	b.Helper()
	var got []string
	for range n {
		r := b.invoke("f", event{Do: "context"})
		tags, err := filepath.Glob(filepath.Join(r.Dir, "code *"))
		if err != nil || len(tags) != 1 {
			b.Fatalf("tags in %s are %v: %v", r.Dir, tags, err)
		}
		i := slices.IndexFunc(r.Environ, func(pair string) bool { return strings.HasPrefix(pair, "TEXT=") })
		got = append(got, filepath.Base(tags[0])+" "+strings.TrimPrefix(r.Environ[i], "TEXT="))
	}
	return got
}

// warm has f start n environments, all busy at once.
func (b *bench) warm(n int) (pids []int) {
	b.Helper()
	dir := b.TempDir()
	results := make([]result, n)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i] = b.invoke("f", event{Do: "await", Text: dir, N: n}) })
	}
	all.Wait()
	for _, r := range results {
		pids = append(pids, r.Pid)
	}
	return pids
}

// ledger is an OnServe that notes what it is told.
type ledger struct {
	mu   sync.Mutex
	told []emulator.Deployment
}

func (l *ledger) serve(d emulator.Deployment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, d)
}

// take answers what was told since it was last called, in short.
func (l *ledger) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, d := range l.told {
		line := d.Runtime + ": " + strings.Join(d.Files, " + ")
		if d.Mixed {
			line += ", mixed"
		}
		if !d.Startable() {
			line += ", unstartable"
		}
		lines = append(lines, line)
	}
	l.told = nil
	return lines
}

func wantLines(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// packagesOf are the packages on disk, beside the one whose directory is given.
func packagesOf(t testing.TB, root string) []string {
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

	b.configure(textConfiguration("b"))
	first, second := b.invoke("f", event{}), b.invoke("f", event{})
	if first.Text != "a" || first.Pid != old || second.Text != "b" {
		t.Errorf("process %d answers %q and then %q, want %d and a, then b", first.Pid, first.Text, second.Text, old)
	}
	if again := b.invoke("f", event{}); again.Pid != first.Pid {
		t.Error("the old version's environment is not used again")
	}
	if again := b.invoke("f", event{}); again.Pid != second.Pid {
		t.Error("the new version's environment is not used again")
	}

	// Where a new environment is needed, it too may be of the old version.
	b.fail("f", event{Do: "exit"})
	wantLines(t, "a new environment", append(b.parts(1), b.parts(1)...), "code 0 b", "code 0 a")

	// Code and configuration stay together.
	b.updateCode("f", taggedZip(t, "code 1"))
	wantLines(t, "after two updates", b.parts(6), "code 0 a", "code 1 b", "code 0 b", "code 1 b", "code 0 a", "code 1 b")
	wantLines(t, "told", l.take(), "go1.x: bootstrap + code 0 + lambda", "go1.x: bootstrap + code 0 + lambda", "go1.x: bootstrap + code 1 + lambda")
}

func TestAfterWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Window: short, Mixed: true})
	b.create(function("f", types.RuntimeGo1x, taggedZip(t, "code 0"), variables(map[string]string{"TEXT": "a"}), timeout(60)))
	old := b.warm(3)
	root := b.invoke("f", event{Do: "context"}).Dir

	// One that is busy at the end finishes, and is killed then.
	dir := b.TempDir()
	busy := make(chan result)
	go func() { busy <- b.invoke("f", event{Do: "await", Text: dir, N: 2}) }()
	var own int // the busy process
	eventually(t, "the invocation is under way", func() bool {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) == 0 {
			return false
		}
		own, err = strconv.Atoi(entries[0].Name())
		return err == nil
	})
	b.configure(textConfiguration("b"))
	b.updateCode("f", taggedZip(t, "code 1"))
	passed := time.Now().Add(short)
	eventually(t, "the window passes", func() bool {
		b.invoke("f", event{})
		return time.Now().After(passed)
	})
	wantLines(t, "after the window", b.parts(3), "code 1 b", "code 1 b", "code 1 b")
	if !slices.Contains(old, own) || !alive(own) {
		t.Errorf("process %d, which is busy, is not one of %v that outlives the window", own, old)
	}
	if err := os.WriteFile(filepath.Join(dir, "go on"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := <-busy; r.Pid != own {
		t.Errorf("process %d finished, want %d", r.Pid, own)
	}
	gone(t, "the window's end", old...)
	eventually(t, "the old package is removed", func() bool {
		_, err := os.Stat(root)
		return os.IsNotExist(err) && len(packagesOf(t, root)) == 2 // a zip and its directory
	})
}

// The environments of the old version move over one by one, without any
// invocation, and the last at the end.
func TestEnvironmentsMoveOver(t *testing.T) {
	t.Parallel()
	const window = 2 * time.Second
	b := newBench(t, emulator.Options{Window: window})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t), timeout(60)))
	pids := b.warm(4)
	began := time.Now()
	b.configure(textConfiguration("b"))
	var moved []time.Duration
	eventually(t, "all have moved over", func() bool {
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
			t.Errorf("%d of 4 environments had moved over after %s, want %s at least", i+1, after, least)
		}
	}
	if moved[0] >= window {
		t.Errorf("the first environment moved over after %s only", moved[0])
	}
}

// All codes meet all configurations of updates whose windows overlap.
func TestMixed(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Window: long, Mixed: true, OnServe: l.serve})
	b.create(function("f", types.RuntimeGo1x, taggedZip(t, "code 0"), variables(map[string]string{"TEXT": "a"})))
	b.updateCode("f", taggedZip(t, "code 1"))
	wantLines(t, "one update makes no mixture", b.parts(4), "code 0 a", "code 1 a", "code 0 a", "code 1 a")
	b.configure(textConfiguration("b"))
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
	wantLines(t, "told", l.take(), "go1.x: bootstrap + code 2 + lambda, mixed", "go1.x: bootstrap + code 2 + lambda")
}

// The architecture travels with the code, and go1.x has only one.
func TestMixedArchitecture(t *testing.T) {
	t.Parallel()
	var told []string
	s, err := emulator.Start(emulator.Options{Window: long, Mixed: true, OnServe: func(d emulator.Deployment) {
		told = append(told, fmt.Sprint(d.Runtime, " ", d.Architecture, " mixed ", d.Mixed, " startable ", d.Startable()))
	}}) // without HostBinaries, whatever the host
	if err != nil {
		t.Fatal(err)
	}
	b := adopt(t, s)
	arm := foreignELF()
	arm[18] = 183
	b.create(function("f", types.RuntimeGo1x, dualZip(t)))
	b.configure(toProvided())
	_, err = b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String("f"), Architectures: []types.Architecture{types.ArchitectureArm64},
		ZipFile: makeZip(t, file{"lambda", 0o755, arm}, file{"bootstrap", 0o755, arm}),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.configure(textConfiguration("b"))
	wantLines(t, "told", told,
		"go1.x x86_64 mixed false startable true",
		"provided.al2023 x86_64 mixed false startable true",
		"go1.x x86_64 mixed true startable false",
		"provided.al2023 arm64 mixed false startable true",
		"provided.al2023 x86_64 mixed true startable true",
		"provided.al2023 arm64 mixed false startable true",
	)
}

// bootstrapOnly takes f from go1.x to provided.al2023 through a package that
// has no lambda, without any wait.
func bootstrapOnly(b *bench, between func()) {
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
	bootstrapOnly(b, func() {
		wantLines(t, "before the switch", b.outcomes(4), "ok", "PathError", "ok", "PathError")
	})
	wantLines(t, "after the switch", b.outcomes(8), "PathError", "ok", "Runtime.InvalidEntrypoint", "ok", "ok", "ok", "PathError", "ok")
	wantLines(t, "told", l.take(),
		"go1.x: lambda",
		"go1.x: bootstrap, unstartable",
		"provided.al2023: lambda, mixed, unstartable",
		"provided.al2023: bootstrap")
}

func TestBootstrapOnlyAfterWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Window: short, Mixed: true})
	bootstrapOnly(b, func() {})
	passed := time.Now().Add(short)
	eventually(t, "the window passes", func() bool {
		b.outcomes(1)
		return time.Now().After(passed)
	})
	wantLines(t, "after the window", b.outcomes(4), "ok", "ok", "ok", "ok")
}

// With both binaries in the zip and the switch before the window of the zip is
// over, the old zip can meet the new runtime.
func TestDualWithinWindow(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Window: long, Mixed: true, OnServe: l.serve})
	b.create(function("f", types.RuntimeGo1x, runtimeZip(t, types.RuntimeGo1x)))
	b.updateCode("f", dualZip(t))
	wantLines(t, "before the switch", b.outcomes(4), "ok", "ok", "ok", "ok")
	b.configure(toProvided())
	wantLines(t, "after the switch", b.outcomes(7), "Runtime.InvalidEntrypoint", "ok", "ok", "ok", "ok", "ok", "Runtime.InvalidEntrypoint")
	wantLines(t, "told", l.take(),
		"go1.x: lambda",
		"go1.x: bootstrap + lambda",
		"provided.al2023: lambda, mixed, unstartable",
		"provided.al2023: bootstrap + lambda")
}

// And with the switch after that window nothing can fail.
func TestDualAfterWindow(t *testing.T) {
	t.Parallel()
	var l ledger
	b := newBench(t, emulator.Options{Window: short, Mixed: true, OnServe: l.serve})
	b.create(function("f", types.RuntimeGo1x, runtimeZip(t, types.RuntimeGo1x)))
	settle := func() {
		t.Helper()
		passed := time.Now().Add(short)
		eventually(t, "the window passes", func() bool {
			wantLines(t, "within the window", b.outcomes(1), "ok")
			return time.Now().After(passed)
		})
	}
	b.updateCode("f", dualZip(t))
	settle()
	b.configure(toProvided())
	settle()
	b.updateCode("f", runtimeZip(t, types.RuntimeProvidedal2023))
	settle()
	wantLines(t, "told", l.take(),
		"go1.x: lambda",
		"go1.x: bootstrap + lambda",
		"provided.al2023: bootstrap + lambda",
		"provided.al2023: bootstrap")
}

// A failed update replaces nothing.
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
	b.configure(textConfiguration("b"))
	wantLines(t, "served", b.parts(4), "code 0 a", "code 0 b", "code 0 a", "code 0 b")
	wantLines(t, "told", l.take(), "go1.x: bootstrap + code 0 + lambda", "go1.x: bootstrap + code 0 + lambda")
}

// inWindow has f serve three versions and a mixture, each with an environment
// that has a child. It answers the processes and the directory of a package.
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
	if got := packagesOf(t, root); len(got) != 4 {
		t.Errorf("packages within the window: %v, want two zips and their directories", got)
	}
	if _, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	gone(t, "deleting", pids...)
	if got := packagesOf(t, root); len(got) != 0 {
		t.Errorf("deleting left %v", got)
	}
	// The next one of the name has nothing of it.
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

// Updates, invocations and the window's end come at any time, and whatever
// serves an invocation can.
func TestWindowUnderLoad(t *testing.T) {
	t.Parallel()
	const window = 20 * time.Millisecond
	b := newBench(t, emulator.Options{Window: window, UpdateTime: 5 * time.Millisecond, Mixed: true})
	b.create(function("f", types.RuntimeGo1x, taggedZip(t, "code 0"), timeout(60)))
	b.settle("f")
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
		b.settle("f")
		b.configure(textConfiguration(fmt.Sprint(i)))
		b.settle("f")
	}
	passed := time.Now().Add(window)
	close(stop)
	callers.Wait()
	eventually(t, "only the last package is left", func() bool {
		return time.Now().After(passed) && len(packagesOf(t, root)) == 2
	})
	wantLines(t, "in the end", b.parts(2), "code 5 4", "code 5 4")
}
