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

// Route returns the operation of a request and the names in its path.
func Route(method, escapedPath string) (operation, resource, alias string) {
	s := &Server{operations: lambdaOperations()}
	c := s.route(httptest.NewRequest(method, escapedPath, nil))
	return c.operation.name, c.resource, c.part
}

// NewHTTPServer returns the HTTP server of a [Server], with another handler.
func NewHTTPServer(handler http.Handler) *http.Server { return newHTTPServer(handler) }

// WithMaxZipped returns options with another limit of the zip in a request.
func (o Options) WithMaxZipped(n int) Options {
	o.maxZipped = n
	return o
}

// MaxZipped returns the limit of the zip in a request.
func (o Options) MaxZipped() int {
	o, _ = o.withDefaults()
	return o.maxZipped
}

// WithLookPath returns options with what finds QEMU.
func (o Options) WithLookPath(lookPath func(string) (string, error)) Options {
	o.lookPath = lookPath
	return o
}
