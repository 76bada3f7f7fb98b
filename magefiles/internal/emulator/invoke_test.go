package emulator_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

var bothRuntimes = []types.Runtime{types.RuntimeGo1x, types.RuntimeProvidedal2023}

// sleeper leaves a child process.
var sleeper = event{Do: "child", Child: []string{"/bin/sh", "-c", "trap '' HUP INT TERM; sleep 300"}}

// daemon is a sleeper in a session of its own.
var daemon = event{Do: "daemon", Child: sleeper.Child}

// eachRuntime runs a test for go1.x and for provided.al2023, each with a
// function f that has only what that runtime starts.
func eachRuntime(t *testing.T, test func(b *bench, r types.Runtime), edits ...func(*lambda.CreateFunctionInput)) {
	for _, r := range bothRuntimes {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.create(function("f", r, runtimeZip(t, r), edits...))
			test(b, r)
		})
	}
}

// log returns the end of an invocation's log.
func (b *bench) log(out *lambda.InvokeOutput) string {
	b.Helper()
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		b.Fatal(err)
	}
	return string(log)
}

// One package with both binaries serves on both runtimes.
func TestBothRuntimes(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, realZip(t), timeout(7), variables(map[string]string{"LANG": "xx", "MINE": "1=2"})))
	var pids []int
	for _, r := range bothRuntimes {
		b.configure(&lambda.UpdateFunctionConfigurationInput{Runtime: r})
		pids = append(pids, checkInvoke(b))
		checkContext(b, r)
	}
	if pids[0] == pids[1] {
		t.Error("the runtime changed and the process did not")
	}
}

// checkInvoke checks invocations on the side of the caller. It returns the
// process that handled them.
func checkInvoke(b *bench) int {
	b.Helper()
	out := b.send("f", event{Do: "raw", Text: "hello"})
	if got := string(out.Payload); got != `"hello"` || out.StatusCode != 200 || aws.ToString(out.ExecutedVersion) != "$LATEST" || out.FunctionError != nil {
		b.Errorf("got %q, status %d, version %s, error %v", got, out.StatusCode, aws.ToString(out.ExecutedVersion), out.FunctionError)
	}
	first := b.invoke("f", event{Do: "echo", Text: "1"})
	second := b.invoke("f", event{Do: "echo", Text: "2"})
	if first.Pid != second.Pid {
		b.Errorf("successive invocations ran in processes %d and %d, want one", first.Pid, second.Pid)
	}
	if got := b.invoke(arnOfF+":$LATEST", event{Do: "context"}).ARN; got != arnOfF+":$LATEST" {
		b.Errorf("invoked by its qualified ARN, the function sees %s", got)
	}
	return first.Pid
}

// checkContext checks an invocation on the side of the function: the environment
// of its process, and what the runtime tells it.
func checkContext(b *bench, r types.Runtime) {
	b.Helper()
	out, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{
		FunctionName:  aws.String("f"),
		Payload:       []byte(`{"Do":"context"}`),
		ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte("{\n \"custom\": {\"k\": \"v\"}\n}"))),
	})
	if err != nil {
		b.Fatal(err)
	}
	var got result
	b.decode(out.Payload, &got)
	if id, _ := middleware.GetRequestIDMetadata(out.ResultMetadata); got.RequestID != id {
		b.Errorf("the function sees request %s, the caller %s", got.RequestID, id)
	}
	if got.ARN != arnOfF {
		b.Errorf("ARN is %s, want %s", got.ARN, arnOfF)
	}
	if !cmp.Equal(got.Client, map[string]string{"k": "v"}) {
		b.Errorf("client context is %v", got.Client)
	}
	if !strings.HasPrefix(got.Trace, "Root=1-") {
		b.Errorf("trace is %q", got.Trace)
	}
	if got.Milliseconds > 7000 || got.Milliseconds < 5000 {
		b.Errorf("the deadline is in %d ms, want a little under 7 s", got.Milliseconds)
	}

	environ := map[string]string{}
	for _, pair := range got.Environ {
		name, value, _ := strings.Cut(pair, "=")
		environ[name] = value
	}
	root := environ["LAMBDA_TASK_ROOT"]
	if resolved, _ := filepath.EvalSymlinks(root); got.Dir != root && got.Dir != resolved {
		b.Errorf("the working directory is %s, LAMBDA_TASK_ROOT is %s", got.Dir, root)
	}
	want := map[string]string{
		"LANG":                            "xx", // not reserved
		"MINE":                            "1=2",
		"PATH":                            "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH":                 "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" + root + ":" + root + "/lib:/opt/lib",
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS":         "127.0.0.1:" + environ["_AWS_XRAY_DAEMON_PORT"],
		"_AWS_XRAY_DAEMON_ADDRESS":        "127.0.0.1",
		"_AWS_XRAY_DAEMON_PORT":           environ["_AWS_XRAY_DAEMON_PORT"],
		"TZ":                              ":UTC",
		"_HANDLER":                        "lambda",
		"_X_AMZN_TRACE_ID":                got.Trace, // set by aws-lambda-go
		"LAMBDA_TASK_ROOT":                root,
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"AWS_REGION":                      "us-east-1",
		"AWS_DEFAULT_REGION":              "us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME":        "f",
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/f",
		"AWS_LAMBDA_LOG_STREAM_NAME":      environ["AWS_LAMBDA_LOG_STREAM_NAME"],
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_ACCESS_KEY_ID":               "ASIAEMULATEDFUNCTION",
		"AWS_SECRET_ACCESS_KEY":           "emulated",
		"AWS_SESSION_TOKEN":               "emulated",
	}
	if r == types.RuntimeGo1x {
		want["AWS_EXECUTION_ENV"] = "AWS_Lambda_go1.x"
		want["_LAMBDA_SERVER_PORT"] = environ["_LAMBDA_SERVER_PORT"]
	} else {
		want["AWS_LAMBDA_RUNTIME_API"] = environ["AWS_LAMBDA_RUNTIME_API"]
		want["PATH"] = "/var/lang/bin:" + want["PATH"]
		want["LD_LIBRARY_PATH"] = "/var/lang/lib:" + want["LD_LIBRARY_PATH"]
	}
	if runtime.GOOS == "windows" {
		want["SYSTEMROOT"] = environ["SYSTEMROOT"]
	}
	if diff := cmp.Diff(want, environ); diff != "" {
		b.Errorf("the function's environment (-want +got):\n%s", diff)
	}
	if !regexp.MustCompile(`^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$`).MatchString(environ["AWS_LAMBDA_LOG_STREAM_NAME"]) {
		b.Errorf("log stream %q", environ["AWS_LAMBDA_LOG_STREAM_NAME"])
	}
}

// A variable that names a file of the package leads there.
func TestVariablesWithPaths(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, runtimeZip(t, types.RuntimeProvidedal2023), variables(map[string]string{"FILE": "/var/task/bootstrap", "TEXT": "in /var/task/"})))
	environ := b.invoke("f", event{Do: "context"}).Environ
	root := environ[slices.IndexFunc(environ, func(v string) bool { return strings.HasPrefix(v, "LAMBDA_TASK_ROOT=") })]
	for _, want := range []string{"FILE=" + filepath.Join(strings.TrimPrefix(root, "LAMBDA_TASK_ROOT="), "bootstrap"), "TEXT=in /var/task/"} {
		if !slices.Contains(environ, want) {
			t.Errorf("the environment lacks %s: %q", want, environ)
		}
	}
}

// Only go1.x has a time zone database.
func TestZoneInfo(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{ZoneInfo: "/zones.zip"})
	b.create(function("f", types.RuntimeGo1x, dualZip(t)))
	if !slices.Contains(b.invoke("f", event{Do: "context"}).Environ, "ZONEINFO=/zones.zip") {
		t.Error("go1.x has no ZONEINFO")
	}
	b.configure(toProvided())
	if slices.Contains(b.invoke("f", event{Do: "context"}).Environ, "ZONEINFO=/zones.zip") {
		t.Error("provided.al2023 has ZONEINFO")
	}
}

func TestInvokeOldRuntimes(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2, runtimeZip(t, types.RuntimeProvidedal2)))
	b.invoke("f", event{})
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeProvided})
	b.invoke("f", event{})
}

func TestInvokeWithoutPayload(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	out, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")})
	if err != nil || out.FunctionError != nil {
		t.Fatalf("%v %s", err, out.Payload)
	}
}

// exitError is the failure of a process that exits with a status.
func exitError(r types.Runtime, status int) failure {
	switch {
	case r == types.RuntimeGo1x:
		return failure{"", "RequestId: ID Process exited before completing request", nil}
	case status == 0:
		return failure{"Runtime.ExitError", "RequestId: ID Error: Runtime exited without providing a reason", nil}
	}
	return failure{"Runtime.ExitError", fmt.Sprintf("RequestId: ID Error: Runtime exited with error: exit status %d", status), nil}
}

func wantFailure(t testing.TB, what string, got, want failure) {
	t.Helper()
	if !cmp.Equal(got, want) {
		t.Errorf("%s: got  %+v\nwant %+v", what, got, want)
	}
}

func TestFunctionErrors(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		before := b.invoke("f", event{}).Pid
		wantFailure(b, "an error", b.fail("f", event{Do: "error", Text: "no luck"}), failure{"errorString", "no luck", nil})
		if pid := b.invoke("f", event{}).Pid; pid != before {
			b.Error("after an error the process is not reused")
		}

		f := b.fail("f", event{Do: "panic", Text: "at the disco"})
		if f.ErrorType != "string" || f.ErrorMessage != "at the disco" || len(f.StackTrace) == 0 {
			b.Errorf("a panic: %+v", f)
		}
		if pid := b.invoke("f", event{}).Pid; pid == before {
			b.Error("after a panic the process is reused")
		}
		wantFailure(b, "os.Exit(1)", b.fail("f", event{Do: "exit", N: 1}), exitError(r, 1))
		wantFailure(b, "os.Exit(0)", b.fail("f", event{Do: "exit", N: 0}), exitError(r, 0))
		b.invoke("f", event{})
	})
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		before := b.invoke("f", event{}).Pid
		began := time.Now()
		got := b.fail("f", event{Do: "sleep", N: 60_000})
		wantFailure(b, "a timeout", got, failure{"Sandbox.Timedout", "RequestId: ID Error: Task timed out after 1.00 seconds", nil})
		if took := time.Since(began); took < time.Second {
			b.Errorf("it timed out after %s", took)
		}
		if b.invoke("f", event{}).Pid == before {
			b.Error("after a timeout the process is reused")
		}
	}, timeout(1))
}

func TestInitTimeout(t *testing.T) {
	t.Parallel()
	for _, r := range bothRuntimes {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{}.WithTimes(500*time.Millisecond))
			b.create(function("f", r, runtimeZip(t, r), variables(map[string]string{"INIT": "hang"})))
			wantFailure(t, "init", b.fail("f", event{}), failure{"Sandbox.Timedout", "RequestId: ID Error: Task timed out after 0.50 seconds", nil})
		})
	}
}

func TestInitExit(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		out := b.send("f", event{})
		if log := b.log(out); !strings.HasPrefix(log, "giving up at init\nSTART ") {
			b.Errorf("log is\n%s", log)
		}
		wantFailure(b, "init", b.fail("f", event{}), exitError(r, 3))
	}, variables(map[string]string{"INIT": "exit"}))
}

// A bootstrap can be any program. Its end is reported as the kernel reports it.
func TestKilledRuntime(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("scripts need a Unix")
	}
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, makeZip(t, script("bootstrap", "kill -KILL $$"))))
	wantFailure(t, "init", b.fail("f", event{}), failure{"Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: signal: killed", nil})
}

// foreignELF returns the file header of a program for a machine.
func foreignELF(machine byte) []byte {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01") // 64 bits, little-endian
	header[16] = 2                      // an executable
	header[18] = machine
	header[20] = 1
	header[52] = 64 // the size of this header
	return header
}

func TestUnstartable(t *testing.T) {
	t.Parallel()
	content := launcher("", built.rpc).content
	foreign := foreignELF(22) // IBM S/390
	const missing = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
	for _, test := range []struct {
		name    string
		runtime types.Runtime
		file    file
		message string
	}{
		{"missing", types.RuntimeGo1x, file{"bootstrap", 0o755, content}, "fork/exec /var/task/lambda: no such file or directory"},
		{"not executable", types.RuntimeGo1x, file{"lambda", 0o644, content}, "fork/exec /var/task/lambda: permission denied"},
		{"executable for its owner only", types.RuntimeGo1x, file{"lambda", 0o744, content}, "fork/exec /var/task/lambda: permission denied"},
		{"wrong architecture", types.RuntimeGo1x, file{"lambda", 0o755, foreign}, "fork/exec /var/task/lambda: exec format error"},
		{"no program", types.RuntimeGo1x, file{"lambda", 0o755, []byte("\x00\x01")}, "fork/exec /var/task/lambda: exec format error"},
		{"missing", types.RuntimeProvidedal2023, file{"lambda", 0o755, content}, missing},
		{"not at the root", types.RuntimeProvidedal2023, file{"bin/bootstrap", 0o755, content}, missing},
		{"not executable", types.RuntimeProvidedal2023, file{"bootstrap", 0o644, content}, "fork/exec /var/task/bootstrap: permission denied"},
		{"wrong architecture", types.RuntimeProvidedal2023, file{"bootstrap", 0o755, foreign}, "fork/exec /var/task/bootstrap: exec format error"},
		{"no program", types.RuntimeProvidedal2023, file{"bootstrap", 0o755, []byte("\x00\x01")}, "fork/exec /var/task/bootstrap: exec format error"},
	} {
		t.Run(string(test.runtime)+" "+test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.create(function("f", test.runtime, makeZip(t, test.file)))
			want := failure{"Runtime.InvalidEntrypoint", "RequestId: ID Error: " + test.message, nil}
			if test.runtime == types.RuntimeGo1x {
				want = failure{"PathError", test.message, nil}
			}
			wantFailure(t, "start", b.fail("f", event{}), want)
		})
	}
}

// A binary without the RPC server fails on go1.x.
func TestNoRPCOnGo1x(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, makeZip(t, launcher("lambda", built.norpc))))
	out := b.send("f", event{})
	if !strings.Contains(string(out.Payload), "Process exited before completing request") {
		t.Errorf("payload is %s", out.Payload)
	}
	if log := b.log(out); !strings.Contains(log, "expected AWS Lambda environment variables [AWS_LAMBDA_RUNTIME_API] are not defined") {
		t.Errorf("log is\n%s", log)
	}
}

// A binary with the RPC server also runs on provided.*.
func TestRPCOnProvided(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, makeZip(t, launcher("bootstrap", built.rpc))))
	b.invoke("f", event{})
}

func TestHandlerInDirectory(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, makeZip(t, launcher("bin/main", built.rpc)), func(in *lambda.CreateFunctionInput) {
		in.Handler = aws.String("bin/main")
	}))
	b.invoke("f", event{})

	// A handler cannot leave the package.
	b.configure(&lambda.UpdateFunctionConfigurationInput{Handler: aws.String("../../../../../../../../bin/sh")})
	if got := b.fail("f", event{}); got.ErrorType != "PathError" || !strings.HasSuffix(got.ErrorMessage, "no such file or directory") {
		t.Errorf("got %+v", got)
	}
}

func TestTaskRootIsReadOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	root := b.invoke("f", event{Do: "context"}).Dir
	for _, path := range []string{root, filepath.Join(root, "bootstrap")} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o555 {
			t.Errorf("%s: %v, %v, want mode 0555", path, info.Mode(), err)
		}
	}
}

// A response that fails in the middle is the function's error.
func TestStreamFails(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	wantFailure(t, "the stream", b.fail("f", event{Do: "stream", Text: "the source ran dry"}), failure{"errorString", "the source ran dry", nil})
	b.invoke("f", event{})
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		const n = 4
		pids := b.warm(n)
		slices.Sort(pids)
		if got := len(slices.Compact(slices.Clone(pids))); got != n {
			b.Errorf("%d concurrent invocations ran in %d processes", n, got)
		}
		// The most recently used environment is reused.
		first, second := b.invoke("f", event{}).Pid, b.invoke("f", event{}).Pid
		if first != second || !slices.Contains(pids, first) {
			b.Errorf("processes %d and %d, of %v", first, second, pids)
		}
	}, timeout(30))
}

// warm makes f start n environments, all busy at once.
func (b *bench) warm(n int) []int {
	b.Helper()
	dir := b.TempDir()
	pids := make([]int, n)
	var all sync.WaitGroup
	for i := range pids {
		all.Go(func() { pids[i] = b.invoke("f", event{Do: "await", Text: dir, N: n}).Pid })
	}
	all.Wait()
	return pids
}

func TestLogTail(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		out := b.send("f", event{Do: "print", Text: "no newline, "})
		id, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
		memory := `Max Memory Used: \d+ MB\t`
		if runtime.GOOS != "linux" {
			memory = ""
		}
		want := regexp.MustCompile(`^printed at init\nSTART RequestId: ` + id + ` Version: \$LATEST\n` +
			`no newline, to stderr\nEND RequestId: ` + id + `\n` +
			`REPORT RequestId: ` + id + `\tDuration: [0-9.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t` + memory + `Init Duration: [0-9.]+ ms\t\n$`)
		if log := b.log(out); !want.MatchString(log) {
			b.Errorf("log is\n%s\nwant\n%s", log, want)
		}
		// The second log has nothing of the first, and no init.
		log := b.log(b.send("f", event{Do: "print", Text: "again\n"}))
		if !strings.HasPrefix(log, "START ") || !strings.HasSuffix(log, " MB\t\n") || strings.Contains(log, "Init Duration") || strings.Contains(log, "no newline") {
			b.Errorf("second log is\n%s", log)
		}
		log = b.log(b.send("f", event{Do: "flood", N: 3000, Text: "x"}))
		if len(log) != 4096 || !strings.Contains(log, "\nline 2999 x\nEND RequestId: ") {
			b.Errorf("a log of 3000 lines has %d bytes:\n%s", len(log), log)
		}
		out, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), LogType: types.LogTypeNone})
		if err != nil || out.LogResult != nil {
			b.Errorf("without LogType Tail: %v, log %v", err, out.LogResult)
		}
	}, variables(map[string]string{"INIT": "print"}))
}

// The memory in the log is what the process has used, and does not shrink.
func TestMaxMemoryUsed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells how much memory a process has used")
	}
	eachRuntime(t, func(b *bench, r types.Runtime) {
		used := func(e event) (megabytes int) {
			b.Helper()
			_, after, _ := strings.Cut(b.log(b.send("f", e)), "Max Memory Used: ")
			if _, err := fmt.Sscanf(after, "%d MB\t", &megabytes); err != nil {
				b.Fatalf("%v in %q", err, after)
			}
			return megabytes
		}
		first := used(event{})
		large := used(event{Do: "big", N: 4 << 20})
		again := used(event{})
		if first < 1 || large < first+4 || again < large {
			b.Errorf("%d MB, then %d MB with 4 MB more, then %d MB", first, large, again)
		}
		// An invocation that ends the process has the memory until then.
		if exit := used(event{Do: "exit", N: 1}); exit != again {
			b.Errorf("%d MB at the exit, %d MB before", exit, again)
		}
	}, timeout(60))
}

// Variables of al2023 that the other runtimes lack, and one that functions may set.
func TestEnvironmentOfOtherRuntimes(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2, dualZip(t), variables(map[string]string{"AWS_XRAY_DAEMON_ADDRESS": "mine"})))
	environ := b.invoke("f", event{Do: "context"}).Environ
	for _, want := range []string{"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin", "AWS_XRAY_DAEMON_ADDRESS=mine"} {
		if !slices.Contains(environ, want) {
			t.Errorf("no %s in %q", want, environ)
		}
	}
}

// lockedBuffer is a writer for several goroutines.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

func TestLogs(t *testing.T) {
	t.Parallel()
	var logs lockedBuffer
	b := newBench(t, emulator.Options{Logs: &logs})
	b.create(function("one", types.RuntimeGo1x, dualZip(t)))
	b.create(function("two", types.RuntimeProvidedal2023, dualZip(t)))
	var all sync.WaitGroup
	for _, name := range []string{"one", "two"} {
		all.Go(func() { b.invoke(name, event{Do: "flood", N: 200, Text: "of " + name}) })
	}
	all.Wait()
	for _, name := range []string{"one", "two"} {
		for i := range 200 {
			if want := fmt.Sprintf("%s: line %d of %s\n", name, i, name); !strings.Contains(logs.String(), want) {
				t.Fatalf("no line %q in the logs", want)
			}
		}
	}
}

func TestAsynchronousInvocation(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{}.WithTimes(10*time.Second, 10*time.Millisecond, 20*time.Millisecond))
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	once, thrice := filepath.Join(t.TempDir(), "once"), filepath.Join(t.TempDir(), "thrice")
	b.sendLater("f", event{Do: "write", Text: once})
	eventually(t, "the invocation is handled", func() bool { _, err := os.Stat(once); return err == nil })
	b.sendLater("f", event{Do: "mark", Text: thrice})
	attempts := func() int {
		content, _ := os.ReadFile(thrice)
		return bytes.Count(content, []byte("\n"))
	}
	eventually(t, "three attempts", func() bool { return attempts() >= 3 })
	b.Close()
	if n := attempts(); n != 3 {
		t.Errorf("%d attempts, want 3", n)
	}
}

// With AWS's waits between attempts, Close does not wait for the next one.
func TestCloseBetweenAttempts(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	path := filepath.Join(t.TempDir(), "mark")
	b.sendLater("f", event{Do: "mark", Text: path})
	eventually(t, "an attempt", func() bool { _, err := os.Stat(path); return err == nil })
	began := time.Now()
	if err := b.Close(); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("closing took %s: %v", time.Since(began), err)
	}
}

func TestRequestLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, smallZip(t)))
	jsonOf := func(n int) []byte { return []byte(`"` + strings.Repeat("x", n-2) + `"`) }
	for _, test := range []struct {
		in            lambda.InvokeInput
		status        int
		code, message string
	}{
		{lambda.InvokeInput{Payload: jsonOf(6291457)}, 413, "RequestTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{lambda.InvokeInput{InvocationType: types.InvocationTypeEvent, Payload: jsonOf(1048577)}, 413, "RequestTooLargeException", "Request must be smaller than 1048576 bytes for the InvokeFunction operation"},
		{lambda.InvokeInput{ClientContext: aws.String(base64.StdEncoding.EncodeToString(jsonOf(3584)))}, 400, "InvalidRequestContentException", "Client context must be no more than 3583 bytes when decoded."},
	} {
		test.in.FunctionName = aws.String("f")
		_, err := b.client.Invoke(b.Context(), &test.in)
		wantError(t, err, test.status, test.code, test.message)
	}
}

func TestPayloadLimits(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		// The largest payloads, in both directions.
		text := strings.Repeat("x", 6291456-len(`{"Do":"echo","Text":""}`))
		if got := b.invoke("f", event{Do: "echo", Text: text}).Text; len(got) != len(text) {
			b.Errorf("%d bytes of %d came back", len(got), len(text))
		}
		wantFailure(b, "a response of 6291557 bytes", b.fail("f", event{Do: "big", N: 6291555}),
			failure{"Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).", nil})
		if out := b.send("f", event{Do: "big", N: 6291554}); len(out.Payload) != 6291556 || out.FunctionError != nil {
			b.Errorf("a response of 6291556 bytes came back as %d, error %v", len(out.Payload), aws.ToString(out.FunctionError))
		}
	}, timeout(60))
}
