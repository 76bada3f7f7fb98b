package emulator_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
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

// eachRuntime runs a test for go1.x and for provided.al2023, each with a
// function of its own that has only what that runtime starts.
func eachRuntime(t *testing.T, test func(b *bench, r types.Runtime), edits ...func(*lambda.CreateFunctionInput)) {
	for _, r := range []types.Runtime{types.RuntimeGo1x, types.RuntimeProvidedal2023} {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.create(function("f", r, runtimeZip(t, r), edits...))
			test(b, r)
		})
	}
}

// One package with both binaries serves on both runtimes: the idea of the whole.
func TestBothRuntimes(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, realZip(t), timeout(7), variables(map[string]string{"LANG": "xx", "MINE": "1=2"})))
	var pids []int
	for _, r := range []types.Runtime{types.RuntimeGo1x, types.RuntimeProvidedal2023} {
		b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: r})
		pids = append(pids, checkInvoke(b))
		checkContext(b, r)
	}
	if pids[0] == pids[1] {
		t.Error("the runtime changed and the process did not")
	}
}

// checkInvoke looks at invocations from the caller's side. It answers the
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
		b.Errorf("invocations one after the other ran in processes %d and %d, want one", first.Pid, second.Pid)
	}
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST"
	if got := b.invoke(arn, event{Do: "context"}).ARN; got != arn {
		b.Errorf("invoked by its qualified ARN, the function saw %s", got)
	}
	return first.Pid
}

func TestInvokeOldRuntimes(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	for _, r := range []types.Runtime{types.RuntimeProvided, types.RuntimeProvidedal2} {
		name := strings.ReplaceAll(string(r), ".", "-")
		b.create(function(name, r, runtimeZip(t, r)))
		b.invoke(name, event{})
	}
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

// checkContext looks at an invocation from the function's side: its process
// environment, and what the runtime tells it.
func checkContext(b *bench, r types.Runtime) {
	b.Helper()
	payload, _ := json.Marshal(event{Do: "context"})
	out, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{
		FunctionName:  aws.String("f"),
		Payload:       payload,
		ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte("{\n \"custom\": {\"k\": \"v\"}\n}"))),
	})
	if err != nil {
		b.Fatal(err)
	}
	var got result
	if err := json.Unmarshal(out.Payload, &got); err != nil {
		b.Fatalf("%v in %s", err, out.Payload)
	}
	if id, _ := middleware.GetRequestIDMetadata(out.ResultMetadata); got.RequestID != id {
		b.Errorf("the function saw request %s, the caller %s", got.RequestID, id)
	}
	if want := "arn:aws:lambda:us-east-1:123456789012:function:f"; got.ARN != want {
		b.Errorf("ARN is %s, want %s", got.ARN, want)
	}
	if !cmp.Equal(got.Client, map[string]string{"k": "v"}) {
		b.Errorf("client context is %v", got.Client)
	}
	if !strings.HasPrefix(got.Trace, "Root=1-") {
		b.Errorf("trace is %q", got.Trace)
	}
	if got.Milliseconds > 7000 || got.Milliseconds < 5000 {
		b.Errorf("deadline is %d ms away, want a little under 7 s", got.Milliseconds)
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
		"LANG":                            "xx", // the function may set what is not reserved
		"MINE":                            "1=2",
		"PATH":                            "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH":                 "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" + root + ":" + root + "/lib:/opt/lib",
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

func TestFunctionErrors(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		before := b.invoke("f", event{}).Pid
		if got, want := b.fail("f", event{Do: "error", Text: "no luck"}), (failure{"errorString", "no luck", nil}); !cmp.Equal(got, want) {
			b.Errorf("an error gives %+v", got)
		}
		if pid := b.invoke("f", event{}).Pid; pid != before {
			b.Error("after an error the process was not used again")
		}

		f := b.fail("f", event{Do: "panic", Text: "at the disco"})
		if f.ErrorType != "string" || f.ErrorMessage != "at the disco" || len(f.StackTrace) == 0 {
			b.Errorf("a panic gives %+v", f)
		}
		after := b.invoke("f", event{}).Pid
		if after == before {
			b.Error("after a panic the process was used again")
		}

		want := failure{"Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 1", nil}
		if r == types.RuntimeGo1x {
			want = failure{"", "RequestId: ID Process exited before completing request", nil}
		}
		if got := b.fail("f", event{Do: "exit", N: 1}); !cmp.Equal(got, want) {
			b.Errorf("os.Exit(1) gives %+v", got)
		}
		want.ErrorMessage = strings.Replace(want.ErrorMessage, "Runtime exited with error: exit status 1", "Runtime exited without providing a reason", 1)
		if got := b.fail("f", event{Do: "exit", N: 0}); !cmp.Equal(got, want) {
			b.Errorf("os.Exit(0) gives %+v", got)
		}
		b.invoke("f", event{})
	})
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		before := b.invoke("f", event{}).Pid
		began := time.Now()
		got := b.fail("f", event{Do: "sleep", N: 60_000})
		if want := (failure{"Sandbox.Timedout", "RequestId: ID Error: Task timed out after 1.00 seconds", nil}); !cmp.Equal(got, want) {
			b.Errorf("got %+v", got)
		}
		if took := time.Since(began); took < time.Second {
			b.Errorf("it timed out after %s", took)
		}
		if b.invoke("f", event{}).Pid == before {
			b.Error("after a timeout the process was used again")
		}
	}, timeout(1))
}

func TestInit(t *testing.T) {
	t.Parallel()
	for _, r := range []types.Runtime{types.RuntimeGo1x, types.RuntimeProvidedal2023} {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			s, err := emulator.StartWithLimits(emulator.Options{HostBinaries: hostBinaries}, 500*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			b := adopt(t, s)
			zip := runtimeZip(t, r)
			b.create(function("hangs", r, zip, variables(map[string]string{"INIT": "hang"})))
			if got, want := b.fail("hangs", event{}), (failure{"Sandbox.Timedout", "RequestId: ID Error: Task timed out after 0.50 seconds", nil}); !cmp.Equal(got, want) {
				t.Errorf("got %+v", got)
			}
		})
	}
	eachRuntime(t, func(b *bench, r types.Runtime) {
		want := failure{"Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 3", nil}
		if r == types.RuntimeGo1x {
			want = failure{"", "RequestId: ID Process exited before completing request", nil}
		}
		out := b.send("f", event{})
		if log := decodeLog(b, out); !strings.HasPrefix(log, "giving up at init\nSTART ") {
			b.Errorf("log is\n%s", log)
		}
		if got := b.fail("f", event{}); !cmp.Equal(got, want) {
			b.Errorf("got %+v", got)
		}
	}, variables(map[string]string{"INIT": "exit"}))
}

// A bootstrap may be any program, and the kernel's word on its end is passed on.
func TestKilledRuntime(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("scripts need a Unix")
	}
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, makeZip(t, script("bootstrap", "kill -KILL $$"))))
	if got, want := b.fail("f", event{}), (failure{"Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: signal: killed", nil}); !cmp.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestUnstartable(t *testing.T) {
	t.Parallel()
	content := launcher("", built.rpc).content
	foreign := foreignELF()
	for _, test := range []struct {
		name    string
		runtime types.Runtime
		file    file
		want    failure
	}{
		{"go1.x, missing", types.RuntimeGo1x, file{"bootstrap", 0o755, content},
			failure{"PathError", "fork/exec /var/task/lambda: no such file or directory", nil}},
		{"go1.x, not executable", types.RuntimeGo1x, file{"lambda", 0o644, content},
			failure{"PathError", "fork/exec /var/task/lambda: permission denied", nil}},
		{"go1.x, executable for its owner only", types.RuntimeGo1x, file{"lambda", 0o744, content},
			failure{"PathError", "fork/exec /var/task/lambda: permission denied", nil}},
		{"go1.x, wrong architecture", types.RuntimeGo1x, file{"lambda", 0o755, foreign},
			failure{"PathError", "fork/exec /var/task/lambda: exec format error", nil}},
		{"go1.x, no program at all", types.RuntimeGo1x, file{"lambda", 0o755, []byte("\x00\x01")},
			failure{"PathError", "fork/exec /var/task/lambda: exec format error", nil}},
		{"provided, missing", types.RuntimeProvidedal2023, file{"lambda", 0o755, content},
			failure{"Runtime.InvalidEntrypoint", "RequestId: ID Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]", nil}},
		{"provided, not at the root", types.RuntimeProvidedal2023, file{"bin/bootstrap", 0o755, content},
			failure{"Runtime.InvalidEntrypoint", "RequestId: ID Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]", nil}},
		{"provided, not executable", types.RuntimeProvidedal2023, file{"bootstrap", 0o644, content},
			failure{"Runtime.InvalidEntrypoint", "RequestId: ID Error: fork/exec /var/task/bootstrap: permission denied", nil}},
		{"provided, wrong architecture", types.RuntimeProvidedal2023, file{"bootstrap", 0o755, foreign},
			failure{"Runtime.InvalidEntrypoint", "RequestId: ID Error: fork/exec /var/task/bootstrap: exec format error", nil}},
		{"provided, no program at all", types.RuntimeProvidedal2023, file{"bootstrap", 0o755, []byte("\x00\x01")},
			failure{"Runtime.InvalidEntrypoint", "RequestId: ID Error: fork/exec /var/task/bootstrap: exec format error", nil}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.create(function("f", test.runtime, makeZip(t, test.file)))
			if got := b.fail("f", event{}); !cmp.Equal(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// foreignELF is the beginning of a program for a machine that is neither this
// one nor one of Lambda's: a file header, and no more.
func foreignELF() []byte {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01") // 64 bits, little-endian
	header[16] = 2                      // an executable
	header[18] = 22                     // for IBM S/390
	header[20] = 1
	header[52] = 64 // the size of this header
	return header
}

// The build of functions that are to run on both runtimes must have the RPC server.
func TestNoRPCUnderGo1x(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, makeZip(t, launcher("lambda", built.norpc))))
	out := b.send("f", event{})
	if !strings.Contains(string(out.Payload), "Process exited before completing request") {
		t.Errorf("payload is %s", out.Payload)
	}
	if log := decodeLog(b, out); !strings.Contains(log, "expected AWS Lambda environment variables [AWS_LAMBDA_RUNTIME_API] are not defined") {
		t.Errorf("log is\n%s", log)
	}
}

// And the build with the RPC server also runs on provided.*.
func TestRPCBuildUnderProvided(t *testing.T) {
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

	// A handler cannot lead out of the package.
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Handler: aws.String("../../../../../../../../bin/sh")})
	if got := b.fail("f", event{}); got.ErrorType != "PathError" || !strings.HasSuffix(got.ErrorMessage, "no such file or directory") {
		t.Errorf("got %+v", got)
	}
}

func TestTaskRootIsReadOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	root := b.invoke("f", event{Do: "context"}).Dir
	info, err := os.Stat(filepath.Join(root, "bootstrap"))
	if err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("bootstrap: %v, %v, want mode 0555", info.Mode(), err)
	}
	if info, err := os.Stat(root); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("task root: %v, %v, want mode 0555", info.Mode(), err)
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		const n = 4
		pids := make([]int, n)
		dir := b.TempDir()
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() { pids[i] = b.invoke("f", event{Do: "await", Text: dir, N: n}).Pid })
		}
		all.Wait()
		slices.Sort(pids)
		if got := len(slices.Compact(slices.Clone(pids))); got != n {
			b.Errorf("%d invocations at once ran in %d processes", n, got)
		}
		// Afterwards the one used last is used again.
		first, second := b.invoke("f", event{}).Pid, b.invoke("f", event{}).Pid
		if first != second || !slices.Contains(pids, first) {
			b.Errorf("processes %d and %d, of %v", first, second, pids)
		}
	}, timeout(30))
}

func decodeLog(t testing.TB, out *lambda.InvokeOutput) string {
	t.Helper()
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

func TestLogTail(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		out := b.send("f", event{Do: "print", Text: "no newline, "})
		id, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
		want := regexp.MustCompile(`^printed at init\nSTART RequestId: ` + id + ` Version: \$LATEST\n` +
			`no newline, to stderr\nEND RequestId: ` + id + `\n` +
			`REPORT RequestId: ` + id + `\tDuration: [0-9.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tInit Duration: [0-9.]+ ms\n$`)
		if log := decodeLog(b, out); !want.MatchString(log) {
			b.Errorf("log is\n%s\nwant\n%s", log, want)
		}
		// The second invocation's log has nothing of the first's, and no init.
		out = b.send("f", event{Do: "print", Text: "again\n"})
		log := decodeLog(b, out)
		if !strings.HasPrefix(log, "START ") || strings.Contains(log, "Init Duration") || strings.Contains(log, "no newline") {
			b.Errorf("second log is\n%s", log)
		}
		out = b.send("f", event{Do: "flood", N: 3000, Text: "x"})
		log = decodeLog(b, out)
		if len(log) != 4096 || !strings.Contains(log, "\nline 2999 x\nEND RequestId: ") {
			b.Errorf("the flood's log has %d bytes:\n%s", len(log), log)
		}
		out, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), LogType: types.LogTypeNone})
		if err != nil || out.LogResult != nil {
			b.Errorf("without LogType Tail: %v, log %v", err, out.LogResult)
		}
	}, variables(map[string]string{"INIT": "print"}))
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

func TestEvent(t *testing.T) {
	t.Parallel()
	s, err := emulator.StartWithLimits(emulator.Options{HostBinaries: hostBinaries}, 10*time.Second, 10*time.Millisecond, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	b := adopt(t, s)
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	send := func(e event) {
		t.Helper()
		payload, _ := json.Marshal(e)
		out, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent, Payload: payload})
		if err != nil || out.StatusCode != 202 || len(out.Payload) != 0 {
			t.Fatalf("%v, status %d, payload %s", err, out.StatusCode, out.Payload)
		}
	}
	once, thrice := filepath.Join(t.TempDir(), "once"), filepath.Join(t.TempDir(), "thrice")
	send(event{Do: "write", Text: once})
	eventually(t, "the event is handled", func() bool { _, err := os.Stat(once); return err == nil })
	send(event{Do: "mark", Text: thrice})
	lines := func() int {
		content, _ := os.ReadFile(thrice)
		return bytes.Count(content, []byte("\n"))
	}
	eventually(t, "the event is tried three times", func() bool { return lines() >= 3 })
	b.Close()
	if n := lines(); n != 3 {
		t.Errorf("the event was tried %d times, want 3", n)
	}
}

// With AWS's own waits, closing cuts the retries short.
func TestEventCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	path := filepath.Join(t.TempDir(), "mark")
	payload, _ := json.Marshal(event{Do: "mark", Text: path})
	if _, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent, Payload: payload}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the event is tried", func() bool { _, err := os.Stat(path); return err == nil })
	began := time.Now()
	if err := b.Close(); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("closing took %s: %v", time.Since(began), err)
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, makeZip(t, file{"x", 0o644, nil})))
	out, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || out.StatusCode != 204 || out.FunctionError != nil {
		t.Errorf("%v, status %d", err, out.StatusCode)
	}
	_, err = b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: aws.String("none"), InvocationType: types.InvocationTypeDryRun})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none")
}

func TestInvokeRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	zip := makeZip(t, file{"index.js", 0o644, nil})
	b.create(function("f", types.RuntimeProvidedal2023, zip))
	b.create(function("node", types.RuntimeNodejs22x, zip))
	b.create(&lambda.CreateFunctionInput{
		FunctionName: aws.String("image"), Role: aws.String(role), PackageType: types.PackageTypeImage,
		Code: &types.FunctionCode{ImageUri: aws.String("123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1")},
	})
	jsonOf := func(n int) []byte { return []byte(`"` + strings.Repeat("x", n-2) + `"`) }
	for _, test := range []struct {
		name          string
		in            lambda.InvokeInput
		status        int
		code, message string
	}{
		{"missing", lambda.InvokeInput{FunctionName: aws.String("none")},
			404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none"},
		{"version", lambda.InvokeInput{FunctionName: aws.String("f"), Qualifier: aws.String("1")},
			404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:f:1"},
		{"two qualifiers", lambda.InvokeInput{FunctionName: aws.String("f:$LATEST"), Qualifier: aws.String("1")},
			400, "InvalidParameterValueException", "The derived qualifier from the function name does not match the specified qualifier."},
		{"no JSON", lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("{")},
			400, "InvalidRequestContentException", "Could not parse request body into json: unexpected end of JSON input"},
		{"large", lambda.InvokeInput{FunctionName: aws.String("f"), Payload: jsonOf(6291457)},
			413, "RequestTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{"large event", lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent, Payload: jsonOf(1048577)},
			413, "RequestTooLargeException", "Request must be smaller than 1048576 bytes for the InvokeFunction operation"},
		{"client context", lambda.InvokeInput{FunctionName: aws.String("f"), ClientContext: aws.String("{}")},
			400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."},
		{"large client context", lambda.InvokeInput{FunctionName: aws.String("f"), ClientContext: aws.String(base64.StdEncoding.EncodeToString(jsonOf(3584)))},
			400, "InvalidRequestContentException", "Client context must be no more than 3583 bytes when decoded."},
		{"invocation type", lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: "Whatever"},
			400, "ValidationException", ""},
		{"log type", lambda.InvokeInput{FunctionName: aws.String("f"), LogType: "Whatever"},
			400, "ValidationException", ""},
		{"other runtime", lambda.InvokeInput{FunctionName: aws.String("node")},
			400, "InvalidParameterValueException", "invoking functions on runtime nodejs22.x, such as node, is not implemented by the emulator"},
		{"image", lambda.InvokeInput{FunctionName: aws.String("image")},
			400, "InvalidParameterValueException", "invoking container images, such as image, is not implemented by the emulator"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := b.client.Invoke(b.Context(), &test.in)
			wantError(t, err, test.status, test.code, test.message)
		})
	}
}

func TestPayloadLimits(t *testing.T) {
	t.Parallel()
	eachRuntime(t, func(b *bench, r types.Runtime) {
		// The largest payloads that go through, both ways.
		text := strings.Repeat("x", 6291456-len(`{"Do":"echo","Text":""}`))
		if got := b.invoke("f", event{Do: "echo", Text: text}).Text; len(got) != len(text) {
			b.Errorf("%d bytes came back of %d", len(got), len(text))
		}
		want := failure{"Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).", nil}
		if got := b.fail("f", event{Do: "big", N: 6291555}); !cmp.Equal(got, want) {
			b.Errorf("a response of 6291557 bytes gives %+v", got)
		}
		if out := b.send("f", event{Do: "big", N: 6291554}); len(out.Payload) != 6291556 || out.FunctionError != nil {
			b.Errorf("a response of 6291556 bytes came back as %d, error %v", len(out.Payload), aws.ToString(out.FunctionError))
		}
	}, timeout(60))
}
