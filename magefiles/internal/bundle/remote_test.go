package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
)

// archive makes a zip of files, by their modes, after one that takes the size.
func archive(t testing.TB, size int, files map[string]uint32) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name string, mode uint32, content io.Reader) {
		header := &zip.FileHeader{Name: name, ExternalAttrs: mode << 16, CreatorVersion: 3 << 8, ModifiedDate: modifiedDate}
		if name == "late" {
			header.ModifiedTime++
		}
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
		add(name, mode, strings.NewReader(strings.TrimSuffix(name, "empty/")))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRead(t *testing.T) {
	dual := map[string]uint32{
		"lambda": 0o100755, "bootstrap": 0o100755, "README": 0o100644, "bin/tool": 0o100755, "mine": 0o100700, "link": 0o120777,
		"./unclean//name": 0o100644, "empty/": 0o040755, "old": 0o777, "device": 0o020666,
	}
	wantDual := files("README bin/tool* bootstrap* data device empty/ lambda* link* mine old* unclean/name")
	many := map[string]uint32{"bootstrap": 0o100755}
	wantMany := files("bootstrap* data")
	for i := range 3000 {
		name := fmt.Sprintf("lists/a-file-with-a-long-name-%04d.txt", i)
		many[name] = 0o100644
		wantMany = append(wantMany, lambda.File{Name: name})
	}
	serve := func(zip []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(zip))
		}
	}
	for _, test := range []struct {
		name   string
		server http.HandlerFunc
		want   []lambda.File
		most   int64 // bytes that are sent
		calls  int64
		err    string
	}{
		{name: "a large zip", server: serve(archive(t, 5<<20, dual)), want: wantDual, most: 70 << 10, calls: 1},
		{name: "a small zip", server: serve(archive(t, 0, dual)), want: wantDual},
		{name: "a large directory", server: serve(archive(t, 5<<20, many)), want: wantMany, most: 1 << 20, calls: 2},
		{name: "nothing to start", server: serve(archive(t, 10, nil)), want: files("data")},
		{
			name: "a server without ranges", want: wantDual,
			server: func(w http.ResponseWriter, _ *http.Request) { w.Write(archive(t, 1<<20, dual)) },
		},
		{
			name: "an expired location", err: "the server answers 403 Forbidden",
			server: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "expired", http.StatusForbidden) },
		},
		{
			name: "no zip", err: "zip: not a valid zip file: its central directory is missing or broken",
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
			name: "the beginning", err: `the server answers with 10 bytes of the range "bytes 0-9/70000"`,
			server: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Range", "bytes 0-9/70000")
				w.WriteHeader(http.StatusPartialContent)
				io.WriteString(w, "0123456789")
			},
		},
		{
			name: "a huge zip", err: "the zip is larger than 500.0 MB",
			server: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Range", "bytes 9223372036854775797-9223372036854775806/9223372036854775807")
				w.WriteHeader(http.StatusPartialContent)
				io.WriteString(w, "0123456789")
			},
		},
		{name: "a large directory without ranges", err: "the server answers with a different range of the zip", server: firstOnly(serve(archive(t, 5<<20, many)))},
		{name: "a distant directory", calls: 1, err: "the central directory of the zip is broken, or larger than 16.0 MB", server: serve(distant(archive(t, 17<<20, dual)))},
		{
			name: "a broken connection", err: "EOF", calls: 3,
			server: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		},
		{name: "a server that fails once", server: once(func() { panic(http.ErrAbortHandler) }, serve(archive(t, 0, dual))), want: wantDual},
		{name: "a server that is busy", calls: 3, err: "the server answers 503 Service Unavailable", server: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var sent, calls atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				test.server(&counter{w, &sent}, r)
			}))
			defer server.Close()
			got, err := Read(t.Context(), server.Client(), server.URL+"/code?token=secret")
			var want *lambda.Contents
			if test.err == "" {
				want = &lambda.Contents{Files: test.want}
			}
			if diff := cmp.Diff(want, got); diff != "" {
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
		if _, err := Read(t.Context(), http.DefaultClient, location); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("the location %q gives error %v", location, err)
		}
	}
}

// files returns files by their names, of which a star marks the executable ones.
func files(names string) []lambda.File {
	var list []lambda.File
	for _, name := range strings.Fields(names) {
		name, executable := strings.CutSuffix(name, "*")
		list = append(list, lambda.File{Name: name, Executable: executable})
	}
	return list
}

// distant makes the directory of a zip begin where the zip does.
func distant(zip []byte) []byte {
	end := zip[len(zip)-22:] // the end record, without a comment
	binary.LittleEndian.PutUint32(end[12:], uint32(len(zip)-22))
	binary.LittleEndian.PutUint32(end[16:], 0)
	return zip
}

// firstOnly serves ranges in the first answer only.
func firstOnly(serve http.HandlerFunc) http.HandlerFunc {
	var served atomic.Bool
	return func(w http.ResponseWriter, r *http.Request) {
		if served.Swap(true) {
			r.Header.Del("Range")
		}
		serve(w, r)
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

// TestReadMade decides who made a zip.
func TestReadMade(t *testing.T) {
	both := map[string]uint32{"lambda": 0o100755, "bootstrap": 0o100755}
	for _, test := range []struct {
		comment string
		files   map[string]uint32
		legacy  string
		made    bool
	}{
		{"", both, "", false},
		{"dualboot", both, "", true},
		{"dualboot lambda", both, "lambda", true},
		{"dualboot bootstrap", both, "bootstrap", true},
		{"dualboot main", both, "", false},
		{"dualboot", map[string]uint32{"lambda": 0o100755}, "", false},
		{"dualboot lambda", map[string]uint32{"lambda": 0o100644, "bootstrap": 0o100755}, "", false},
		{"a zip of dualboot", both, "", false},
		{"dualboot lambda", map[string]uint32{"lambda": 0o100755, "bootstrap": 0o100755, "late": 0o100644}, "", false},
	} {
		c, err := Read(t.Context(), served(commented(t, archive(t, 1, test.files), test.comment)), "http://zip")
		if err != nil {
			t.Fatal(err)
		}
		if c.Made != test.made || c.Legacy != test.legacy {
			t.Errorf("%q: made %t, legacy %q", test.comment, c.Made, c.Legacy)
		}
	}
}

// commented adds a comment to a zip that has none.
func commented(t testing.TB, zip []byte, comment string) []byte {
	t.Helper()
	binary.LittleEndian.PutUint16(zip[len(zip)-2:], uint16(len(comment)))
	return append(zip, comment...)
}

// served is a server of one file.
type served []byte

func (s served) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s))
	return w.Result(), nil
}

func TestReadDuplicates(t *testing.T) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, mode := range []uint32{0o100644, 0o100755} {
		if _, err := w.CreateHeader(&zip.FileHeader{Name: "main", ExternalAttrs: mode << 16, CreatorVersion: 3 << 8}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := Read(t.Context(), served(out.Bytes()), "http://zip")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&lambda.Contents{Files: files("main*")}, c); diff != "" {
		t.Error(diff)
	}
}

// TestReadWithoutRanges reads a zip that is larger than what is kept of it.
func TestReadWithoutRanges(t *testing.T) {
	data := archive(t, 5*maxDirectory/2, map[string]uint32{"bootstrap": 0o100755})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(data) }))
	defer server.Close()
	c, err := Read(t.Context(), server.Client(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&lambda.Contents{Files: files("bootstrap* data")}, c); diff != "" {
		t.Error(diff)
	}
}

// FuzzRead reads broken and hostile zips.
func FuzzRead(f *testing.F) {
	good := commented(f, archive(f, 10, map[string]uint32{"bootstrap": 0o100755, "a/b": 0o120777}), "dualboot")
	f.Add(good)
	for i := len(good) - 1; i > len(good)-300; i-- {
		broken := bytes.Clone(good)
		broken[i] ^= 0xff
		f.Add(broken)
		f.Add(good[:i])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Read(t.Context(), served(data), "http://zip")
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
		if err == nil && !slices.IsSorted(c.Names()) {
			t.Errorf("names %q", c.Names())
		}
	})
}
