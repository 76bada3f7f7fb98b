package emulator

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"example.com/dualboot/magefiles/internal/emulator/metrics"
	"example.com/dualboot/magefiles/internal/emulator/runner"
)

// Invocation types.
const (
	requestResponse = "RequestResponse"
	event           = "Event"
	dryRun          = "DryRun"
)

// invoke invokes a function. It locks mu.
func (s *Server) invoke(c *call) (reply, error) {
	t, err := s.target(c)
	if err != nil {
		return reply{}, err
	}
	kind := cmp.Or(c.Header.Get("X-Amz-Invocation-Type"), requestResponse)
	logType := cmp.Or(c.Header.Get("X-Amz-Log-Type"), "None")
	err = oneOf(kind, "invocationType", event, requestResponse, dryRun)
	if kind == event && len(c.body) > maxAsyncPayload {
		err = tooLarge(c.operation.name, maxAsyncPayload)
	}
	if err = validate(err, oneOf(logType, "logType", "None", "Tail")); err != nil {
		return reply{}, err
	}
	inv := runner.Invocation{ID: c.id, ARN: s.arn(t), Trace: newTrace()}
	if inv.Payload, err = payload(c.body); err != nil {
		return reply{}, err
	}
	if kind != event { // Lambda passes the client context to synchronous invocations only
		if inv.ClientContext, err = clientContext(c.Header.Get("X-Amz-Client-Context")); err != nil {
			return reply{}, err
		}
	}

	switch kind {
	case dryRun:
		return reply{status: http.StatusNoContent}, s.invokable(t)
	case event:
		return reply{status: http.StatusAccepted}, s.invokeLater(t, inv)
	}
	result, version, err := s.run(t, inv)
	if err != nil {
		return reply{}, err
	}
	header := map[string]string{
		"Content-Type":           "application/json",
		"X-Amz-Executed-Version": version,
		"X-Amzn-Trace-Id":        inv.Trace,
	}
	if result.Failed {
		header["X-Amz-Function-Error"] = "Unhandled"
	}
	if logType == "Tail" {
		header["X-Amz-Log-Result"] = base64.StdEncoding.EncodeToString(result.LogTail)
	}
	return reply{http.StatusOK, header, result.Payload}, nil
}

// payload returns the event of a request. Assumption: without a body it is an
// empty object.
func payload(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return []byte("{}"), nil
	}
	var valid json.RawMessage
	if err := json.Unmarshal(body, &valid); err != nil {
		return nil, invalidContent("Could not parse request body into json: %v", err)
	}
	return body, nil
}

// clientContext returns the client context of a header on one line, as it must
// become a header of the Runtime API.
func clientContext(header string) ([]byte, error) {
	decoded, err := base64.StdEncoding.DecodeString(header)
	var compact bytes.Buffer
	switch {
	case header == "":
		return nil, nil
	case err != nil || json.Compact(&compact, decoded) != nil:
		return nil, invalidContent("Client context must be a valid Base64-encoded JSON object.")
	case len(decoded) > 3583:
		return nil, invalidContent("Client context must be no more than 3583 bytes when decoded.")
	}
	return compact.Bytes(), nil
}

func invalidContent(format string, args ...any) error {
	return apiErrorf(http.StatusBadRequest, "InvalidRequestContentException", format, args...)
}

// invokable returns why a function cannot be invoked now. It locks mu.
func (s *Server) invokable(t target) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.findInvoked(t)
	if err != nil {
		return err
	}
	return f.qualified(t.qualifier).invokable()
}

// invokeLater starts an asynchronous invocation and repeats it if it fails. It
// locks mu.
//
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func (s *Server) invokeLater(t target, inv runner.Invocation) error {
	if err := s.invokable(t); err != nil {
		return err
	}
	if !s.begin() {
		return errClosing()
	}
	go func() {
		defer s.work.Done()
		for _, wait := range slices.Concat(s.options.retries, []time.Duration{0}) {
			if result, _, err := s.run(t, inv); err == nil && !result.Failed {
				return
			}
			select {
			case <-time.After(wait):
			case <-s.ctx.Done():
				return
			}
		}
	}()
	return nil
}

// run invokes a function once, and returns the executed version with the result.
// An error means that it could not be invoked; the function's own failure is a
// result. It locks mu.
func (s *Server) run(t target, inv runner.Invocation) (result runner.Result, version string, err error) {
	received := time.Now()
	d, i, err := s.acquire(t)
	if err != nil {
		return result, "", err
	}
	age, fromStream := s.iteratorAge(t, inv.Payload, received)
	if i == nil {
		if i, err = s.startInstance(d, inv.ID); err != nil {
			s.release(d, nil)
			return result, "", err
		}
	}
	result = i.Invoke(inv)
	if !result.Reusable {
		i = nil
	}
	s.release(d, i)
	if result.Failed && s.ctx.Err() != nil { // because Close has killed the process
		return result, "", errClosing()
	}
	s.metrics.Add(metrics.Invocation{
		Function: t.name, Resource: t.String(),
		Received: received, Duration: result.Duration, Failed: result.Failed,
		FromStream: fromStream, IteratorAge: age,
	})
	return result, d.configuration.Version, nil
}

func newTrace() string {
	id := make([]byte, 20)
	rand.Read(id)
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), hex.EncodeToString(id[:12]), hex.EncodeToString(id[12:]))
}
