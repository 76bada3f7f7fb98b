package upload

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/lambda"
)

// The operations of an upload that succeeds.
var sent = []string{"HeadObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}

// part is the size of a part in tests.
const part = 16 << 10

// bucket returns the bucket of the fake.
func (f *fake) bucket() *Bucket { return newBucket(f.config(), bucketName, part) }

// testPackage returns a package of so many bytes.
func testPackage(t testing.TB, size int) *lambda.Package {
	t.Helper()
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(data)
	p := &lambda.Package{Path: filepath.Join(t.TempDir(), "lambda.zip"), Size: int64(size), CodeSha256: lambda.CodeSha256(sha256.Sum256(data))}
	if err := os.WriteFile(p.Path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// put sends a package and fails the test if that fails.
func put(t *testing.T, b *Bucket, p *lambda.Package) (key string) {
	t.Helper()
	key, err := b.Put(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestPut(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{"HTTP": httptest.NewServer, "TLS": httptest.NewTLSServer} {
		for size, sent := range map[int][]string{1: {"HeadObject", "PutObject"}, part: sent, part + 1: sent, 5*part - 1: sent} {
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				f := newFake(t, start)
				p := testPackage(t, size)
				key := put(t, f.bucket(), p)
				data, err := os.ReadFile(f.object(key))
				sum := sha256.Sum256(data)
				if err != nil || key != fmt.Sprintf("dualboot/%x.zip", sum) || lambda.CodeSha256(sum) != p.CodeSha256 {
					t.Errorf("key %s for %d bytes with CodeSha256 %s, %v", key, len(data), lambda.CodeSha256(sum), err)
				}
				again := put(t, f.bucket(), p)
				if diff := cmp.Diff(slices.Concat(sent, []string{"HeadObject"}), f.operations()); diff != "" || again != key || len(f.uploads()) > 0 {
					t.Errorf("key %s the second time, uploads left %v, operations (-want +got):\n%s", again, f.uploads(), diff)
				}
			})
		}
	}
}

// TestPutAnyway sends what HeadObject does not find.
func TestPutAnyway(t *testing.T) {
	p := testPackage(t, part)
	for name, before := range map[string]func(*fake){
		"no s3:ListBucket": func(f *fake) {
			f.answer(func(op string) *answer {
				if op == "HeadObject" {
					return &answer{status: 403, bodiless: true}
				}
				return nil
			})
		},
		"an object of another tool": func(f *fake) {
			delete(f.meta, put(t, f.bucket(), p))
			f.log = nil
		},
		"another size": func(f *fake) {
			key := put(t, f.bucket(), p)
			if err := os.Truncate(f.object(key), part-1); err != nil {
				t.Fatal(err)
			}
			f.log = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, httptest.NewServer)
			before(f)
			key := put(t, f.bucket(), p)
			if diff := cmp.Diff(sent, f.operations()); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
			if info, err := os.Stat(f.object(key)); err != nil || info.Size() != part {
				t.Errorf("the object: %v, %v", info, err)
			}
		})
	}
}

// TestTogether sends a package with two buckets, as two programs do, and with
// each of them several times at once.
func TestTogether(t *testing.T) {
	f := newFake(t, httptest.NewServer)
	p := testPackage(t, 3*part)
	keys := make([]string, 6)
	var group sync.WaitGroup
	for i, b := range []*Bucket{f.bucket(), f.bucket()} {
		for j := range 3 {
			group.Go(func() {
				var err error
				if keys[3*i+j], err = b.Put(t.Context(), p); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	data, err := os.ReadFile(f.object(keys[5]))
	if err != nil || lambda.CodeSha256(sha256.Sum256(data)) != p.CodeSha256 {
		t.Errorf("the object has %d bytes, %v", len(data), err)
	}
	if n := strings.Count(strings.Join(f.log, " "), "CreateMultipartUpload"); n > 2 {
		t.Errorf("sent %d times", n)
	}
}

func TestCalls(t *testing.T) {
	f := newFake(t, httptest.NewServer)
	// Lambda takes one call in 100 s.
	client := awsclient.New(f.config(), awsclient.Access{Calls: 0.01})
	put(t, newBucket(client.Config, bucketName, part), testPackage(t, 3*part))
	want := map[string]int{"HeadObject": 1, "CreateMultipartUpload": 1, "UploadPart": 3, "CompleteMultipartUpload": 1}
	if diff := cmp.Diff(want, client.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestMemory sends a package of which only a part is ever in memory.
func TestMemory(t *testing.T) {
	f := newFake(t, httptest.NewServer)
	p := testPackage(t, 0)
	p.Size = 64 << 20
	if err := os.Truncate(p.Path, p.Size); err != nil {
		t.Fatal(err)
	}
	p.CodeSha256 = lambda.CodeSha256(zeros(p.Size))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	put(t, newBucket(f.config(), bucketName, 1<<20), p)
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d MB allocated for a package of 64 MB", allocated>>20)
	if allocated > 48<<20 {
		t.Errorf("allocated %d bytes", allocated)
	}
}

// zeros returns the digest of so many zero bytes.
func zeros(size int64) [sha256.Size]byte {
	hash, block := sha256.New(), make([]byte, 1<<20)
	for range size >> 20 {
		hash.Write(block)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

func TestChanged(t *testing.T) {
	f := newFake(t, httptest.NewServer)
	p := testPackage(t, part)
	if err := os.WriteFile(p.Path, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := f.bucket().Put(t.Context(), p)
	if key != "" || err == nil || !strings.HasSuffix(err.Error(), ".zip: "+p.Path+" has changed since it was built: run the command again") {
		t.Errorf("key %q, error %v", key, err)
	}
	if diff := cmp.Diff([]string{"HeadObject"}, f.operations()); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// TestCancel interrupts an upload, and one that waits for it.
func TestCancel(t *testing.T) {
	f := newFake(t, httptest.NewServer)
	ctx, cancel := context.WithCancel(t.Context())
	b := f.bucket()
	arrived := make(chan struct{})
	var once sync.Once
	f.answer(func(op string) *answer {
		if op == "UploadPart" {
			once.Do(func() { close(arrived) })
			<-ctx.Done()
		}
		return nil
	})
	p := testPackage(t, 3*part)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if _, err := b.Put(ctx, p); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
	<-arrived
	cancel()
	group.Wait()
	// A part that was on its way may arrive after the end.
	got := f.operations()
	if last := len(got) - 1; got[last] == "UploadPart" {
		got = got[:last]
	}
	if diff := cmp.Diff([]string{"HeadObject", "CreateMultipartUpload", "UploadPart", "AbortMultipartUpload"}, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

func TestErrors(t *testing.T) {
	p := testPackage(t, 2*part)
	for _, test := range []struct {
		name, bucket string
		fail         map[string]answer // by operation
		want         string
	}{
		{
			name: "no bucket", bucket: "gone",
			want: `NoSuchBucket: The specified bucket does not exist; create the bucket in eu-west-1, or correct "bucket" in lambdas.json (request R1)`,
		},
		{
			name: "another region",
			fail: map[string]answer{
				"HeadObject":            {status: 301, region: "us-west-2", bodiless: true},
				"CreateMultipartUpload": {status: 301, region: "us-west-2", code: "PermanentRedirect", message: "Use the endpoint."},
			},
			want: `PermanentRedirect: Use the endpoint.; the bucket is in us-west-2, but Lambda takes code only from one in the function's region, eu-west-1; correct "bucket" in lambdas.json (request R1)`,
		},
		{
			name: "a region that S3 tells in the message only",
			fail: map[string]answer{
				"HeadObject":            {status: 400, bodiless: true},
				"CreateMultipartUpload": {status: 400, code: "AuthorizationHeaderMalformed", message: "the region 'eu-west-1' is wrong; expecting 'us-west-2'"},
			},
			want: `AuthorizationHeaderMalformed: the region 'eu-west-1' is wrong; expecting 'us-west-2'; the bucket is in another region, but Lambda takes code only from one in the function's region, eu-west-1; correct "bucket" in lambdas.json (request R1)`,
		},
		{
			name: "denied",
			fail: map[string]answer{
				"HeadObject":            {status: 403, bodiless: true},
				"CreateMultipartUpload": {status: 403, code: "AccessDenied", message: "Access Denied"},
			},
			want: `AccessDenied: Access Denied; allow s3:PutObject on arn:aws:s3:::artifacts/dualboot/* (request R1)`,
		},
		{
			name: "the key of the bucket",
			fail: map[string]answer{"UploadPart": {status: 403, code: "AccessDenied", message: "not authorized to perform: kms:Decrypt"}},
			want: `AccessDenied: not authorized to perform: kms:Decrypt; allow kms:GenerateDataKey and kms:Decrypt on the key that encrypts the bucket (request R1)`,
		},
		{
			name: "credentials expire",
			fail: map[string]answer{
				"UploadPart":           {status: 400, code: "ExpiredToken", message: "The provided token has expired."},
				"AbortMultipartUpload": {status: 400, code: "ExpiredToken", message: "The provided token has expired."},
			},
			want: `ExpiredToken: The provided token has expired. (request R1)`,
		},
		{
			name: "the end fails",
			fail: map[string]answer{"CompleteMultipartUpload": {status: 200, code: "InternalError", message: "Try again."}},
			want: `InternalError: Try again. (request R1)`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t, httptest.NewServer)
			f.answer(func(op string) *answer {
				if a, ok := test.fail[op]; ok {
					return &a
				}
				return nil
			})
			bucket := bucketName
			if test.bucket != "" {
				bucket = test.bucket
			}
			key, err := newBucket(f.config(), bucket, part).Put(t.Context(), p)
			if err == nil {
				t.Fatal("no error")
			}
			text, ok := strings.CutPrefix(err.Error(), "sending "+p.Path+" to s3://"+bucket+"/dualboot/")
			if _, text, _ = strings.Cut(text, ".zip: "); !ok || text != test.want || key != "" {
				t.Errorf("key %q, error %v\nwant %s", key, err, test.want)
			}
			if _, aborts := test.fail["AbortMultipartUpload"]; !aborts && len(f.uploads()) > 0 {
				t.Errorf("uploads left: %v", f.uploads())
			}
		})
	}
}

// TestNoAnswer loses the connection at each operation.
func TestNoAnswer(t *testing.T) {
	p := testPackage(t, 2*part)
	for _, lost := range sent {
		t.Run(lost, func(t *testing.T) {
			f := newFake(t, httptest.NewServer)
			f.answer(func(op string) *answer {
				if op == lost {
					return &answer{dropping: true}
				}
				return nil
			})
			if _, err := f.bucket().Put(t.Context(), p); err == nil || !strings.Contains(err.Error(), "operation error S3: "+lost) {
				t.Errorf("error %v", err)
			}
			f.answer(nil)
			put(t, f.bucket(), p)
			if len(f.uploads()) > 0 {
				t.Errorf("uploads left: %v", f.uploads())
			}
		})
	}
}

// client is an HTTP client that reaches nothing.
type client func(*http.Request) (*http.Response, error)

func (c client) Do(r *http.Request) (*http.Response, error) { return c(r) }

func TestEndpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"":                           "artifacts.s3.eu-west-1.amazonaws.com",
		"http://127.0.0.1:9000":      "127.0.0.1:9000/artifacts",
		"http://[::1]:9000":          "[::1]:9000/artifacts",
		"http://localhost:9000":      "localhost:9000/artifacts",
		"https://s3.example.com/api": "artifacts.s3.example.com/api",
	} {
		var got string
		cfg := aws.Config{Region: "eu-west-1", Credentials: aws.AnonymousCredentials{}, RetryMaxAttempts: 1, HTTPClient: client(func(r *http.Request) (*http.Response, error) {
			got, _, _ = strings.Cut(r.URL.Host+r.URL.Path, "/dualboot/")
			return nil, errors.New("nothing there")
		})}
		if endpoint != "" {
			cfg.BaseEndpoint = &endpoint
		}
		if _, err := New(cfg, bucketName).Put(t.Context(), &lambda.Package{}); err == nil || got != want {
			t.Errorf("%s: a request to %s, error %v; want %s", endpoint, got, err, want)
		}
	}
}

func TestPartition(t *testing.T) {
	for region, want := range map[string]string{"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		if got := partition(region); got != want {
			t.Errorf("%s is in %s, want %s", region, got, want)
		}
	}
}
