//go:build unix

package emulator_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

// alive reports whether a process runs. A zombie does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	if stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil {
		_, after, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(after, "Z")
	}
	out, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	state := strings.TrimSpace(string(out))
	return state != "" && !strings.HasPrefix(state, "Z")
}

// gone waits until processes are gone.
func gone(t testing.TB, what string, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		eventually(t, what+" leaves no process", func() bool { return !alive(pid) })
	}
}

// await starts an invocation that is busy until its release, and waits until it
// is busy. It returns the process and the result.
func (b *bench) await() (pid int, release func(), done <-chan result) {
	b.Helper()
	dir := b.TempDir()
	results := make(chan result, 1)
	go func() { results <- b.invoke("f", event{Do: "await", Text: dir, N: 2}) }()
	eventually(b, "the invocation is in progress", func() bool {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) == 0 {
			return false
		}
		pid, err = strconv.Atoi(entries[0].Name())
		return err == nil
	})
	return pid, func() {
		if err := os.WriteFile(filepath.Join(dir, "go on"), nil, 0o600); err != nil {
			b.Error(err)
		}
	}, results
}

func TestReplacedEnvironmentsAreKilled(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		old := b.invoke("f", sleeper)
		if !alive(old.Pid) || !alive(old.ChildPid) {
			b.Fatal("the environment does not outlive its invocation")
		}
		b.describe("new")
		gone(b, "replacing", old.Pid, old.ChildPid)

		// A busy environment finishes its invocation and is killed then. It does
		// not serve another one.
		busy, release, done := b.await()
		idle := b.invoke("f", event{}).Pid
		b.describe("newer")
		gone(b, "replacing", idle)
		if pid := b.invoke("f", event{}).Pid; pid == busy {
			b.Error("a replaced environment serves another invocation")
		}
		release()
		<-done
		gone(b, "finishing", busy)

		last := b.invoke("f", sleeper)
		b.remove("f")
		gone(b, "deleting", last.Pid, last.ChildPid)
	}, timeout(60))
}

func TestFailuresKillChildren(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		for _, end := range []event{{Do: "panic"}, {Do: "exit", N: 1}, {Do: "sleep", N: 60_000}} {
			r := b.invoke("f", sleeper)
			b.fail("f", end)
			gone(b, end.Do, r.Pid, r.ChildPid)
		}
	}, timeout(1))
}

// A child in a session of its own ends with its environment, and with no other.
func TestDaemonsAreKilled(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux finds children that leave their process group")
	}
	eachRuntime(t, func(b *bench, r types.Runtime) {
		b.create(function("other", r, runtimeZip(b, r)))
		other := b.invoke("other", daemon)
		start := func() result {
			b.Helper()
			r := b.invoke("f", daemon)
			if group, err := syscall.Getpgid(r.ChildPid); err != nil || group != r.ChildPid {
				b.Fatalf("the child %d is in group %d: %v", r.ChildPid, group, err)
			}
			return r
		}
		first, second := start(), start()
		if first.Pid != second.Pid || !alive(first.ChildPid) {
			b.Fatal("the environment or its child does not outlive its invocation")
		}
		b.describe("new")
		gone(b, "replacing", first.Pid, first.ChildPid, second.ChildPid)
		for _, end := range []event{{Do: "panic"}, {Do: "exit", N: 0}, {Do: "sleep", N: 60_000}} {
			r := start()
			b.fail("f", end)
			gone(b, end.Do, r.Pid, r.ChildPid)
		}
		last := start()
		if !alive(other.Pid) || !alive(other.ChildPid) {
			b.Error("ends of environments of f kill a child of another function")
		}
		if err := b.Close(); err != nil {
			b.Fatal(err)
		}
		gone(b, "closing", last.Pid, last.ChildPid, other.Pid, other.ChildPid)
	}, timeout(1))
}

func TestCloseKillsAndRemoves(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t), timeout(60)))
	r := b.invoke("f", sleeper)
	root := b.invoke("f", event{Do: "context"}).Dir
	cut := make(chan error)
	go func() {
		payload, _ := json.Marshal(event{Do: "sleep", N: 60_000})
		_, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: new("f"), Payload: payload})
		cut <- err
	}()
	eventually(t, "the invocation is in progress", func() bool { return b.Calls()["Invoke"] == 3 })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-cut; err == nil {
		t.Error("an invocation in progress succeeded")
	}
	if alive(r.Pid) {
		t.Error("closing left a process")
	}
	gone(t, "closing", r.ChildPid) // killed, but not a child of this process
	if _, err := os.Stat(filepath.Dir(root)); !os.IsNotExist(err) {
		t.Errorf("closing left %s: %v", filepath.Dir(root), err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(b.URL(), "http://")); err == nil {
		t.Error("closing left the listener")
	}
}

// A killed program cannot clean up. The watcher does.
func TestKilledProgramLeavesNothing(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), victimVariable+"="+built.rpc, "TMPDIR="+temp)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var pids []int
	lines := bufio.NewScanner(stdout)
	want := 2 * 2 * len(victimEvents())
	for len(pids) < want && lines.Scan() {
		var pid int
		if _, err := fmt.Sscan(lines.Text(), &pid); err != nil {
			t.Fatalf("%v in %q", err, lines.Text())
		}
		pids = append(pids, pid)
	}
	if len(pids) < want {
		t.Fatal("the program did not run its functions")
	}
	for _, pid := range pids {
		if !alive(pid) {
			t.Fatalf("process %d is gone already", pid)
		}
	}
	left := func() []string {
		names, err := filepath.Glob(filepath.Join(temp, "dualboot-emulator-*"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if len(left()) != 1 {
		t.Fatalf("the program's directories are %v, want one", left())
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, "killing the program", pids...)
	eventually(t, "the program's directory is removed", func() bool { return len(left()) == 0 })
}

// An environment that ends while it is idle is not used again.
func TestDeadEnvironment(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		pid := b.invoke("f", event{}).Pid
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			b.Fatal(err)
		}
		eventually(b, "the process is reaped", func() bool { return syscall.Kill(pid, 0) != nil })
		time.Sleep(200 * time.Millisecond) // for the rest of its end
		b.invoke("f", event{})
	})
}

// A signal from the terminal goes to this process group, not to functions.
func TestOwnProcessGroup(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, dualZip(t)))
	pid := b.invoke("f", event{}).Pid
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("process %d is in group %d: %v", pid, group, err)
	}
}

// A process of go1.x that loses its port to another program is started again.
func TestPortLost(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	dir := t.TempDir()
	b.create(function("f", types.RuntimeGo1x, makeZip(t, script("lambda", `
		if [ ! -e "$DIR/port" ]; then
			echo "$_LAMBDA_SERVER_PORT" > "$DIR/port"
			echo "listen tcp 127.0.0.1:$_LAMBDA_SERVER_PORT: bind: address already in use"
			exit 1
		fi
		exec "`+built.rpc+`"`)), variables(map[string]string{"DIR": dir})))
	b.invoke("f", event{})

	// After several losses the invocation fails as after any other exit.
	b.updateCode("f", makeZip(t, script("lambda", `echo "address already in use"; exit 1`)))
	if got := b.fail("f", event{}); got.ErrorType != "" || got.ErrorMessage != "RequestId: ID Process exited before completing request" {
		t.Errorf("got %+v", got)
	}
}
