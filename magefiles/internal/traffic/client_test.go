package traffic

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// endpoint answers each request with the status, or breaks the connection if it is
// 0. It counts requests and connections.
func endpoint(t *testing.T, status int, requests, connections *atomic.Int64) aws.Config {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		time.Sleep(20 * time.Millisecond)
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		if status != http.StatusOK {
			w.Header().Set("X-Amzn-ErrorType", "ServiceException")
		}
		w.WriteHeader(status)
		w.Write([]byte(`{}`))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return aws.Config{
		Region:           "us-east-1",
		Credentials:      credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
		BaseEndpoint:     aws.String(server.URL),
		RetryMaxAttempts: 10, // which traffic ignores
	}
}

// TestNoRetries counts errors that the SDK retries by default.
func TestNoRetries(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusInternalServerError: "ServiceException",
		http.StatusTooManyRequests:     "ServiceException",
		0:                              "EOF",
	} {
		var requests, connections atomic.Int64
		tr := start(t, endpoint(t, status, &requests, &connections), []byte(`{}`), Options{Rate: 100})
		time.Sleep(50 * time.Millisecond)
		r := tr.Stop()[0]
		if n := requests.Load(); n == 0 || int(n) != r.Invocations || int(n) != r.Errors || !strings.Contains(r.FirstError, want) {
			t.Errorf("%d: %d requests, report: %+v", status, n, r)
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var requests, connections atomic.Int64
	tr := start(t, endpoint(t, http.StatusOK, &requests, &connections), []byte(`{}`), Options{Rate: 1000})
	time.Sleep(500 * time.Millisecond)
	if r := tr.Stop()[0]; !r.Clean() || r.Invocations < 100 {
		t.Errorf("report: %+v", r)
	}
	if n, all := connections.Load(), requests.Load(); n > all/4 {
		t.Errorf("%d connections for %d requests", n, all)
	}
}
