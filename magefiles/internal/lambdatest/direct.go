package lambdatest

import (
	"net/http"
	"net/http/httptest"
	"time"
)

// Direct returns a transport that sends every request to the handler, without a
// network, so that tests can run in the bubbles of testing/synctest.
func Direct(h http.Handler) http.RoundTripper { return direct{h} }

type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat)) // as http.Server does
	received := r.Clone(r.Context())
	received.Host = r.URL.Host
	if r.Body == nil {
		received.Body = http.NoBody
	}
	d.handler.ServeHTTP(w, received)
	response := w.Result()
	response.Request = r
	return response, nil
}
