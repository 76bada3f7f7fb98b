package bundle_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/bundle"
)

// archive makes a zip of files, by their modes, after one that takes the size.
func archive(t *testing.T, size int, files map[string]uint32) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name string, mode uint32, content io.Reader) {
		header := &zip.FileHeader{Name: name, ExternalAttrs: mode << 16, CreatorVersion: 3 << 8}
		f, err := w.CreateHeader(header)
		if err == nil {
			_, err = io.Copy(f, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("data", 0o100644, bytes.NewReader(make([]byte, size)))
	for name, mode := range files {
		add(name, mode, strings.NewReader(name))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestExecutables(t *testing.T) {
	dual := map[string]uint32{"lambda": 0o100755, "bootstrap": 0o100755, "README": 0o100644, "bin/tool": 0o100755, "mine": 0o100700, "link": 0o120777}
	many := map[string]uint32{"bootstrap": 0o100755}
	for i := range 3000 {
		many[fmt.Sprintf("assets/a-file-with-a-long-name-%d.txt", i)] = 0o100644
	}
	serve := func(zip []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(zip))
		}
	}
	for _, test := range []struct {
		name   string
		server http.HandlerFunc
		want   []string
		most   int64 // bytes that are sent
		calls  int64
		err    string
	}{
		{name: "a large zip", server: serve(archive(t, 5<<20, dual)), want: []string{"bootstrap", "lambda"}, most: 70 << 10, calls: 1},
		{name: "a small zip", server: serve(archive(t, 0, dual)), want: []string{"bootstrap", "lambda"}},
		{name: "a large directory", server: serve(archive(t, 5<<20, many)), want: []string{"bootstrap"}, most: 1 << 20, calls: 2},
		{name: "nothing to start", server: serve(archive(t, 10, nil)), want: []string{}},
		{
			name: "a server without ranges", want: []string{"bootstrap", "lambda"},
			server: func(w http.ResponseWriter, _ *http.Request) { w.Write(archive(t, 1<<20, dual)) },
		},
		{
			name: "an expired location", err: "the server answers 403 Forbidden",
			server: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "expired", http.StatusForbidden) },
		},
		{
			name: "no zip", err: "zip: not a valid zip file",
			server: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>Please log in</html>") },
		},
		{
			name: "a part of nothing", err: `the server answers with the range "bytes 0-9/*"`,
			server: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Range", "bytes 0-9/*")
				w.WriteHeader(http.StatusPartialContent)
				io.WriteString(w, "0123456789")
			},
		},
		{
			name: "a broken connection", err: "EOF", calls: 3,
			server: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		},
		{name: "a server that fails once", server: once(func() { panic(http.ErrAbortHandler) }, serve(archive(t, 0, dual))), want: []string{"bootstrap", "lambda"}},
		{name: "a server that is busy", calls: 3, err: "the server answers 503 Service Unavailable", server: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var sent, calls atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				test.server(&counter{w, &sent}, r)
			}))
			defer server.Close()
			got, err := bundle.Executables(t.Context(), server.Client(), server.URL+"/code?token=secret")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the location is in the error: %v", err)
			}
			if test.most > 0 && sent.Load() > test.most {
				t.Errorf("%d bytes were sent, want %d at most", sent.Load(), test.most)
			}
			if test.calls > 0 && calls.Load() != test.calls {
				t.Errorf("%d calls, want %d", calls.Load(), test.calls)
			}
		})
	}
	for _, location := range []string{"", "http://[::1", "ftp://secret/"} {
		if _, err := bundle.Executables(t.Context(), http.DefaultClient, location); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("the location %q gives error %v", location, err)
		}
	}
}

// once fails in the given way, and then serves.
func once(fail func(), serve http.HandlerFunc) http.HandlerFunc {
	var failed atomic.Bool
	return func(w http.ResponseWriter, r *http.Request) {
		if !failed.Swap(true) {
			fail()
		}
		serve(w, r)
	}
}

// counter counts the bytes of bodies.
type counter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}
