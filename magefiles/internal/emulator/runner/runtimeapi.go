package runner

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// runtimeClient serves the Runtime API to one process of provided.*, on a listener
// of its own: AWS_LAMBDA_RUNTIME_API is host:port, so an address must be enough to
// tell the processes apart.
//
// Every program on this machine can connect to it, as to the port of a process of
// go1.x: it can take an event and answer it. Browsers are kept out.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type runtimeClient struct {
	address string
	http    *http.Server

	events chan *exchange // from invoke to next
	polled chan struct{}  // closed when the process first asks for an event: its init is over

	mu         sync.Mutex
	initReport []byte    // from init/error, until polled
	current    *exchange // the event that the process handles
}

// exchange is an event and its answer.
type exchange struct {
	*Invocation
	answer *answer       // guarded by the client's mutex
	done   chan struct{} // closed when the process asks for the next event
}

func newRuntimeClient() (*runtimeClient, error) {
	listener, err := net.Listen("tcp", localPort(0))
	if err != nil {
		return nil, err
	}
	c := &runtimeClient{address: listener.Addr().String(), events: make(chan *exchange), polled: make(chan struct{})}
	// A process is idle for as long as it has no event, so its connection has no
	// limit for that.
	c.http = &http.Server{Handler: c.handler(), ReadHeaderTimeout: 10 * time.Second}
	go c.http.Serve(listener)
	return c, nil
}

// close closes the listener and all connections.
func (c *runtimeClient) close() { c.http.Close() }

func (c *runtimeClient) variables() []string {
	return []string{"AWS_LAMBDA_RUNTIME_API=" + c.address}
}

// handler refuses browsers: a page could otherwise take events, or read them under
// a name of its own that leads to this machine.
func (c *runtimeClient) handler() http.Handler {
	const root = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root+"invocation/next", c.next)
	mux.HandleFunc("POST "+root+"invocation/{id}/response", post(c.response))
	mux.HandleFunc("POST "+root+"invocation/{id}/error", post(c.error))
	mux.HandleFunc("POST "+root+"init/error", post(c.initError))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != c.address || r.Header.Get("Sec-Fetch-Site") != "" {
			http.Error(w, "the Runtime API serves only the process of its function", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// post reads the body of a request for handle, up to one byte more than a response
// may have.
func post(handle func(r *http.Request, body []byte) (status int, v any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		status, v := invalidRequest(err)
		if err == nil {
			status, v = handle(r, body)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
}

func invalidRequest(err error) (status int, v any) {
	return http.StatusBadRequest, functionError{"InvalidRequest", fmt.Sprint(err)}
}

func (c *runtimeClient) ready(ctx context.Context) error {
	select {
	case <-c.polled:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *runtimeClient) isReady() bool {
	select {
	case <-c.polled:
		return true
	default:
		return false
	}
}

// invoke hands an event to the process. The invocation is over when the process
// asks for the next event, not when it answers: until then it may still work.
func (c *runtimeClient) invoke(ctx context.Context, inv *Invocation) (*answer, error) {
	x := &exchange{Invocation: inv, done: make(chan struct{})}
	over := false
	select {
	case c.events <- x:
		select {
		case <-x.done:
			over = true
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case x.answer != nil:
		x.answer.discard = x.answer.discard || !over
		return x.answer, nil
	case over:
		return functionError{"Runtime.NoResponse", "RequestId: " + inv.ID + " Error: the runtime asked for the next event without answering this one"}.answer(), nil
	}
	return nil, context.Cause(ctx)
}

// next answers with the next event, when there is one.
func (c *runtimeClient) next(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	if !c.isReady() {
		close(c.polled)
		c.initReport = nil
	}
	if c.current != nil {
		close(c.current.done)
		c.current = nil
	}
	c.mu.Unlock()

	var x *exchange
	select {
	case x = <-c.events:
	case <-r.Context().Done():
		return
	}
	c.mu.Lock()
	c.current = x
	c.mu.Unlock()
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(x.Payload)))
	header.Set("Lambda-Runtime-Aws-Request-Id", x.ID)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(x.deadline.UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", x.ARN)
	header.Set("Lambda-Runtime-Trace-Id", x.Trace)
	if len(x.ClientContext) > 0 {
		header.Set("Lambda-Runtime-Client-Context", string(x.ClientContext))
	}
	w.Write(x.Payload)
}

// response takes the answer to an event. A response that fails in the middle
// ends with trailers.
func (c *runtimeClient) response(r *http.Request, body []byte) (status int, v any) {
	a := &answer{payload: body}
	if len(body) > maxResponse {
		a = responseTooLarge()
	} else if r.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "" {
		report, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		if err != nil {
			return invalidRequest(err)
		}
		a = &answer{payload: report, failed: true}
	}
	status, v = c.accept(r, a)
	if status == http.StatusAccepted && len(body) > maxResponse {
		return http.StatusRequestEntityTooLarge, functionError{"RequestEntityTooLarge", fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxResponse)}
	}
	return status, v
}

var errReportTooLarge = errors.New("the error is too large")

func (c *runtimeClient) error(r *http.Request, report []byte) (status int, v any) {
	if len(report) > maxResponse {
		return invalidRequest(errReportTooLarge)
	}
	return c.accept(r, &answer{payload: report, failed: true})
}

// accept takes the first answer to the event that the process handles.
func (c *runtimeClient) accept(r *http.Request, a *answer) (status int, v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil || c.current.ID != r.PathValue("id") || c.current.answer != nil {
		return http.StatusBadRequest, functionError{"InvalidRequestID", "Invalid request ID"}
	}
	c.current.answer = a
	return accepted()
}

// initError takes the error of the init. The process exits after it.
func (c *runtimeClient) initError(_ *http.Request, report []byte) (status int, v any) {
	if len(report) > maxResponse {
		return invalidRequest(errReportTooLarge)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isReady() {
		c.initReport = report
	}
	return accepted()
}

func accepted() (status int, v any) {
	return http.StatusAccepted, map[string]string{"status": "OK"}
}

// failed prefers the error that the process reported about its init.
func (c *runtimeClient) failed(id string, cause error) *answer {
	f := functionError{"Runtime.ExitError", "Runtime exited without providing a reason"}
	switch cause := cause.(type) {
	case timedOut:
		f = functionError{"Sandbox.Timedout", cause.Error()}
	case unstartable:
		f = functionError{"Runtime.InvalidEntrypoint", cause.Error()}
		if errors.Is(cause, fs.ErrNotExist) {
			f.Message = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
		}
	case exited:
		if !cause.Success() {
			f.Message = "Runtime exited with error: " + cause.String()
		}
	}
	f.Message = "RequestId: " + id + " Error: " + f.Message
	a := f.answer()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.initReport != nil {
		a.payload = c.initReport
	}
	return a
}
