//go:build unix

package runner_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/emulator/runner"
)

func newHost(t *testing.T, logs io.Writer) *runner.Host {
	t.Helper()
	h, err := runner.NewHost(t.TempDir(), 10*time.Second, logs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Kill()
		if err := h.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return h
}

// scriptSpec describes an environment with a bootstrap that sh runs.
func scriptSpec(t *testing.T, lines string) runner.Spec {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "bootstrap"), []byte("#!/bin/sh\n"+lines), 0o755); err != nil {
		t.Fatal(err)
	}
	return runner.Spec{Function: "f", Version: "$LATEST", MemorySize: 128, Timeout: time.Minute, Root: root, Command: []string{filepath.Join(root, "bootstrap")}}
}

// puppet is an environment with a test as its runtime: its bootstrap only tells
// the test where its Runtime API is, and exits with 5 when the test says so.
type puppet struct {
	*testing.T
	dir     string
	address string             // of the Runtime API
	root    string             // of its URLs
	events  chan string        // payloads of invocations, one after the other
	results chan runner.Result // of the invocations
}

func newPuppet(t *testing.T) *puppet {
	h, dir := newHost(t, io.Discard), t.TempDir()
	spec := scriptSpec(t, `
		echo "$AWS_LAMBDA_RUNTIME_API" > "$DIR/new" && mv "$DIR/new" "$DIR/api"
		while [ ! -e "$DIR/exit" ]; do sleep 0.02; done
		exit 5
	`)
	spec.Environ = []string{"DIR=" + dir, "PATH=/bin:/usr/bin"}
	p := &puppet{T: t, dir: dir, events: make(chan string, 1), results: make(chan runner.Result, 1)}
	t.Cleanup(func() { close(p.events) })
	go func() {
		e, err := h.Start(spec, "id")
		if err != nil {
			t.Error(err)
			return
		}
		for payload := range p.events {
			p.results <- e.Invoke(runner.Invocation{ID: "id", ARN: "arn", Trace: "trace", Payload: []byte(payload), ClientContext: []byte(`{"a":1}`)})
		}
	}()
	for deadline := time.Now().Add(20 * time.Second); p.root == ""; time.Sleep(5 * time.Millisecond) {
		if api, err := os.ReadFile(filepath.Join(dir, "api")); err == nil {
			p.address = strings.TrimSpace(string(api))
			p.root = "http://" + p.address + "/2018-06-01/runtime/"
		} else if time.Now().After(deadline) {
			t.Fatal("the bootstrap does not start")
		}
	}
	return p
}

// exit makes the bootstrap exit.
func (p *puppet) exit() {
	p.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "exit"), nil, 0o600); err != nil {
		p.Fatal(err)
	}
}

// next asks for an event and returns the answer with its body.
func (p *puppet) next() (*http.Response, string) {
	p.Helper()
	response, err := http.Get(p.root + "invocation/next")
	if err != nil {
		p.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.Fatal(err)
	}
	return response, string(body)
}

// post checks the answer to a request: status and body.
func (p *puppet) post(path, body, want string) {
	p.Helper()
	response, err := http.Post(p.root+path, "application/json", strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	if got := fmt.Sprint(response.StatusCode, " ", strings.TrimSpace(string(answer))); got != want {
		p.Errorf("POST %s answers %s, want %s", path, got, want)
	}
}

const (
	accepted = `202 {"status":"OK"}`
	badID    = `400 {"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`
)

func TestRuntimeAPI(t *testing.T) {
	t.Parallel()
	p := newPuppet(t)
	// The payload reaches the process byte by byte.
	const payload = " {\"a\" : 1.0,\n\"b\":\"\\u00e9\"} "
	p.events <- payload
	response, body := p.next()
	if body != payload {
		t.Errorf("the event is %q, want %q", body, payload)
	}
	for name, want := range map[string]string{"Aws-Request-Id": "id", "Invoked-Function-Arn": "arn", "Trace-Id": "trace", "Client-Context": `{"a":1}`} {
		if got := response.Header.Get("Lambda-Runtime-" + name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	if response.Header.Get("Lambda-Runtime-Deadline-Ms") == "" {
		t.Error("no deadline")
	}
	p.post("invocation/wrong/response", "1", badID)
	p.post("invocation/wrong/error", "1", badID)
	p.post("invocation/id/response", `"first"`, accepted)
	p.post("invocation/id/response", `"again"`, badID)
	p.post("invocation/id/error", `"again"`, badID)
	p.post("init/error", `"too late"`, accepted)

	// The invocation is over when the process asks for the next event.
	select {
	case <-p.results:
		t.Error("the invocation was over before the process asked for the next event")
	default:
	}
	polled := make(chan struct{})
	go func() {
		defer close(polled)
		p.next()
	}()
	if r := <-p.results; string(r.Payload) != `"first"` || r.Failed || !r.Reusable {
		t.Errorf("got %s, %+v", r.Payload, r)
	}

	// An event without an answer fails.
	p.events <- "{}"
	<-polled
	go http.Get(p.root + "invocation/next") // until the host is closed
	if r := <-p.results; !strings.Contains(string(r.Payload), "Runtime.NoResponse") || !r.Failed || r.Reusable {
		t.Errorf("without an answer: %s, %+v", r.Payload, r)
	}
}

// The address has the form that clients parse: an IP address and a port.
func TestRuntimeAPIAddress(t *testing.T) {
	t.Parallel()
	p := newPuppet(t)
	if address, err := netip.ParseAddrPort(p.address); err != nil || !address.Addr().IsLoopback() {
		t.Errorf("AWS_LAMBDA_RUNTIME_API is %q: %v", p.address, err)
	}
	for _, test := range []struct {
		path, header, value string
		want                int
	}{
		{"/", "", "", 404},
		{"/2018-06-01/runtime/invocation", "", "", 404},
		{"/2018-06-01/runtime/init/error", "", "", 405},
		{"/2018-06-01/runtime/invocation/next", "Host", "attacker.example", 403},
		{"/2018-06-01/runtime/invocation/next", "Sec-Fetch-Site", "cross-site", 403},
	} {
		request, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.address+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.header == "Host" {
			request.Host = test.value
		} else if test.header != "" {
			request.Header.Set(test.header, test.value)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != test.want {
			t.Errorf("GET %s with %s %s answers %s, want %d", test.path, test.header, test.value, response.Status, test.want)
		}
	}
}

// An environment cannot see or answer another one's invocation, also if both have
// the same request ID.
func TestRuntimeAPIsAreApart(t *testing.T) {
	t.Parallel()
	one, two := newPuppet(t), newPuppet(t)
	if one.address == two.address {
		t.Fatalf("two environments share %s", one.address)
	}
	two.events <- `"two"`
	if _, body := two.next(); body != `"two"` {
		t.Errorf("the event is %s", body)
	}
	one.post("invocation/id/response", `"of one"`, badID)
	two.post("invocation/id/response", `"of two"`, accepted)
	two.exit()
	if r := <-two.results; string(r.Payload) != `"of two"` {
		t.Errorf("the answer is %s", r.Payload)
	}
	two.closed()
	one.events <- `"one"`
	if _, body := one.next(); body != `"one"` {
		t.Errorf("the event is %s", body)
	}
}

// closed waits until nothing listens at the address of the Runtime API.
func (p *puppet) closed() {
	p.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			return
		}
		conn.Close()
		if time.Now().After(deadline) {
			p.Fatal("the Runtime API outlives its environment")
		}
	}
}

// Environments leave no listeners, connections and goroutines behind. The test is
// not parallel: it counts those of the whole program.
func TestNoLeaks(t *testing.T) {
	h := newHost(t, io.Discard)
	spec := scriptSpec(t, "exit 3")
	descriptors := func() int {
		entries, _ := os.ReadDir("/dev/fd")
		return len(entries)
	}
	run := func(protocol runner.Protocol) {
		t.Helper()
		spec.Protocol = protocol
		e, err := h.Start(spec, "id")
		if err != nil {
			t.Fatal(err)
		}
		if r := e.Invoke(runner.Invocation{ID: "id"}); !r.Failed {
			t.Errorf("got %s", r.Payload)
		}
	}
	run(runner.RuntimeAPI) // what the program needs once
	goroutines, open := runtime.NumGoroutine(), descriptors()
	for range 10 {
		run(runner.RuntimeAPI)
		run(runner.RPC)
	}
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > goroutines || descriptors() > open; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("20 environments leave %d goroutines, before %d, and %d descriptors, before %d", runtime.NumGoroutine(), goroutines, descriptors(), open)
		}
	}
}

// The answer counts if the process exits after it, and the environment is not
// used again.
func TestExitAfterAnswer(t *testing.T) {
	t.Parallel()
	p := newPuppet(t)
	p.events <- "{}"
	p.next()
	p.post("invocation/id/response", `"done"`, accepted)
	p.exit()
	if r := <-p.results; string(r.Payload) != `"done"` || r.Failed || r.Reusable {
		t.Errorf("got %s, %+v", r.Payload, r)
	}
}

func TestExitWithoutAnswer(t *testing.T) {
	t.Parallel()
	p := newPuppet(t)
	p.events <- "{}"
	p.next()
	p.exit()
	const want = `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: Runtime exited with error: exit status 5"}`
	if r := <-p.results; string(r.Payload) != want || !r.Failed || r.Reusable {
		t.Errorf("got %s, %+v", r.Payload, r)
	}
}

// An init fails with the error that the process reports.
func TestInitError(t *testing.T) {
	t.Parallel()
	p := newPuppet(t)
	const report = `{"errorType":"Mine.Own","errorMessage":"cannot start"}`
	p.post("init/error", report, accepted)
	p.exit()
	p.events <- "{}"
	if r := <-p.results; string(r.Payload) != report || !r.Failed || r.Reusable {
		t.Errorf("got %s, %+v", r.Payload, r)
	}
}

func TestResponseTooLarge(t *testing.T) {
	t.Parallel()
	p := newPuppet(t)
	p.events <- "{}"
	p.next()
	large := strings.Repeat("x", 6291557)
	p.post("invocation/id/error", large, `400 {"errorType":"InvalidRequest","errorMessage":"the error is too large"}`)
	p.post("invocation/wrong/response", large, badID)
	p.post("invocation/id/response", large, `413 {"errorType":"RequestEntityTooLarge","errorMessage":"Exceeded maximum allowed payload size (6291556 bytes)."}`)
	p.exit()
	const want = `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`
	if r := <-p.results; string(r.Payload) != want || !r.Failed {
		t.Errorf("got %s, %+v", r.Payload, r)
	}
}

func TestStartAfterKill(t *testing.T) {
	t.Parallel()
	h := newHost(t, io.Discard)
	h.Kill()
	if _, err := h.Start(scriptSpec(t, ""), "id"); !errors.Is(err, runner.ErrClosed) {
		t.Errorf("error is %v, want %v", err, runner.ErrClosed)
	}
}
