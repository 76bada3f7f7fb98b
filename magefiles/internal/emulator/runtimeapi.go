package emulator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// runtimeAPI serves the Runtime API to the processes of provided.*: one
// listener for all of them. Each has a path of its own with an unguessable
// token in it; clients put what AWS_LAMBDA_RUNTIME_API holds between "http://"
// and "/2018-06-01/", and so the token keeps other local users out.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type runtimeAPI struct {
	address string
	http    *http.Server

	mu      sync.Mutex
	clients map[string]*runtimeAPIClient // by token
}

func newRuntimeAPI() (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &runtimeAPI{address: listener.Addr().String(), clients: map[string]*runtimeAPIClient{}}
	mux := http.NewServeMux()
	const root = "/{token}/2018-06-01/runtime/"
	mux.HandleFunc("GET "+root+"invocation/next", a.with((*runtimeAPIClient).next))
	mux.HandleFunc("POST "+root+"invocation/{id}/response", a.with((*runtimeAPIClient).response))
	mux.HandleFunc("POST "+root+"invocation/{id}/error", a.with((*runtimeAPIClient).failure))
	mux.HandleFunc("POST "+root+"init/error", a.with((*runtimeAPIClient).initError))
	a.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go a.http.Serve(listener)
	return a, nil
}

func (a *runtimeAPI) close() error { return a.http.Close() }

// with finds the client that a request is for.
func (a *runtimeAPI) with(handle func(*runtimeAPIClient, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		c, ok := a.clients[r.PathValue("token")]
		a.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		handle(c, w, r)
	}
}

// runtimeAPIClient is one process of provided.*, seen from the Runtime API.
type runtimeAPIClient struct {
	api   *runtimeAPI
	token string

	events chan *exchange // from invoke to next
	polled chan struct{}  // closed when the process first asks for an event: its init is over

	mu          sync.Mutex
	initialised bool
	initFailed  []byte    // what the process posted to init/error
	current     *exchange // what the process is working on
}

// exchange is one invocation between the two sides.
type exchange struct {
	*invocation
	result *answer       // guarded by the client's mutex
	done   chan struct{} // closed when the process asks for the next event
}

func (a *runtimeAPI) newClient() *runtimeAPIClient {
	c := &runtimeAPIClient{
		api:    a,
		token:  rand.Text(),
		events: make(chan *exchange),
		polled: make(chan struct{}),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clients[c.token] = c
	return c
}

func (c *runtimeAPIClient) variables() []string {
	return []string{"AWS_LAMBDA_RUNTIME_API=" + c.api.address + "/" + c.token}
}

func (c *runtimeAPIClient) ready(ctx context.Context) error {
	select {
	case <-c.polled:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unready prefers what the process itself had to say, through init/error.
func (c *runtimeAPIClient) unready(id string, cause error, limit time.Duration, _ *output) (answer, bool) {
	failure := noAnswer(c, id, cause, limit).answer()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.initFailed != nil {
		failure.payload = c.initFailed
	}
	return failure, false
}

// invoke hands an invocation to the process. It is over when the process asks
// for the next one, not when it answers: until then it may still do things.
func (c *runtimeAPIClient) invoke(ctx context.Context, inv *invocation) (answer, error) {
	x := &exchange{invocation: inv, done: make(chan struct{})}
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
	case x.result != nil:
		x.result.discard = x.result.discard || !over
		return *x.result, nil
	case over:
		return functionError{"Runtime.NoResponse", "RequestId: " + inv.id + " Error: the runtime asked for the next event without answering this one"}.answer(), nil
	}
	return answer{}, context.Cause(ctx)
}

// next gives the process its next event, when there is one.
func (c *runtimeAPIClient) next(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	if !c.initialised {
		c.initialised = true
		close(c.polled)
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
	header.Set("Content-Length", strconv.Itoa(len(x.payload)))
	header.Set("Lambda-Runtime-Aws-Request-Id", x.id)
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(x.deadline.UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", x.arn)
	header.Set("Lambda-Runtime-Trace-Id", x.trace)
	if len(x.clientContext) > 0 {
		header.Set("Lambda-Runtime-Client-Context", string(x.clientContext))
	}
	w.Write(x.payload)
}

// response takes the answer to an event.
func (c *runtimeAPIClient) response(w http.ResponseWriter, r *http.Request) {
	body, err := readResponse(r.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, functionError{"InvalidRequest", err.Error()})
		return
	}
	if len(body) > maxResponse {
		large := responseTooLarge().answer()
		if c.answer(r.PathValue("id"), large) {
			refuse(w, http.StatusRequestEntityTooLarge, functionError{"RequestEntityTooLarge", fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxResponse)})
			return
		}
	}
	result := answer{payload: body}
	// A runtime that fails in the middle of a response says so after it.
	if r.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "" {
		report, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		if err != nil {
			refuse(w, http.StatusBadRequest, functionError{"InvalidRequest", err.Error()})
			return
		}
		result = answer{payload: report, failed: true}
	}
	c.accept(w, r, result)
}

// failure takes the error that handling an event came to.
func (c *runtimeAPIClient) failure(w http.ResponseWriter, r *http.Request) {
	body, err := readResponse(r.Body)
	if err != nil || len(body) > maxResponse {
		refuse(w, http.StatusBadRequest, functionError{"InvalidRequest", "the error cannot be read or is too large"})
		return
	}
	c.accept(w, r, answer{payload: body, failed: true})
}

// initError takes what kept the process from becoming ready; it exits then.
func (c *runtimeAPIClient) initError(w http.ResponseWriter, r *http.Request) {
	body, err := readResponse(r.Body)
	if err != nil || len(body) > maxResponse {
		refuse(w, http.StatusBadRequest, functionError{"InvalidRequest", "the error cannot be read or is too large"})
		return
	}
	c.mu.Lock()
	if !c.initialised {
		c.initFailed = body
	}
	c.mu.Unlock()
	accepted202(w)
}

// accept records an answer and tells the process whether it counts.
func (c *runtimeAPIClient) accept(w http.ResponseWriter, r *http.Request, result answer) {
	if !c.answer(r.PathValue("id"), result) {
		refuse(w, http.StatusBadRequest, functionError{"InvalidRequestID", "Invalid request ID"})
		return
	}
	accepted202(w)
}

// answer records the answer to an event, if the process is working on it and
// has not answered before.
func (c *runtimeAPIClient) answer(id string, result answer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil || c.current.id != id || c.current.result != nil {
		return false
	}
	c.current.result = &result
	return true
}

func (c *runtimeAPIClient) unstartable(id, file string, err error) functionError {
	message := "fork/exec /var/task/" + file + ": " + err.Error()
	if errors.Is(err, syscall.ENOENT) {
		message = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
	}
	return functionError{"Runtime.InvalidEntrypoint", "RequestId: " + id + " Error: " + message}
}

func (c *runtimeAPIClient) ended(id string, state *os.ProcessState) functionError {
	why := "Runtime exited without providing a reason"
	if !state.Success() {
		why = "Runtime exited with error: " + state.String()
	}
	return functionError{"Runtime.ExitError", "RequestId: " + id + " Error: " + why}
}

func (c *runtimeAPIClient) close() {
	c.api.mu.Lock()
	defer c.api.mu.Unlock()
	delete(c.api.clients, c.token)
}

// readResponse reads a body up to one byte over what a response may have, and
// takes in the rest.
func readResponse(body io.Reader) ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(body, maxResponse+1))
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, body)
	return read, err
}

func accepted202(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, e functionError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(e)
}
