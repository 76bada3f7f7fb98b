package emulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

type call struct {
	*http.Request
	operation operation
	id        string
	resource  string // in the path: a function, a layer, or the UUID of an event source mapping
	part      string // in the path: an alias, or a version of a layer
	key       key    // that signed the call
	body      []byte
}

type reply struct {
	status int
	header map[string]string
	body   []byte
}

// jsonReply returns v as JSON. If v is nil, the answer has no body.
func jsonReply(status int, v any) (reply, error) {
	if v == nil {
		return reply{status: status}, nil
	}
	body, err := json.Marshal(v)
	return reply{status, map[string]string{"Content-Type": "application/json"}, body}, err
}

func (s *Server) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := uuid.NewString()
		w.Header().Set("X-Amzn-RequestId", id)
		if token, ok := strings.CutPrefix(r.URL.Path, downloadPath); ok {
			s.serveDownload(w, r, token)
			return
		}
		if isS3(r) {
			s.serveS3(w, r, id)
			return
		}
		c := s.route(r)
		c.id = id
		answer, err := s.serve(w, c)
		if err != nil {
			answer = c.operation.service.failed(c, asAPIError(err))
		}
		for name, value := range answer.header {
			w.Header().Set(name, value)
		}
		if answer.status != http.StatusNoContent {
			w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
		}
		w.WriteHeader(answer.status)
		w.Write(answer.body)
	})
}

// serve authenticates a call and runs its operation. It locks mu.
func (s *Server) serve(w http.ResponseWriter, c *call) (reply, error) {
	if !s.begin() {
		return reply{}, errClosing()
	}
	defer s.work.Done()
	claim, err := s.receive(w, c)
	s.mu.Lock()
	s.calls[c.operation.name]++
	s.mu.Unlock()
	if err != nil {
		return reply{}, err
	}
	c.key = claim.key
	hash := sha256.Sum256(c.body)
	if err := s.verifier.verify(c.Request, claim, hex.EncodeToString(hash[:])); err != nil {
		return reply{}, err
	}
	if s.cloud.denies(s, c.operation.name) {
		return reply{}, denied(c, fmt.Sprintf("%s:%s on resource: *", c.operation.service.name, c.operation.name))
	}
	if err := s.quotas.take(c.operation); err != nil {
		s.throttled.Add(1)
		return reply{}, err
	}
	return c.operation.run(s, c)
}

// receive returns the claim of a call and reads its body, which for STS names the
// operation.
func (s *Server) receive(w http.ResponseWriter, c *call) (claim, error) {
	claim, err := s.verifier.claim(c.Request, c.operation.service.name)
	if err != nil {
		if c.ContentLength != 0 {
			w.Header().Set("Connection", "close") // do not wait for the body
		}
		return claim, err
	}
	if c.body, err = readBody(c); err == nil && c.operation.service.name == stsService.name {
		c.operation = stsOperation(c.body)
	}
	return claim, err
}

func readBody(c *call) ([]byte, error) {
	var body bytes.Buffer
	limit := c.operation.limit
	if c.ContentLength > 0 {
		body.Grow(int(min(c.ContentLength, limit)) + bytes.MinRead)
	}
	n, err := body.ReadFrom(io.LimitReader(c.Body, limit+1))
	switch {
	case err != nil:
		return nil, invalidContent("reading the request's body: %v", err)
	case n > limit:
		// Read the rest, within reason: a client may not read the answer if its
		// connection closes while it writes.
		_, _ = io.CopyN(io.Discard, c.Body, 4*maxPackageRequest)
		return nil, tooLarge(c.operation.name, limit)
	}
	return body.Bytes(), nil
}

type handler func(*Server, *call) (reply, error)

// reading returns the handler of an operation without a request body. It holds
// mu during run.
func reading(status int, run func(*Server, *call) (any, error)) handler {
	return func(s *Server, c *call) (reply, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		v, err := run(s, c)
		if err != nil {
			return reply{}, err
		}
		return jsonReply(status, v)
	}
}

// writing is reading for an operation with a Request as its body.
func writing[Request any](status int, run func(*Server, *call, *Request) (any, error)) handler {
	return decoding(func(s *Server, c *call, r *Request) (reply, error) {
		return reading(status, func(s *Server, c *call) (any, error) { return run(s, c, r) })(s, c)
	})
}

// decoding is writing for an operation that locks mu itself.
func decoding[Request any](run func(*Server, *call, *Request) (reply, error)) handler {
	return func(s *Server, c *call) (reply, error) {
		r := new(Request)
		if err := decode(c.body, r); err != nil {
			return reply{}, err
		}
		return run(s, c, r)
	}
}

// decode reads a request's JSON into v. It refuses a member that v does not
// have: AWS would act on it, and the emulator would silently not.
func decode(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return notImplemented("request member " + field)
		}
		return malformed(err.Error())
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return malformed("there is more after the request's JSON object")
	}
	return nil
}
