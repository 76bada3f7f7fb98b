package targets_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"example.com/dualboot/magefiles/internal/emulator"
)

// operation returns the API operation of a request.
func operation(r *http.Request) string {
	switch {
	case r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/code"):
		return "UpdateFunctionCode"
	case r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/configuration"):
		return "UpdateFunctionConfiguration"
	case r.Method == http.MethodGet:
		return "GetFunction"
	}
	return "other"
}

// through starts a proxy in front of the emulator and returns its URL. fault
// receives each request and its number, from 1, among those of its operation. It
// returns true if it has answered the request.
func (f *fixture) through(fault func(w http.ResponseWriter, r *http.Request, forward http.Handler, operation string, n int) bool) string {
	target, err := url.Parse(f.server.URL())
	if err != nil {
		f.t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	var mu sync.Mutex
	seen := map[string]int{}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		name := operation(r)
		seen[name]++
		n := seen[name]
		mu.Unlock()
		if !fault(w, r, forward, name, n) {
			forward.ServeHTTP(w, r)
		}
	}))
	f.t.Cleanup(proxy.Close)
	return proxy.URL
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("X-Amzn-ErrorType", code)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, `{"Type":"Service","Message":"injected by the test"}`)
}

// TestRetries deploys while the first calls of each operation fail.
func TestRetries(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "example-api")
	f.create("example-api")
	faults := map[string][]string{
		"GetFunction":                 {"503"},
		"UpdateFunctionCode":          {"429", "lost"},
		"UpdateFunctionConfiguration": {"500", "lost"},
	}
	endpoint := f.through(func(w http.ResponseWriter, r *http.Request, forward http.Handler, operation string, n int) bool {
		if n > len(faults[operation]) {
			return false
		}
		switch faults[operation][n-1] {
		case "429":
			refuse(w, r, http.StatusTooManyRequests, "TooManyRequestsException")
		case "500":
			refuse(w, r, http.StatusInternalServerError, "ServiceException")
		case "503":
			refuse(w, r, http.StatusServiceUnavailable, "ServiceUnavailableException")
		case "lost": // the server acts, and its answer does not arrive
			forward.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		return true
	})
	cmd := f.command("deployProd")
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+endpoint)
	status, _, stderr := result(t, cmd)
	if status != 0 {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
	f.expect("provided.al2023", "bootstrap", dual, "example-api")
	f.wantStartable()
}

// TestNoRetries deploys while AWS denies the switch of one function: no retry can
// succeed.
func TestNoRetries(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "example-api", "order-stream")
	f.create("example-api", "order-stream")
	tries := 0
	endpoint := f.through(func(w http.ResponseWriter, r *http.Request, _ http.Handler, operation string, n int) bool {
		if operation != "UpdateFunctionConfiguration" || !strings.Contains(r.URL.Path, "order-stream") {
			return false
		}
		tries++
		refuse(w, r, http.StatusForbidden, "AccessDeniedException")
		return true
	})
	cmd := f.command("deployProd")
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+endpoint)
	status, _, stderr := result(t, cmd)
	if want := `updating the configuration of "prod-order-stream": AccessDeniedException: injected by the test; allow the action lambda:UpdateFunctionConfiguration; see Permissions in magefiles/docs/reference.md#permissions`; status != 1 || !strings.Contains(stderr, want) {
		t.Errorf("exit status %d, and the error does not say %q:\n%s", status, want, stderr)
	}
	if tries != 1 {
		t.Errorf("it was tried %d times", tries)
	}
	f.expect("provided.al2023", "bootstrap", dual, "example-api")
	f.expect("go1.x", "lambda", dual, "order-stream")
	f.wantStartable()
}

// TestExpires deploys until the credentials expire. The error is shown once, and
// says how to renew credentials of their kind.
func TestExpires(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "example-api")
	f.create("example-api")
	cmd := f.command("deployProd")
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+f.through(func(w http.ResponseWriter, r *http.Request, _ http.Handler, operation string, _ int) bool {
		if operation == "UpdateFunctionConfiguration" {
			refuse(w, r, http.StatusForbidden, "ExpiredTokenException")
			return true
		}
		return false
	}))
	status, _, stderr := result(t, cmd)
	if want := `updating the configuration of "prod-example-api": ExpiredTokenException: injected by the test; run: aws configure --profile our_prod`; status != 1 || strings.Count(stderr, want) != 1 || strings.Count(stderr, "ExpiredToken") != 1 {
		t.Errorf("exit status %d, and the errors are not once %q:\n%s", status, want, stderr)
	}
	f.wantStartable()
}

// TestNotAWS plans where something else answers than AWS, or nothing does.
func TestNotAWS(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "example-api")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html>Log in</html>")
	}))
	t.Cleanup(page.Close)
	redirect := httptest.NewServer(http.RedirectHandler("https://login.example.com/?token=hidden", http.StatusFound))
	t.Cleanup(redirect.Close)
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html;charset=utf-8")
		w.WriteHeader(http.StatusNotImplemented)
		io.WriteString(w, "<!DOCTYPE HTML>\n<html><head><title>Error response</title></head><p>Error code: 501</html>")
	}))
	t.Cleanup(files.Close)
	missing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(missing.Close)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // which accepts connections, and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	for _, test := range []struct{ endpoint, want string }{
		{page.URL, "a login page or a proxy answers for 127.0.0.1:PORT, not AWS (status 200 with a web page); log in to the network, or correct HTTPS_PROXY"},
		{redirect.URL, "a login page or a proxy answers for 127.0.0.1:PORT, not AWS (status 302, redirecting to https://login.example.com); log in to the network, or correct HTTPS_PROXY"},
		{files.URL, "127.0.0.1:PORT answers with status 501, but not as AWS does; check that http://127.0.0.1:PORT is the right endpoint (AWS_ENDPOINT_URL)"},
		{missing.URL, "127.0.0.1:PORT answers with status 404, but not as AWS does; check that http://127.0.0.1:PORT is the right endpoint (AWS_ENDPOINT_URL)"},
		{"https" + strings.TrimPrefix(page.URL, "http"), "127.0.0.1:PORT does not speak TLS; write http:// in AWS_ENDPOINT_URL if that is right"},
		{"http://" + silent.Addr().String(), "127.0.0.1:PORT gives no answer within 10s; check that http://127.0.0.1:PORT is the right endpoint (AWS_ENDPOINT_URL)"},
	} {
		t.Run(test.endpoint, func(t *testing.T) {
			t.Parallel()
			cmd := f.command("plan")
			cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+test.endpoint, "AWS_MAX_ATTEMPTS=1")
			defer time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }).Stop()
			status, stdout, stderr := result(t, cmd)
			_, port, _ := net.SplitHostPort(test.endpoint[strings.Index(test.endpoint, "//")+2:])
			want := `Error: calling GetCallerIdentity for environment "prod": ` + test.want + "\n"
			if got := strings.ReplaceAll(stderr, ":"+port, ":PORT"); status != 1 || stdout != "" || !strings.HasSuffix(got, want) {
				t.Errorf("exit status %d, want 1 and %q:\n%s%s", status, want, stdout, got)
			}
		})
	}
}

// TestReadsWhileBuilding answers the first read once the function is built. The
// function is on go1.x, although lambdas.json says that it needs no lambda.
func TestReadsWhileBuilding(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "example-api")
	f.replace("lambdas.json", `"package"`, `"dual": false, "package"`)
	f.create("example-api")
	endpoint := f.through(func(_ http.ResponseWriter, _ *http.Request, _ http.Handler, operation string, n int) bool {
		if operation == "GetFunction" && n == 1 {
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
				if built, _ := filepath.Glob(f.path("bin/.build/*/bootstrap/*/example-api")); len(built) > 0 {
					break
				}
				if time.Now().After(deadline) {
					t.Error("nothing is built before the function is read")
					break
				}
			}
		}
		return false
	})
	cmd := f.command("deployProd")
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+endpoint)
	status, _, stderr := result(t, cmd)
	if status != 0 || !strings.Contains(stderr, "building 1 function again, with lambda") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
	f.expect("provided.al2023", "bootstrap", dual, "example-api")
	f.wantStartable()
}

// TestNothingToBuildFor plans a function that does not exist, with a go build that
// never ends: the plan must not wait for it.
func TestNothingToBuildFor(t *testing.T) {
	t.Parallel()
	gocmd, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	f := newStub(t, emulator.Options{}, "example-api")
	f.write("../go", fmt.Sprintf("#!%s\n[ $1 != build ] || exec sleep 600\nexec %s \"$@\"\n", sh, gocmd))
	if err := os.Chmod(f.path("../go"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := f.command("plan")
	cmd.Env = append(cmd.Env, "MAGEFILE_GOCMD="+f.path("../go"))
	defer time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }).Stop()
	status, _, stderr := result(t, cmd)
	if want := `reading "prod-example-api": ResourceNotFoundException`; status != 1 || !strings.Contains(stderr, want) {
		t.Errorf("exit status %d, want 1 and %q:\n%s", status, want, stderr)
	}
}

// TestMetricsAreDenied cleans up a healthy function without the permission to read
// its metrics.
func TestMetricsAreDenied(t *testing.T) {
	if !canRun {
		t.Skip("this machine starts no linux/amd64 binaries")
	}
	t.Parallel()
	f := newFixture(t, emulator.Options{}, "order-stream")
	f.create("order-stream")
	f.must("deployProd")
	f.server.Age(5)
	f.expect("provided.al2023", "bootstrap", dual, "order-stream") // which invokes it
	f.server.Age(2)
	before := f.updates()
	cmd := f.command("cleanup")
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+f.through(func(w http.ResponseWriter, r *http.Request, forward http.Handler, _ string, _ int) bool {
		if !strings.HasSuffix(r.URL.Path, "/GetMetricData") {
			return false
		}
		body := cbor.Encode(cbor.Map{"__type": cbor.String("AccessDenied"), "message": cbor.String("injected by the test")})
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		w.WriteHeader(http.StatusForbidden)
		w.Write(body)
		return true
	}))
	if status, _, stderr := result(t, cmd); status != 1 || f.updates() != before || !strings.Contains(stderr, "allow the action cloudwatch:GetMetricData") {
		t.Errorf("exit status %d, after %d updates:\n%s", status, f.updates()-before, stderr)
	}
	f.must("cleanup")
	f.expect("provided.al2023", "bootstrap", onlyBootstrap, "order-stream")
}
