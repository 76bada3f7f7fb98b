package rollout_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"testing"
	"testing/synctest"

	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/lambdatest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// expiring refuses the first requests for whole files, as S3 does when their URL has
// expired.
type expiring struct {
	http.RoundTripper
	left int
}

func (e *expiring) Do(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Range") == "" && e.left > 0 {
		e.left--
		return &http.Response{StatusCode: http.StatusForbidden, Status: "403 Forbidden", Body: io.NopCloser(bytes.NewReader(nil))}, nil
	}
	return e.RoundTrip(r)
}

// TestDownload downloads a deployed zip, for which it reads the function once more if
// the URL has expired.
func TestDownload(t *testing.T) {
	zips := writeWorldZips(t, "new").unpack(t)
	for expired, want := range map[int]string{0: "", 1: "", 2: "the server answers 403 Forbidden"} {
		synctest.Test(t, func(t *testing.T) {
			w, err := before(zips, orphans)
			if err != nil {
				t.Fatal(err)
			}
			defer w.server.Close()
			r := rollout.New(w.client(), rollout.Options{HTTP: &expiring{w.network, expired}})
			f := w.goals[0]
			r.Observe(t.Context(), &f)
			r.Inspect(t.Context(), &f)
			before := w.server.Calls()["GetFunction"]
			path, err := r.Download(t.Context(), &f, bundle.NewPacker(t.TempDir()))
			if message(err) != want || f.Err != nil {
				t.Fatalf("%d expired: error %v, %v", expired, err, f.Err)
			}
			if got := w.server.Calls()["GetFunction"] - before; got != min(expired, 1) {
				t.Errorf("%d expired: it reads the function %d times", expired, got)
			}
			if want != "" {
				return
			}
			data, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(data, lambdatest.Executables(orphans[0].files...)) || f.Observed.Contents == nil {
				t.Errorf("%d expired: got %d bytes, %v", expired, len(data), err)
			}
		})
	}
}
