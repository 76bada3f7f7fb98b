package upload

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// answer is an error of S3.
type answer struct {
	status             int
	code, message      string
	region             string // in the header that tells where the bucket is
	bodiless, dropping bool   // dropping closes the connection instead
}

// fake is S3 with one bucket, path style. It keeps objects and parts in files.
type fake struct {
	*httptest.Server
	t       *testing.T
	dir     string
	trailer bool // checksums are in trailers, as they are over TLS

	mu     sync.Mutex
	log    []string          // operations
	meta   map[string]string // the header with the digest, by key
	before func(operation string) *answer
}

const bucketName = "artifacts"

func newFake(t *testing.T, start func(http.Handler) *httptest.Server) *fake {
	f := &fake{t: t, dir: t.TempDir(), meta: map[string]string{}}
	f.Server = start(f)
	f.trailer = f.TLS != nil
	t.Cleanup(f.Close)
	return f
}

// config returns a configuration for the fake.
func (f *fake) config() aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &f.URL, HTTPClient: f.Client(), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
	}
}

// answer makes the fake call a function before it does an operation, and give the
// answer that it returns, if any, instead.
func (f *fake) answer(before func(operation string) *answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}

// operations returns the operations so far, without repetitions of the parts'.
func (f *fake) operations() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Compact(slices.Clone(f.log))
}

// object returns the path of an object.
func (f *fake) object(key string) string { return filepath.Join(f.dir, bucketName, key) }

// uploads returns the directories of the multipart uploads that have not ended.
func (f *fake) uploads() []string {
	list, _ := filepath.Glob(filepath.Join(f.dir, "uploads", "*"))
	return list
}

// operation names what a request asks for.
func operation(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case r.Method == "HEAD":
		return "HeadObject"
	case r.Method == "POST" && query.Has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == "PUT" && query.Has("partNumber"):
		return "UploadPart"
	case r.Method == "PUT":
		return "PutObject"
	case r.Method == "POST" && query.Has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == "DELETE" && query.Has("uploadId"):
		return "AbortMultipartUpload"
	}
	return r.Method
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op := operation(r)
	f.mu.Lock()
	f.log = append(f.log, op)
	before := f.before
	f.mu.Unlock()
	if before != nil {
		if a := before(op); a != nil {
			_, _ = io.Copy(io.Discard, r.Body)
			a.write(w)
			return
		}
	}
	key, ok := strings.CutPrefix(r.URL.Path, "/"+bucketName+"/")
	if !ok {
		(&answer{status: 404, code: "NoSuchBucket", message: "The specified bucket does not exist", bodiless: r.Method == "HEAD"}).write(w)
		return
	}
	const meta = "X-Amz-Meta-Codesha256"
	f.mu.Lock()
	if sum := r.Header.Get(meta); sum != "" {
		f.meta[key] = sum
	}
	w.Header().Set(meta, f.meta[key])
	f.mu.Unlock()
	upload := filepath.Join(f.dir, "uploads", filepath.Base(r.URL.Query().Get("uploadId")))
	var err error
	switch op {
	case "HeadObject":
		http.ServeFile(w, r, f.object(key))
	case "CreateMultipartUpload":
		err = os.MkdirAll(filepath.Join(f.dir, "uploads"), 0o700)
		dir, mkdirErr := os.MkdirTemp(filepath.Join(f.dir, "uploads"), "")
		err = errors.Join(err, mkdirErr)
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", filepath.Base(dir))
	case "PutObject":
		err = errors.Join(os.MkdirAll(filepath.Dir(f.object(key)), 0o700), f.part(w, r, f.object(key)))
	case "UploadPart":
		if _, statErr := os.Stat(upload); errors.Is(statErr, fs.ErrNotExist) { // a late part of an upload that was aborted
			(&answer{status: 404, code: "NoSuchUpload", message: "The specified upload does not exist."}).write(w)
			return
		}
		err = f.part(w, r, filepath.Join(upload, r.URL.Query().Get("partNumber")))
	case "CompleteMultipartUpload":
		err = f.complete(w, r, upload, f.object(key))
	case "AbortMultipartUpload":
		err = os.RemoveAll(upload)
		w.WriteHeader(http.StatusNoContent)
	default:
		err = fmt.Errorf("%s %s", r.Method, r.URL)
	}
	if err != nil {
		f.t.Errorf("%s: %v", op, err)
		(&answer{status: 400, code: "InvalidRequest", message: err.Error()}).write(w)
	}
}

func (a *answer) write(w http.ResponseWriter) {
	if a.dropping {
		panic(http.ErrAbortHandler)
	}
	if a.region != "" {
		w.Header().Set("X-Amz-Bucket-Region", a.region)
	}
	w.Header().Set("X-Amz-Request-Id", "R1")
	w.WriteHeader(a.status)
	if !a.bodiless {
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", a.code, a.message)
	}
}

// part stores a body, and checks its checksum.
func (f *fake) part(w http.ResponseWriter, r *http.Request, path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	hash, body, want := crc32.NewIEEE(), io.Reader(r.Body), r.Header.Get("X-Amz-Checksum-Crc32")
	framed := bufio.NewReader(r.Body)
	if f.trailer {
		body = httputil.NewChunkedReader(framed)
	}
	if _, err := io.Copy(io.MultiWriter(file, hash), body); err != nil {
		return nil // the client is gone
	}
	if f.trailer {
		line, _ := framed.ReadString('\n')
		want = strings.TrimSpace(strings.TrimPrefix(line, "x-amz-checksum-crc32:"))
	}
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, hash.Sum32()))
	if sum != want {
		return fmt.Errorf("the checksum is %q, and the body's is %q", want, sum)
	}
	w.Header().Set("ETag", `"`+sum+`"`)
	w.Header().Set("X-Amz-Checksum-Crc32", sum)
	return nil
}

// complete joins the parts.
func (f *fake) complete(w http.ResponseWriter, r *http.Request, upload, object string) error {
	var list struct {
		Part []struct {
			PartNumber          int
			ETag, ChecksumCRC32 string
		}
	}
	if err := xml.NewDecoder(r.Body).Decode(&list); err != nil {
		return err
	}
	var size int64
	joined, err := os.CreateTemp(f.dir, "")
	if err != nil {
		return err
	}
	defer joined.Close()
	for i, p := range list.Part {
		if p.PartNumber != i+1 || p.ETag != `"`+p.ChecksumCRC32+`"` {
			return fmt.Errorf("part %+v in place %d", p, i+1)
		}
		part, err := os.Open(filepath.Join(upload, fmt.Sprint(p.PartNumber)))
		if err != nil {
			return err
		}
		n, err := io.Copy(joined, part)
		if err := cmp.Or(err, part.Close()); err != nil {
			return err
		}
		size += n
	}
	if told := r.Header.Get("X-Amz-Mp-Object-Size"); told != fmt.Sprint(size) {
		return fmt.Errorf("the size is %s, and the object's is %d", told, size)
	}
	err = errors.Join(os.MkdirAll(filepath.Dir(object), 0o700), os.Rename(joined.Name(), object), os.RemoveAll(upload))
	fmt.Fprint(w, `<CompleteMultipartUploadResult><ETag>"joined"</ETag></CompleteMultipartUploadResult>`)
	return err
}
