package emulator

import (
	"net/http/httptest"
	"time"

	"example.com/dualboot/magefiles/internal/emulator/metrics"
)

// StartWithLimits is Start with other limits than AWS's.
func StartWithLimits(options Options, init time.Duration, retries ...time.Duration) (*Server, error) {
	return start(options, limits{init, retries})
}

// Serve counts an invocation of a function as one that was received at the given
// time.
func (s *Server) Serve(function string, at time.Time, took time.Duration, failed bool) {
	s.metrics.Add(metrics.Invocation{Function: function, Resource: function, Received: at, Duration: took, Failed: failed})
}

// Route returns the operation of a request and the names in its path.
func Route(method, escapedPath string) (operation, resource, alias string) {
	s := &Server{operations: lambdaOperations()}
	c := s.route(httptest.NewRequest(method, escapedPath, nil))
	return c.operation.name, c.resource, c.alias
}
