package emulator

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
)

// invoke runs a function.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
func (s *Server) invoke(c *call) (reply, error) {
	t, err := s.target(c)
	if err != nil {
		return reply{}, err
	}
	kind := c.Header.Get("X-Amz-Invocation-Type")
	switch kind {
	case "", "RequestResponse", "DryRun":
	case "Event":
		if len(c.body) > maxAsyncPayload {
			return reply{}, tooLarge(operation{name: c.operation.name, limit: maxAsyncPayload})
		}
	default:
		return reply{}, invalid(kind, "invocationType", "Member must satisfy enum value set: [Event, RequestResponse, DryRun]")
	}
	logType := c.Header.Get("X-Amz-Log-Type")
	if logType != "" && logType != "None" && logType != "Tail" {
		return reply{}, invalid(logType, "logType", "Member must satisfy enum value set: [None, Tail]")
	}
	inv := &invocation{id: c.id, arn: s.arn(t), trace: newTrace(), payload: c.body}
	if len(inv.payload) == 0 {
		inv.payload = []byte("{}") // Assumption: without a payload the event is an empty object
	} else if !json.Valid(inv.payload) {
		var v any
		return reply{}, unparsable(json.Unmarshal(inv.payload, &v))
	}
	// Lambda passes the client context to synchronous invocations only.
	if given := c.Header.Get("X-Amz-Client-Context"); given != "" && kind != "Event" {
		decoded, err := base64.StdEncoding.DecodeString(given)
		var compact bytes.Buffer // it must fit on one line, to be a header for the runtime
		if err != nil || json.Compact(&compact, decoded) != nil {
			return reply{}, &apiError{http.StatusBadRequest, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."}
		}
		if len(decoded) > 3583 {
			return reply{}, &apiError{http.StatusBadRequest, "InvalidRequestContentException", "Client context must be no more than 3583 bytes when decoded."}
		}
		inv.clientContext = compact.Bytes()
	}

	if kind == "DryRun" || kind == "Event" {
		if err := s.invokable(t); err != nil {
			return reply{}, err
		}
	}
	switch kind {
	case "DryRun":
		return reply{status: http.StatusNoContent}, nil
	case "Event":
		if !s.begin() {
			return reply{}, serverClosing()
		}
		go func() {
			defer s.work.Done()
			s.handleEvent(t, inv)
		}()
		return reply{status: http.StatusAccepted}, nil
	}
	result, tail, err := s.run(t, inv)
	if err != nil {
		return reply{}, err
	}
	header := map[string]string{
		"Content-Type":           "application/json",
		"X-Amz-Executed-Version": result.version,
		"X-Amzn-Trace-Id":        inv.trace,
	}
	if result.failed {
		header["X-Amz-Function-Error"] = "Unhandled"
	}
	if logType == "Tail" {
		header["X-Amz-Log-Result"] = base64.StdEncoding.EncodeToString(tail)
	}
	return reply{http.StatusOK, header, result.payload}, nil
}

// handleEvent runs an asynchronous invocation, and if it fails runs it again.
//
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func (s *Server) handleEvent(t target, inv *invocation) {
	for try := 0; ; try++ {
		result, _, err := s.run(t, inv)
		if err == nil && !result.failed || try == len(s.limits.retries) {
			return
		}
		select {
		case <-time.After(s.limits.retries[try]):
		case <-s.ctx.Done():
			return
		}
	}
}

// invokable says why a function could not be invoked now.
func (s *Server) invokable(t target) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(t)
	if err != nil {
		return err
	}
	if p, _ := f.version(t.qualifier); p != nil {
		return p.invokable()
	}
	return f.serving.invokable()
}

// invokable says why a version could not be invoked; nil is that of a function
// that is still being created.
func (v *version) invokable() error {
	if v == nil {
		return functionPending()
	}
	conf := v.configuration
	if v.code == nil {
		return notImplemented("invoking container images, such as " + conf.FunctionName + ",")
	}
	if _, ok := entrypoint(conf.Runtime, conf.Handler); !ok {
		return notImplemented("invoking functions on runtime " + conf.Runtime + ", such as " + conf.FunctionName + ",")
	}
	return nil
}

// run invokes a function once. An error means that it could not be invoked;
// the function's own failure is an answer. tail is the end of the log.
func (s *Server) run(t target, inv *invocation) (result answer, tail []byte, err error) {
	received := time.Now()
	v, e, err := s.acquire(t)
	if err != nil {
		return answer{}, nil, err
	}
	age, fromStream := s.iteratorAge(t, inv.payload, received)
	if e == nil {
		e, result, err = s.startEnvironment(v, inv.id)
		if err != nil {
			s.giveBack(v, nil)
			return answer{}, nil, err
		}
	}

	e.output.sync() // what init wrote comes first
	e.output.println("START RequestId: " + inv.id + " Version: " + v.configuration.Version)
	began := time.Now()
	if !result.failed {
		result = e.invoke(v.configuration, inv)
	}
	took := time.Since(began)
	result.version = v.configuration.Version
	if e.process != nil && result.discard {
		s.discard(e.process)
	}
	e.output.sync()
	if result.log != "" {
		for line := range strings.SplitSeq(result.log, "\n") {
			e.output.println(line)
		}
	}
	e.output.println("END RequestId: " + inv.id)
	e.output.println(report(inv.id, took, v.configuration.MemorySize, e.initTime))
	e.initTime = 0
	tail = e.output.takeTail()

	if e.process == nil || result.discard {
		e = nil
	}
	s.giveBack(v, e)
	if result.failed && s.ctx.Err() != nil { // it failed because its process was killed
		return answer{}, nil, serverClosing()
	}
	s.metrics.add(t, served{received, took, result.failed, fromStream, age})
	return result, tail, nil
}

// invoke has the environment handle one invocation, within the function's timeout.
func (e *environment) invoke(conf configuration, inv *invocation) answer {
	limit := time.Duration(conf.Timeout) * time.Second
	inv.deadline = time.Now().Add(limit)
	ctx, cancel := context.WithDeadlineCause(e.process.gone, inv.deadline, errTimedOut)
	defer cancel()
	result, err := e.protocol.invoke(ctx, inv)
	if err != nil {
		return noAnswer(e.protocol, inv.id, err, limit).answer()
	}
	return result
}

// acquire picks what serves an invocation, and the environment that was idle
// least, if there is one that is idle.
func (s *Server) acquire(t target) (*version, *environment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(t)
	if err != nil {
		return nil, nil, err
	}
	s.sweep(f)
	v, err := f.serve(t.qualifier)
	if err != nil {
		return nil, nil, err
	}
	v.busy++
	for len(v.idle) > 0 {
		last := len(v.idle) - 1
		e := v.idle[last]
		v.idle = v.idle[:last]
		if e.process.gone.Err() == nil {
			return v, e, nil
		}
	}
	return v, nil, nil
}

// giveBack ends an invocation: its environment, if it can be used again, waits
// for the next one, unless its version, or its own time, is over meanwhile.
func (s *Server) giveBack(v *version, e *environment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.busy--
	if !v.retired { // and so its function is not deleted
		if e != nil {
			if e.warmed.IsZero() {
				e.number, e.warmed = v.warmed, time.Now()
				v.warmed++
			}
			v.idle = append(v.idle, e)
			s.sweep(s.functions[v.configuration.FunctionName])
		}
		return
	}
	if e != nil {
		s.processes.kill(e.process)
	}
	if v.busy == 0 {
		s.packages.release(v.code)
	}
}

// report is the last line of an invocation's log. Lambda also gives the memory
// used, which the emulator does not measure.
func report(id string, took time.Duration, memory int, initTime time.Duration) string {
	line := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB",
		id, milliseconds(took), math.Ceil(milliseconds(took)), memory)
	if initTime > 0 {
		line += fmt.Sprintf("\tInit Duration: %.2f ms", milliseconds(initTime))
	}
	return line
}

// newTrace is an X-Ray trace header that is not sampled.
func newTrace() string {
	id := make([]byte, 20)
	rand.Read(id)
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), hex.EncodeToString(id[:12]), hex.EncodeToString(id[12:]))
}
