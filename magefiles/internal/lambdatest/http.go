package lambdatest

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/time/rate"
)

// Calls returns the requests that have arrived, throttled ones too.
func (l *Lambda) Calls() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.calls)
}

// Log returns the calls as text.
func (l *Lambda) Log() []string {
	var log []string
	for _, c := range l.Calls() {
		log = append(log, c.String())
	}
	return log
}

// Count returns how many calls have arrived, by operation.
func (l *Lambda) Count() map[Operation]int {
	count := map[Operation]int{}
	for _, c := range l.Calls() {
		count[c.Operation]++
	}
	return count
}

// Throttled returns how many calls were beyond a quota.
func (l *Lambda) Throttled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.throttled
}

// Reset forgets the calls and restarts the clock of the log.
func (l *Lambda) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.throttled, l.start = nil, 0, time.Now()
}

// AddZip makes a zip of executables with these names available for download under
// the CodeSha256.
func (l *Lambda) AddZip(codeSha256 string, names ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.zips[codeSha256] = Executables(names...)
}

// Executables returns a zip of empty executables with these names.
func Executables(names ...string) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range names {
		header := &zip.FileHeader{Name: name}
		header.SetMode(0o755)
		if _, err := w.CreateHeader(header); err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// Do answers a request. Its signature is the one of http.Client.Do.
func (l *Lambda) Do(r *http.Request) (*http.Response, error) {
	call := route(r)
	delay := l.Latency
	if call.Operation == Code {
		delay += l.Upload
	}
	if err := travel(r.Context(), delay); err != nil {
		return nil, err
	}
	response := l.answer(call, r)
	return response, travel(r.Context(), l.Latency)
}

// travel lets the time pass that a message takes.
func travel(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		// In a bubble of testing/synctest, timers that are due at once crash the
		// race detector of Go 1.26 when several goroutines receive from them.
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(delay):
		return nil
	}
}

// route returns the operation that a request asks for.
func route(r *http.Request) Call {
	if r.URL.Host == "zips" {
		return Call{Operation: Zip, Function: strings.TrimPrefix(r.URL.Path, "/")}
	}
	path := strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions")
	name, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	operation := map[string]Operation{
		"GET ":              Get,
		"GET configuration": GetConfig,
		"PUT code":          Code,
		"PUT configuration": Config,
		"POST invocations":  Invoke,
	}[r.Method+" "+rest]
	if name == "" {
		operation = List
	}
	return Call{Operation: operation, Function: name}
}

// answer logs and serves one request.
func (l *Lambda) answer(call Call, r *http.Request) *http.Response {
	problem := l.admit(call)
	var body []byte
	if problem == nil {
		body, problem = l.serve(call, r.Body)
	}
	if problem == nil {
		return Response(r, http.StatusOK, "", string(body))
	}
	text, _ := json.Marshal(map[string]string{"message": problem.Message})
	return Response(r, problem.Status, problem.Code, string(text))
}

// admit logs a call. It returns an error if a quota or Before refuses the call.
func (l *Lambda) admit(call Call) *Error {
	l.mu.Lock()
	call.At = time.Since(l.start)
	l.calls = append(l.calls, call)
	quota := l.quota(call.Operation)
	throttled := quota != nil && !quota.Allow()
	if throttled {
		l.throttled++
	}
	l.mu.Unlock()
	switch {
	case throttled:
		return &Error{429, "TooManyRequestsException", "Rate exceeded"}
	case l.Before != nil:
		return l.Before(call)
	}
	return nil
}

func (l *Lambda) quota(o Operation) *rate.Limiter {
	switch o {
	case Get:
		return l.Reads
	case Invoke, Zip:
		return nil
	}
	return l.Writes
}

// serve does what a call asks for and returns the body of the answer.
func (l *Lambda) serve(call Call, body io.Reader) ([]byte, *Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch call.Operation {
	case Zip:
		data, ok := l.zips[call.Function]
		if !ok {
			return nil, &Error{404, "", "no such zip"}
		}
		return data, nil
	case List:
		return []byte("{}"), nil
	}
	f, ok := l.functions[call.Function]
	if !ok {
		return nil, &Error{404, "ResourceNotFoundException", "Function not found: " + call.Function}
	}
	var answer any = f.config
	switch call.Operation {
	case Get:
		config := f.config
		if f.stale > 0 {
			f.stale, config = f.stale-1, f.before
		}
		location := "http://zips/" + url.PathEscape(aws.ToString(config.CodeSha256))
		answer = map[string]any{"Configuration": config, "Code": map[string]string{"Location": location}}
	case Code, Config:
		if problem := l.update(f, body); problem != nil {
			return nil, problem
		}
		answer = f.config
	}
	data, err := json.Marshal(answer)
	if err != nil {
		return nil, &Error{500, "ServiceException", err.Error()}
	}
	return data, nil
}

// update serves UpdateFunctionCode and UpdateFunctionConfiguration. The caller
// holds l.mu.
func (l *Lambda) update(f *function, body io.Reader) *Error {
	var in struct {
		ZipFile       []byte
		S3Bucket      string
		S3Key         string
		Architectures []types.Architecture
		Runtime       types.Runtime
		Handler       *string
		RevisionId    *string
	}
	if err := json.NewDecoder(body).Decode(&in); err != nil {
		return &Error{400, "InvalidRequestContentException", err.Error()}
	}
	switch {
	case f.config.State == types.StatePending:
		return &Error{409, "ResourceConflictException", "The function is currently in the following state: Pending"}
	case f.config.LastUpdateStatus == types.LastUpdateStatusInProgress:
		return &Error{409, "ResourceConflictException", "An update is in progress"}
	case in.RevisionId != nil && *in.RevisionId != *f.config.RevisionId:
		return &Error{412, "PreconditionFailedException", "The Revision Id provided does not match"}
	}
	l.begin(f, func(config *types.FunctionConfiguration) {
		if in.ZipFile != nil {
			sum := sha256.Sum256(in.ZipFile)
			config.CodeSha256 = aws.String(base64.StdEncoding.EncodeToString(sum[:]))
			l.zips[*config.CodeSha256] = in.ZipFile
		}
		if in.S3Bucket != "" {
			config.CodeSha256 = aws.String(l.Objects[in.S3Bucket+"/"+in.S3Key])
		}
		if in.Architectures != nil {
			config.Architectures = in.Architectures
		}
		if in.Runtime != "" {
			config.Runtime = in.Runtime
		}
		if in.Handler != nil {
			config.Handler = in.Handler
		}
	})
	return nil
}

// Response returns an HTTP response as Lambda's. The code is the exception, or ""
// for none.
func Response(r *http.Request, status int, code, body string) *http.Response {
	header := http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}
	if code != "" {
		header.Set("X-Amzn-ErrorType", code)
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", http.StatusText(status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}
