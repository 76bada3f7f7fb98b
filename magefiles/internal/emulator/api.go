package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Limits of request bodies, in bytes.
//
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	maxPackageRequest = 70167211
	maxSyncPayload    = 6291456
	maxAsyncPayload   = 1048576
	maxOtherRequest   = 1 << 20
)

// operation is one of the API's.
type operation struct {
	name    string
	service string // what requests must be signed for
	limit   int64  // of the body, in bytes
	run     func(*Server, *call) (reply, error)
}

// call is one authenticated request.
type call struct {
	*http.Request
	operation operation
	id        string
	function  string // as given in the path, unescaped; or the UUID of an event source mapping
	body      []byte
}

// reply is the answer to a call.
type reply struct {
	status int
	header map[string]string
	body   []byte
}

func jsonReply(status int, v any) (reply, error) {
	body, err := json.Marshal(v)
	return reply{status: status, header: map[string]string{"Content-Type": "application/json"}, body: body}, err
}

// handler is the whole API as one handler.
func (s *Server) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := uuid.NewString()
		w.Header().Set("X-Amzn-RequestId", id)
		if token, ok := strings.CutPrefix(r.URL.Path, locationPath); ok {
			s.serveLocation(w, r, token)
			return
		}
		op, function := route(r.Method, r.URL.EscapedPath())
		if forCloudWatch, ok := cloudWatchOperation(r); ok {
			op = forCloudWatch
		}
		answer, err := s.serve(w, r, op, id, function)
		if err != nil {
			switch e := asAPIError(err); op.service {
			case "sts":
				answer = e.stsReply(id)
			case "monitoring":
				answer = e.cloudWatchReply(r)
			default:
				answer = e.reply()
			}
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

// serve authenticates a request and runs its operation.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, op operation, id, function string) (reply, error) {
	if !s.begin() {
		return reply{}, serverClosing()
	}
	defer s.work.Done()
	s.mu.Lock()
	s.calls[op.name]++
	s.mu.Unlock()

	claim, err := s.verifier.claim(r, op.service)
	if err != nil {
		if r.ContentLength != 0 {
			w.Header().Set("Connection", "close") // rather than wait for the body
		}
		return reply{}, err
	}
	body, err := readBody(r, op)
	if err != nil {
		return reply{}, err
	}
	if err := s.verifier.verify(r, claim, body); err != nil {
		return reply{}, err
	}
	if err := s.quotas.take(op); err != nil {
		s.mu.Lock()
		s.throttled++
		s.mu.Unlock()
		return reply{}, err
	}
	return op.run(s, &call{Request: r, operation: op, id: id, function: function, body: body})
}

// readBody reads a request's body, up to what its operation takes.
func readBody(r *http.Request, op operation) ([]byte, error) {
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, op.limit)) + bytes.MinRead)
	}
	n, err := body.ReadFrom(io.LimitReader(r.Body, op.limit+1))
	if err != nil {
		return nil, &apiError{http.StatusBadRequest, "InvalidRequestContentException", "reading the request's body: " + err.Error()}
	}
	if n > op.limit {
		// Take the rest in, within reason: a client that is cut off while it
		// writes may never read the answer.
		io.CopyN(io.Discard, r.Body, 4*maxPackageRequest)
		return nil, tooLarge(op)
	}
	return body.Bytes(), nil
}

func tooLarge(op operation) *apiError {
	name, code := op.name, "RequestEntityTooLargeException"
	if name == "Invoke" {
		name, code = "InvokeFunction", "RequestTooLargeException"
	}
	return &apiError{http.StatusRequestEntityTooLarge, code,
		"Request must be smaller than " + strconv.FormatInt(op.limit, 10) + " bytes for the " + name + " operation"}
}

// route finds a request's operation and the function that its path names.
func route(method, escapedPath string) (op operation, function string) {
	if method == http.MethodPost && escapedPath == "/" {
		return operation{"GetCallerIdentity", "sts", maxOtherRequest, (*Server).getCallerIdentity}, ""
	}
	lambda := func(name string, limit int64, run func(*Server, *call) (reply, error)) operation {
		return operation{name, "lambda", limit, run}
	}
	unknown := lambda("Unknown", maxOtherRequest, (*Server).unknownOperation)

	segments := strings.Split(strings.Trim(escapedPath, "/"), "/")
	if len(segments) > 1 && segments[0] == "2015-03-31" && segments[1] == "event-source-mappings" {
		name, run := routeEventSources(method, segments[2:])
		return lambda(name, maxOtherRequest, run), strings.Join(segments[2:], "/")
	}
	if len(segments) < 2 || len(segments) > 5 || segments[0] != "2015-03-31" || segments[1] != "functions" {
		return unknown, ""
	}
	if len(segments) == 2 {
		switch method {
		case http.MethodGet:
			return lambda("ListFunctions", maxOtherRequest, (*Server).listFunctions), ""
		case http.MethodPost:
			return lambda("CreateFunction", maxPackageRequest, (*Server).createFunction), ""
		}
		return unknown, ""
	}
	function, err := url.PathUnescape(segments[2])
	if err != nil {
		return unknown, ""
	}
	rest := segments[3:]
	if len(rest) == 2 && rest[0] == "aliases" {
		rest[1] = "NAME"
	}
	switch method + " " + strings.Join(rest, "/") {
	case "GET ":
		return lambda("GetFunction", maxOtherRequest, (*Server).getFunction), function
	case "DELETE ":
		return lambda("DeleteFunction", maxOtherRequest, (*Server).deleteFunction), function
	case "GET configuration":
		return lambda("GetFunctionConfiguration", maxOtherRequest, (*Server).getFunctionConfiguration), function
	case "PUT configuration":
		return lambda("UpdateFunctionConfiguration", maxOtherRequest, (*Server).updateFunctionConfiguration), function
	case "PUT code":
		return lambda("UpdateFunctionCode", maxPackageRequest, (*Server).updateFunctionCode), function
	case "POST invocations":
		return lambda("Invoke", maxSyncPayload, (*Server).invoke), function
	case "GET versions":
		return lambda("ListVersionsByFunction", maxOtherRequest, (*Server).listVersionsByFunction), function
	case "POST versions":
		return lambda("PublishVersion", maxOtherRequest, (*Server).publishVersion), function
	case "GET aliases":
		return lambda("ListAliases", maxOtherRequest, (*Server).listAliases), function
	case "POST aliases":
		return lambda("CreateAlias", maxOtherRequest, (*Server).createAlias), function
	case "GET aliases/NAME":
		return lambda("GetAlias", maxOtherRequest, (*Server).getAlias), function
	case "PUT aliases/NAME":
		return lambda("UpdateAlias", maxOtherRequest, (*Server).updateAlias), function
	case "DELETE aliases/NAME":
		return lambda("DeleteAlias", maxOtherRequest, (*Server).deleteAlias), function
	}
	return unknown, ""
}

func (s *Server) unknownOperation(c *call) (reply, error) {
	return reply{}, &apiError{http.StatusNotFound, "UnknownOperationException",
		"the emulator does not implement " + c.Method + " " + c.URL.EscapedPath()}
}

// decode reads a request's JSON into v. A member that v does not have is
// refused: AWS would act on it, and the emulator would silently not.
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
		return &apiError{http.StatusBadRequest, "SerializationException", err.Error()}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return &apiError{http.StatusBadRequest, "SerializationException", "there is more after the request's JSON object"}
	}
	return nil
}
