package emulator

import (
	"io"
	"net/http"
	"time"
)

// Timeouts of a client that keeps a connection without using it. A request as a
// whole has none: an invocation may take 15 minutes, and an upload as long as it
// makes progress.
const (
	headerTimeout = 10 * time.Second // for the header of a request
	idleTimeout   = 2 * time.Minute  // between requests; Go's clients close after 90 s
	stallTimeout  = time.Minute      // between two parts of a body
)

func newHTTPServer(handler http.Handler) *http.Server {
	return &http.Server{
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = &steadyBody{r.Body, http.NewResponseController(w)}
			handler.ServeHTTP(w, r)
		}),
	}
}

// steadyBody is the body of a request. Reading it fails when the client stalls.
type steadyBody struct {
	io.ReadCloser
	connection *http.ResponseController
}

func (b *steadyBody) Read(p []byte) (int, error) {
	if err := b.connection.SetReadDeadline(time.Now().Add(stallTimeout)); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { // the answer may take longer
		if err := b.connection.SetReadDeadline(time.Time{}); err != nil {
			return n, err
		}
	}
	return n, err
}
