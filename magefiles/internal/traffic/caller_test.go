package traffic

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
)

// requestID returns the ID of a request to example-api.
func requestID(t testing.TB, event []byte) string {
	t.Helper()
	var r events.APIGatewayProxyRequest
	if err := json.Unmarshal(event, &r); err != nil {
		t.Fatal(err)
	}
	return r.RequestContext.RequestID
}

// answerTo returns the answer of example-api.
func answerTo(id string) reply {
	return ok(fmt.Sprintf(`{"statusCode":200,"body":%q}`, `{"requestId":"`+id+`"}`))
}

func TestCaller(t *testing.T) {
	event := sampleEvent(t, "example-api")
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.answer = func(_ int, event []byte) reply { return answerTo(requestID(t, event)) }
		f.takes = func(n int) time.Duration { return time.Duration(n+1) * time.Millisecond }
		observed := 0
		tr := start(t, f.config(), event, Options{Rate: 20, Invoked: func(failed bool) {
			if observed++; failed {
				t.Error("a good answer is a failure")
			}
		}})
		time.Sleep(990 * time.Millisecond)
		if r := tr.Report()[0]; r.Invocations != 20 || !r.Clean() {
			t.Errorf("after a second at 20 a second: %+v", r)
		}
		r := tr.Stop()[0]
		if r.Function != "f" || r.Kind != API || r.Invocations != 20 || r.WorstLatency != 20*time.Millisecond || r.Unverified != 0 || !r.Clean() {
			t.Errorf("report: %+v", r)
		}

		if observed != 20 {
			t.Errorf("%d invocations were observed", observed)
		}

		ids := map[string]bool{}
		for i, c := range f.seen() {
			if want := time.Duration(i) * 50 * time.Millisecond; c.at != want {
				t.Errorf("call %d was made at %s, not %s", i, c.at, want)
			}
			ids[requestID(t, c.event)] = true
		}
		if len(ids) != 20 || ids[requestID(t, event)] {
			t.Errorf("the IDs are not unique: %v", ids)
		}

		time.Sleep(time.Second)
		if n := len(f.seen()); n != 20 {
			t.Errorf("%d calls were made after the end", n-20)
		}
		if again := tr.Stop()[0]; again.Invocations != r.Invocations {
			t.Errorf("the second Stop reports %+v", again)
		}
	})
}

// TestStall checks that a stalled function does not receive fewer calls, and that
// the latency of a call includes the wait for others.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = func(int) time.Duration { return time.Second }
		tr := start(t, f.config(), []byte(`{}`), Options{concurrency: 2})
		time.Sleep(990 * time.Millisecond)
		r := tr.Stop()[0]
		// Ten calls, two at a time: the last ends at 5.1 s and was due at 0.9 s.
		if r.Invocations != 10 || r.WorstLatency != 4200*time.Millisecond || !r.Clean() {
			t.Errorf("report: %+v", r)
		}
		if f.most != 2 {
			t.Errorf("%d calls were in flight", f.most)
		}
	})
}

// TestHang checks that calls without an answer, and calls that could not be sent,
// have failed when Stop returns.
func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = func(int) time.Duration { return time.Hour }
		failures := 0
		tr := start(t, f.config(), []byte(`{}`), Options{concurrency: 3, drain: 5 * time.Second, Invoked: func(failed bool) {
			if failed {
				failures++
			}
		}})
		time.Sleep(990 * time.Millisecond)
		began := time.Now()
		r := tr.Stop()[0]
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("Stop took %s", took)
		}
		if r.Errors != 10 || r.Invocations < 3 || r.Clean() || failures != 10 {
			t.Errorf("%d failures, report: %+v", failures, r)
		}
		if r.WorstLatency < 5*time.Second {
			t.Errorf("worst latency %s", r.WorstLatency)
		}
	})
}

// TestCredentials counts the errors of calls that cannot be signed.
func TestCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := newFake().config()
		config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("no credentials") })
		tr := start(t, config, []byte(`{}`), Options{})
		time.Sleep(990 * time.Millisecond)
		if r := tr.Stop()[0]; r.Errors != 10 || !strings.Contains(r.FirstError, "no credentials") {
			t.Errorf("report: %+v", r)
		}
	})
}

func TestCallerErrors(t *testing.T) {
	event := sampleEvent(t, "example-api")
	var previous string
	for name, test := range map[string]struct {
		answer     func(id string) reply
		errors     int // of ten calls
		first      string
		unverified int
	}{
		"throttled": {func(string) reply { return throttled() }, 10, "Rate Exceeded", 0},
		"failing":   {func(string) reply { return noBootstrap() }, 10, "Runtime.InvalidEntrypoint: Couldn't find valid bootstrap(s)", 0},
		"failing without an error type": {func(string) reply {
			return reply{status: 200, header: map[string]string{"X-Amz-Function-Error": "Handled"}, body: "null"}
		}, 10, "Handled: null", 0},
		"refused": {func(string) reply { return reply{err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}} },
			10, "dial: connection refused", 0},
		"timed out":    {func(string) reply { return reply{err: os.ErrDeadlineExceeded} }, 10, "i/o timeout", 0},
		"not JSON":     {func(string) reply { return ok("<html>") }, 10, `the answer is not JSON: "<html>"`, 0},
		"opaque":       {func(string) reply { return ok(`{"statusCode":204}`) }, 0, "", 10},
		"empty":        {func(string) reply { return ok("") }, 0, "", 10},
		"server error": {func(id string) reply { return ok(`{"statusCode":502,"body":"for ` + id + `"}`) }, 10, "the answer is 502 for ", 0},
		"client error": {func(id string) reply { return ok(`{"statusCode":404,"body":"for ` + id + `"}`) }, 0, "", 0},
		"for another request": {func(id string) reply {
			answer := previous
			previous = id
			if answer == "" {
				answer = id
			}
			return answerTo(answer)
		}, 9, "the answer to request ", 0},
		// Only the last answer identifies its request; the others should.
		"for no request": {func(id string) reply {
			if strings.HasSuffix(id, "09") {
				return answerTo(id)
			}
			return ok(`{"statusCode":200,"body":"it works"}`)
		}, 9, "the answer does not identify its request", 0},
		"base64": {func(id string) reply {
			return ok(fmt.Sprintf(`{"statusCode":200,"isBase64Encoded":true,"body":%q}`, base64.StdEncoding.EncodeToString([]byte("for "+id))))
		}, 0, "", 0},
		"without a proxy response": {func(id string) reply { return ok(fmt.Sprintf("%q", id)) }, 0, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.answer = func(_ int, event []byte) reply { return test.answer(requestID(t, event)) }
				tr := start(t, f.config(), event, Options{})
				time.Sleep(990 * time.Millisecond)
				r := tr.Stop()[0]
				if r.Errors != test.errors || r.Invocations != 10 || r.Retries != 0 || r.Unverified != test.unverified {
					t.Errorf("report: %+v", r)
				}
				if !strings.Contains(r.FirstError, test.first) || (r.FirstError == "") != r.Clean() {
					t.Errorf("first error %q", r.FirstError)
				}
			})
		})
	}
}
