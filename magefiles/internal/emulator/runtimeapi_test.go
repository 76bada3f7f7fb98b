//go:build unix

package emulator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// runtimeBench has a function whose bootstrap does nothing but to say where
// its Runtime API is, so that the test itself can be the runtime. The bootstrap
// exits when the test says so.
type runtimeBench struct {
	*bench
	dir string
}

func newRuntimeBench(t *testing.T) runtimeBench {
	b := newBench(t, emulator.Options{})
	dir := t.TempDir()
	b.create(function("f", types.RuntimeProvidedal2023, makeZip(t, script("bootstrap", `
		echo "$AWS_LAMBDA_RUNTIME_API" > "$DIR/new" && mv "$DIR/new" "$DIR/api"
		while [ ! -e "$DIR/exit" ]; do sleep 0.02; done
		exit 5
	`)), variables(map[string]string{"DIR": dir}), timeout(60)))
	return runtimeBench{b, dir}
}

// start invokes the function, and answers what that comes to.
func (b runtimeBench) start() <-chan *lambda.InvokeOutput {
	out := make(chan *lambda.InvokeOutput, 1)
	go func() { out <- b.send("f", event{Do: "x"}) }()
	return out
}

// root is where the process's Runtime API is.
func (b runtimeBench) root() string {
	b.Helper()
	var api []byte
	eventually(b, "the bootstrap is started", func() (started bool) {
		var err error
		api, err = os.ReadFile(filepath.Join(b.dir, "api"))
		return err == nil
	})
	return "http://" + strings.TrimSpace(string(api)) + "/2018-06-01/runtime/"
}

// post answers the status and the body.
func (b runtimeBench) post(url, body string) string {
	b.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	content, _ := io.ReadAll(response.Body)
	return fmt.Sprint(response.StatusCode, " ", strings.TrimSpace(string(content)))
}

func TestRuntimeAPI(t *testing.T) {
	t.Parallel()
	b := newRuntimeBench(t)
	first := b.start()
	root := b.root()
	const (
		accepted = `202 {"status":"OK"}`
		badID    = `400 {"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`
	)
	expect := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}

	// Without the token there is nothing.
	host, _, _ := strings.Cut(strings.TrimPrefix(root, "http://"), "/")
	for _, path := range []string{"/2018-06-01/runtime/invocation/next", "/x/2018-06-01/runtime/invocation/next", "/"} {
		if response := httpGet(t, "http://"+host+path); response.StatusCode != 404 {
			t.Errorf("%s gives %s", path, response.Status)
		}
	}

	next := httpGet(t, root+"invocation/next")
	id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
	expect(bodyOf(t, next), `{"Do":"x"}`)
	for _, name := range []string{"Lambda-Runtime-Aws-Request-Id", "Lambda-Runtime-Deadline-Ms", "Lambda-Runtime-Invoked-Function-Arn", "Lambda-Runtime-Trace-Id"} {
		if next.Header.Get(name) == "" {
			t.Errorf("there is no header %s", name)
		}
	}
	expect(b.post(root+"invocation/wrong/response", "1"), badID)
	expect(b.post(root+"invocation/wrong/error", "1"), badID)
	expect(b.post(root+"invocation/"+id+"/response", `"first"`), accepted)
	expect(b.post(root+"invocation/"+id+"/response", `"again"`), badID)
	expect(b.post(root+"invocation/"+id+"/error", `"again"`), badID)
	expect(b.post(root+"init/error", `"too late"`), accepted)

	// The invocation is over when the runtime asks for the next one.
	select {
	case <-first:
		t.Error("the invocation was over before the runtime asked for the next")
	default:
	}
	ids := make(chan string, 1)
	poll := func() { // in the end, until the server closes
		if response, err := http.Get(root + "invocation/next"); err == nil {
			ids <- response.Header.Get("Lambda-Runtime-Aws-Request-Id")
			response.Body.Close()
		}
	}
	go poll()
	expect(string((<-first).Payload), `"first"`)

	// An event that is passed over.
	second := b.start()
	id = <-ids
	go poll()
	if out := <-second; !strings.Contains(string(out.Payload), "Runtime.NoResponse") || out.FunctionError == nil {
		t.Errorf("without an answer: %s", out.Payload)
	}
	if id == "" {
		t.Error("the second event has no id")
	}
}

// The environment ends after the answer: the answer counts, and the process is
// not used again.
func TestExitAfterAnswer(t *testing.T) {
	t.Parallel()
	b := newRuntimeBench(t)
	out := b.start()
	root := b.root()
	id := httpGet(t, root+"invocation/next").Header.Get("Lambda-Runtime-Aws-Request-Id")
	b.post(root+"invocation/"+id+"/response", `"done"`)
	if err := os.WriteFile(filepath.Join(b.dir, "exit"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := <-out; string(got.Payload) != `"done"` || got.FunctionError != nil {
		t.Errorf("got %s", got.Payload)
	}
	if got, want := b.fail("f", event{}), (failure{"Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 5", nil}); !cmp.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestInitError(t *testing.T) {
	t.Parallel()
	b := newRuntimeBench(t)
	out := b.start()
	root := b.root()
	const report = `{"errorType":"Mine.Own","errorMessage":"cannot start"}`
	b.post(root+"init/error", report)
	if err := os.WriteFile(filepath.Join(b.dir, "exit"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := <-out; string(got.Payload) != report || got.FunctionError == nil {
		t.Errorf("got %s", got.Payload)
	}
}

// A response that fails on its way ends in trailers that say so.
func TestStreamFails(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	if got, want := b.fail("f", event{Do: "stream", Text: "the source ran dry"}), (failure{"errorString", "the source ran dry", nil}); !cmp.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	b.invoke("f", event{})
}

// A process of go1.x whose port was taken before it came to listen gets another.
func TestPortTaken(t *testing.T) {
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

	// If it never gets one, the invocation fails as with any other exit.
	b.updateCode("f", makeZip(t, script("lambda", `echo "address already in use"; exit 1`)))
	if got, want := b.fail("f", event{}), (failure{"", "RequestId: ID Process exited before completing request", nil}); !cmp.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

// Lambda's processes see what their invocation's payload is, byte by byte.
func TestPayloadIsPassedOn(t *testing.T) {
	t.Parallel()
	b := newRuntimeBench(t)
	payload := " {\"a\" : 1.0,\n\"b\":\"\\u00e9\"} "
	if !json.Valid([]byte(payload)) {
		t.Fatal("the payload is no JSON")
	}
	go b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: new("f"), Payload: []byte(payload)})
	next := httpGet(t, b.root()+"invocation/next")
	if got := bodyOf(t, next); got != payload {
		t.Errorf("got %q, want %q", got, payload)
	}
}
