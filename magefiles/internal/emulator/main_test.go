package emulator_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/lambdatest"
)

const (
	role = "arn:aws:iam::123456789012:role/test"

	// arnOfF is the ARN of f with the default region and account.
	arnOfF = "arn:aws:lambda:us-east-1:123456789012:function:f"
)

// built are the paths of the handler's two builds, and of a zip of both.
// TestMain sets it.
var built struct{ rpc, norpc, zip string }

func TestMain(m *testing.M) {
	if os.Getenv(victimVariable) != "" {
		victim()
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "emulator-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built.rpc, built.norpc, built.zip = filepath.Join(dir, "lambda"), filepath.Join(dir, "bootstrap"), filepath.Join(dir, "dual.zip")
	for _, args := range [][]string{
		{"-o", built.rpc},
		{"-o", built.norpc, "-tags", "lambda.norpc"},
	} {
		args = append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}, append(args, "./testdata/handler")...)
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the handler: %v\n%s", err, out)
			return 1
		}
	}
	var files []file
	for _, path := range []string{built.rpc, built.norpc} {
		content, err := os.ReadFile(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		files = append(files, file{filepath.Base(path), 0o755, content})
	}
	content, err := zipOf(files...)
	if err == nil {
		err = os.WriteFile(built.zip, content, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// hostBinaries reports whether this machine needs Options.HostBinaries.
const hostBinaries = runtime.GOOS != "linux" || runtime.GOARCH != "amd64"

// bench is a server, and clients that do not retry.
type bench struct {
	*emulator.Server
	*testing.T
	client     *lambda.Client
	monitoring *cloudwatch.Client
	http       http.RoundTripper
}

func newBench(t *testing.T, options emulator.Options) *bench {
	t.Helper()
	options.HostBinaries = hostBinaries
	s, err := emulator.Start(options)
	return adopt(t, s, err, http.DefaultTransport)
}

// inBubble runs a test with a fake clock and a server without network and
// processes.
func inBubble(t *testing.T, options emulator.Options, test func(b *bench)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, handler, err := emulator.NewOffline(options)
		test(adopt(t, s, err, lambdatest.Direct(handler)))
	})
}

func adopt(t *testing.T, s *emulator.Server, err error, transport http.RoundTripper) *bench {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	config := s.Config()
	config.HTTPClient = &http.Client{Transport: transport}
	config.RetryMaxAttempts = 1
	return &bench{s, t, lambda.NewFromConfig(config), cloudwatch.NewFromConfig(config), transport}
}

// file is a file in a zip.
type file struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// zipOf stores files in a zip: deflating takes long under the race detector.
func zipOf(files ...file) ([]byte, error) {
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Store}
		header.SetMode(f.mode)
		entry, err := w.CreateHeader(header)
		if err == nil {
			_, err = entry.Write(f.content)
		}
		if err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return buffer.Bytes(), err
}

func makeZip(t testing.TB, files ...file) []byte {
	t.Helper()
	content, err := zipOf(files...)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// smallZip contains a lambda that is not run.
func smallZip(t testing.TB) []byte { return makeZip(t, file{"lambda", 0o755, []byte("x")}) }

// script is an executable file that sh runs.
func script(name, lines string) file {
	return file{name, 0o755, []byte("#!/bin/sh\n" + lines)}
}

// launcher is an executable file that runs one of the handler's builds. It
// replaces the build where a test is not about it: it is a thousand times smaller
// to upload, which matters under the race detector.
func launcher(name, path string) file {
	return script(name, `exec "`+path+`"`)
}

// dualZip contains both of the handler's builds, lambda and bootstrap.
func dualZip(t testing.TB) []byte {
	return makeZip(t, launcher("lambda", built.rpc), launcher("bootstrap", built.norpc))
}

// runtimeZip contains only what a runtime starts.
func runtimeZip(t testing.TB, r types.Runtime) []byte {
	if r == types.RuntimeGo1x {
		return makeZip(t, launcher("lambda", built.rpc))
	}
	return makeZip(t, launcher("bootstrap", built.norpc))
}

// realZip contains the builds themselves.
func realZip(t testing.TB) []byte {
	t.Helper()
	content, err := os.ReadFile(built.zip)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// function returns the input that creates a function; edits change it.
func function(name string, r types.Runtime, zip []byte, edits ...func(*lambda.CreateFunctionInput)) *lambda.CreateFunctionInput {
	in := &lambda.CreateFunctionInput{
		FunctionName: &name,
		Runtime:      r,
		Handler:      aws.String("lambda"),
		Role:         aws.String(role),
		Code:         &types.FunctionCode{ZipFile: zip},
	}
	for _, edit := range edits {
		edit(in)
	}
	return in
}

func variables(v map[string]string) func(*lambda.CreateFunctionInput) {
	return func(in *lambda.CreateFunctionInput) { in.Environment = &types.Environment{Variables: v} }
}

func timeout(seconds int32) func(*lambda.CreateFunctionInput) {
	return func(in *lambda.CreateFunctionInput) { in.Timeout = &seconds }
}

func (b *bench) create(in *lambda.CreateFunctionInput) *lambda.CreateFunctionOutput {
	b.Helper()
	out, err := b.client.CreateFunction(b.Context(), in)
	if err != nil {
		b.Fatalf("creating %s: %v", *in.FunctionName, err)
	}
	return out
}

func (b *bench) get(name string) *types.FunctionConfiguration {
	b.Helper()
	out, err := b.client.GetFunction(b.Context(), &lambda.GetFunctionInput{FunctionName: &name})
	if err != nil {
		b.Fatalf("getting %s: %v", name, err)
	}
	return out.Configuration
}

// location returns the URL of a function's package.
func (b *bench) location(name string) string {
	b.Helper()
	out, err := b.client.GetFunction(b.Context(), &lambda.GetFunctionInput{FunctionName: &name})
	if err != nil {
		b.Fatalf("getting %s: %v", name, err)
	}
	return *out.Code.Location
}

// download returns the status and the body of a URL.
func (b *bench) download(url string) (status int, body []byte) {
	b.Helper()
	response, err := (&http.Client{Transport: b.http}).Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	return response.StatusCode, body
}

func (b *bench) updateCode(name string, zip []byte) *lambda.UpdateFunctionCodeOutput {
	b.Helper()
	out, err := b.client.UpdateFunctionCode(b.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: zip})
	if err != nil {
		b.Fatalf("updating the code of %s: %v", name, err)
	}
	return out
}

// configure updates the configuration of f.
func (b *bench) configure(in *lambda.UpdateFunctionConfigurationInput) *lambda.UpdateFunctionConfigurationOutput {
	b.Helper()
	in.FunctionName = aws.String("f")
	out, err := b.client.UpdateFunctionConfiguration(b.Context(), in)
	if err != nil {
		b.Fatalf("updating the configuration of f: %v", err)
	}
	return out
}

// remove deletes a function, or a version of it.
func (b *bench) remove(name string) {
	b.Helper()
	if _, err := b.client.DeleteFunction(b.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
		b.Fatalf("deleting %s: %v", name, err)
	}
}

// text is a configuration that makes the handler answer with a text.
func text(text string) *lambda.UpdateFunctionConfigurationInput {
	return &lambda.UpdateFunctionConfigurationInput{Environment: &types.Environment{Variables: map[string]string{"TEXT": text}}}
}

// toProvided is the switch of the runtime.
func toProvided() *lambda.UpdateFunctionConfigurationInput {
	return &lambda.UpdateFunctionConfigurationInput{Runtime: types.RuntimeProvidedal2023}
}

// event and result are the handler's.
type event struct {
	Do    string   `json:",omitempty"`
	N     int      `json:",omitempty"`
	Text  string   `json:",omitempty"`
	Child []string `json:",omitempty"`
}

type result struct {
	Pid, ChildPid int
	Text          string
	Environ       []string
	Dir           string
	RequestID     string
	ARN           string
	Client        map[string]string
	Trace         string
	Milliseconds  int64
}

// failure is the payload of a function error.
type failure struct {
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
	StackTrace   []any  `json:"stackTrace"`
}

func (b *bench) decode(payload []byte, v any) {
	b.Helper()
	if err := json.Unmarshal(payload, v); err != nil {
		b.Fatalf("%v in %s", err, payload)
	}
}

func (b *bench) send(name string, e event) *lambda.InvokeOutput {
	b.Helper()
	payload, _ := json.Marshal(e)
	out, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: payload, LogType: types.LogTypeTail})
	if err != nil {
		b.Fatalf("invoking %s: %v", name, err)
	}
	return out
}

// sendLater invokes a function asynchronously.
func (b *bench) sendLater(name string, e event) {
	b.Helper()
	payload, _ := json.Marshal(e)
	out, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: &name, InvocationType: types.InvocationTypeEvent, Payload: payload})
	if err != nil || out.StatusCode != 202 || len(out.Payload) != 0 {
		b.Fatalf("%v, status %d, payload %s", err, out.StatusCode, out.Payload)
	}
}

// invoke expects success.
func (b *bench) invoke(name string, e event) (r result) {
	b.Helper()
	out := b.send(name, e)
	if out.FunctionError != nil {
		b.Fatalf("invoking %s with %+v failed: %s", name, e, out.Payload)
	}
	b.decode(out.Payload, &r)
	return r
}

// fail expects a function error. In its message "ID" replaces the request ID.
func (b *bench) fail(name string, e event) (f failure) {
	b.Helper()
	out := b.send(name, e)
	if aws.ToString(out.FunctionError) != "Unhandled" {
		b.Fatalf("invoking %s with %+v did not fail: %s", name, e, out.Payload)
	}
	id, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
	b.decode(bytes.ReplaceAll(out.Payload, []byte(id), []byte("ID")), &f)
	return f
}

// wantError expects an error of an API.
func wantError(t testing.TB, err error, status int, code, message string) {
	t.Helper()
	api, isAPI := errors.AsType[smithy.APIError](err)
	response, isResponse := errors.AsType[*smithyhttp.ResponseError](err)
	if !isAPI || !isResponse {
		t.Fatalf("error is %v, want an API error %s", err, code)
	}
	if response.HTTPStatusCode() != status || api.ErrorCode() != code || message != "" && api.ErrorMessage() != message {
		t.Errorf("error is\n%d %s: %s, want\n%d %s: %s", response.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage(), status, code, message)
	}
	if response.Response.Header.Get("X-Amzn-RequestId") == "" {
		t.Error("no request ID")
	}
}

// eventually polls until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
