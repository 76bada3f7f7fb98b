package emulator_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"example.com/dualboot/magefiles/internal/emulator"
)

const role = "arn:aws:iam::123456789012:role/test"

// binaries are the paths of the handler's two builds, and of a zip of both.
type binaries struct{ rpc, norpc, zip string }

// built holds them; TestMain fills it before any test.
var built binaries

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
	built = binaries{filepath.Join(dir, "lambda"), filepath.Join(dir, "bootstrap"), filepath.Join(dir, "dual.zip")}
	for _, args := range [][]string{
		{"-o", built.rpc},
		{"-o", built.norpc, "-tags", "lambda.norpc"},
	} {
		args = append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}, append(args, "./testdata/handler")...)
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the test's handler: %v\n%s", err, out)
			return 1
		}
	}
	if err := zipBinaries(built); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// zipBinaries makes the zip, stored: to deflate takes long under the race detector.
func zipBinaries(b binaries) error {
	out, err := os.Create(b.zip)
	if err != nil {
		return err
	}
	defer out.Close()
	w := zip.NewWriter(out)
	for _, path := range []string{b.rpc, b.norpc} {
		header := &zip.FileHeader{Name: filepath.Base(path), Method: zip.Store}
		header.SetMode(0o755)
		entry, err := w.CreateHeader(header)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := entry.Write(content); err != nil {
			return err
		}
	}
	return w.Close()
}

// hostBinaries says whether this machine needs Options.HostBinaries.
const hostBinaries = runtime.GOOS != "linux" || runtime.GOARCH != "amd64"

// bench is a server, and a client that does not retry.
type bench struct {
	*emulator.Server
	*testing.T
	client *lambda.Client
}

func newBench(t *testing.T, options emulator.Options) *bench {
	t.Helper()
	options.HostBinaries = hostBinaries
	s, err := emulator.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	return adopt(t, s)
}

func adopt(t *testing.T, s *emulator.Server) *bench {
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	client := lambda.NewFromConfig(s.Config(), func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	return &bench{s, t, client}
}

// file is an entry of a zip.
type file struct {
	name    string
	mode    fs.FileMode
	content []byte
}

func makeZip(t testing.TB, files ...file) []byte {
	t.Helper()
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
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// script is an executable file that sh runs.
func script(name, lines string) file {
	return file{name, 0o755, []byte("#!/bin/sh\n" + lines)}
}

// launcher is an executable file that becomes one of the handler's builds. It
// stands in for the build itself where that is not what a test is about: it is
// a thousand times smaller to upload, which counts under the race detector.
func launcher(name, path string) file {
	return script(name, `exec "`+path+`"`)
}

// dualZip holds both of the handler's builds, lambda and bootstrap.
func dualZip(t testing.TB) []byte {
	return makeZip(t, launcher("lambda", built.rpc), launcher("bootstrap", built.norpc))
}

// runtimeZip holds, by runtime, what it needs and nothing else.
func runtimeZip(t testing.TB, r types.Runtime) []byte {
	if r == types.RuntimeGo1x {
		return makeZip(t, launcher("lambda", built.rpc))
	}
	return makeZip(t, launcher("bootstrap", built.norpc))
}

// realZip holds the builds themselves.
func realZip(t testing.TB) []byte {
	t.Helper()
	content, err := os.ReadFile(built.zip)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// function is the input that creates a function; edits change it.
func function(name string, r types.Runtime, zip []byte, edits ...func(*lambda.CreateFunctionInput)) *lambda.CreateFunctionInput {
	in := &lambda.CreateFunctionInput{
		FunctionName: aws.String(name),
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

func (b *bench) updateCode(name string, zip []byte) *lambda.UpdateFunctionCodeOutput {
	b.Helper()
	out, err := b.client.UpdateFunctionCode(b.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: zip})
	if err != nil {
		b.Fatalf("updating the code of %s: %v", name, err)
	}
	return out
}

func (b *bench) configure(in *lambda.UpdateFunctionConfigurationInput) *lambda.UpdateFunctionConfigurationOutput {
	b.Helper()
	out, err := b.client.UpdateFunctionConfiguration(b.Context(), in)
	if err != nil {
		b.Fatalf("updating the configuration of %s: %v", *in.FunctionName, err)
	}
	return out
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

// failure is what a function error's payload says.
type failure struct {
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
	StackTrace   []any  `json:"stackTrace"`
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

// invoke expects success.
func (b *bench) invoke(name string, e event) result {
	b.Helper()
	out := b.send(name, e)
	if out.FunctionError != nil {
		b.Fatalf("invoking %s with %+v failed: %s", name, e, out.Payload)
	}
	var r result
	if err := json.Unmarshal(out.Payload, &r); err != nil {
		b.Fatalf("%v in %s", err, out.Payload)
	}
	return r
}

// fail expects a function error. The request's id is taken out of its message.
func (b *bench) fail(name string, e event) failure {
	b.Helper()
	out := b.send(name, e)
	if aws.ToString(out.FunctionError) != "Unhandled" {
		b.Fatalf("invoking %s with %+v did not fail: %s", name, e, out.Payload)
	}
	var f failure
	if err := json.Unmarshal(out.Payload, &f); err != nil {
		b.Fatalf("%v in %s", err, out.Payload)
	}
	id, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
	f.ErrorMessage = string(bytes.ReplaceAll([]byte(f.ErrorMessage), []byte(id), []byte("ID")))
	return f
}

// wantError expects an error of the API.
func wantError(t testing.TB, err error, status int, code, message string) {
	t.Helper()
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		t.Fatalf("error is %v, want an API error %s", err, code)
	}
	if response.HTTPStatusCode() != status || api.ErrorCode() != code || message != "" && api.ErrorMessage() != message {
		t.Errorf("error is\n%d %s: %s, want\n%d %s: %s", response.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage(), status, code, message)
	}
	if response.Response.Header.Get("X-Amzn-RequestId") == "" {
		t.Error("no request id")
	}
}

// eventually polls until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// settle waits until a function is neither Pending nor InProgress.
func (b *bench) settle(name string) *types.FunctionConfiguration {
	b.Helper()
	var c *types.FunctionConfiguration
	eventually(b, name+" settles", func() bool {
		c = b.get(name)
		return c.State == types.StateActive && c.LastUpdateStatus != types.LastUpdateStatusInProgress
	})
	return c
}

func httpGet(t testing.TB, url string) *http.Response {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}
