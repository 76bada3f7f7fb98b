package emulator

import (
	"net/http"
	"net/http/httptest"
	"time"
)

// WithTimes returns options with a limit of init, and waits before retries.
func (o Options) WithTimes(init time.Duration, retries ...time.Duration) Options {
	o.init, o.retries = init, retries
	return o
}

// NewOffline returns a server without network and processes, and its handler.
func NewOffline(options Options) (*Server, http.Handler, error) {
	s, err := newServer(options)
	if err != nil {
		return nil, nil, err
	}
	s.url = "http://emulator"
	return s, s.handler(), nil
}

// Route returns the operation of a request and the names in its path.
func Route(method, escapedPath string) (operation, resource, alias string) {
	s := &Server{operations: lambdaOperations()}
	c := s.route(httptest.NewRequest(method, escapedPath, nil))
	return c.operation.name, c.resource, c.alias
}
