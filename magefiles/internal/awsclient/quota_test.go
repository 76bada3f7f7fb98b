package awsclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/awsclient"
)

// service is Lambda behind the SDK's HTTP client, in memory. It notes when each
// request came, and answers with a status that a test may choose.
type service struct {
	status func(n int) int // of the nth request, from 1; nil is 200

	mu    sync.Mutex
	start time.Time
	came  []time.Duration
	paths []string
}

func (s *service) Do(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.came = append(s.came, time.Since(s.start))
	s.paths = append(s.paths, strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions/"))
	status, header := 200, http.Header{}
	if s.status != nil {
		status = s.status(len(s.came))
	}
	if status == 429 {
		header.Set("X-Amzn-ErrorType", "TooManyRequestsException")
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// client returns a client of the service that makes so many calls a second and
// is at it up to three times.
func (s *service) client(calls float64) *lambda.Client {
	s.start = time.Now()
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://lambda"), HTTPClient: s,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		Retryer: func() aws.Retryer {
			return retry.AddWithMaxBackoffDelay(retry.NewStandard(), time.Millisecond)
		},
	}
	awsclient.Limit(&cfg, calls)
	return lambda.NewFromConfig(cfg)
}

// configuration is a call of the control plane.
func configuration(ctx context.Context, c *lambda.Client, name string) error {
	_, err := c.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	return err
}

// times calls do n times at once and returns how long that took.
func times(n int, do func()) time.Duration {
	start := time.Now()
	var group sync.WaitGroup
	for range n {
		group.Go(do)
	}
	group.Wait()
	return time.Since(start)
}

func TestRates(t *testing.T) {
	const n = 900
	name := aws.String("f")
	for _, test := range []struct {
		name  string
		calls float64
		do    func(context.Context, *lambda.Client)
		want  float64 // a second
	}{
		{"the default", 0, func(ctx context.Context, c *lambda.Client) { configuration(ctx, c, "f") }, 14.5},
		{"a setting", 3, func(ctx context.Context, c *lambda.Client) { configuration(ctx, c, "f") }, 3},
		{"all operations together", 0, func(ctx context.Context, c *lambda.Client) {
			c.ListFunctions(ctx, nil)
			c.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: name})
		}, 14.5 / 2},
		{"GetFunction", 1, func(ctx context.Context, c *lambda.Client) {
			c.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: name})
		}, 90},
		{"Invoke", 1, func(ctx context.Context, c *lambda.Client) {
			c.Invoke(ctx, &lambda.InvokeInput{FunctionName: name})
		}, math.Inf(1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{}
				client := s.client(test.calls)
				took := times(n, func() { test.do(t.Context(), client) }).Seconds()
				if want := n / test.want; took > want || took < 0.98*want {
					t.Errorf("%d took %.2f s, want %.2f s", n, took, want)
				}
			})
		})
	}
}

// TestRetriesCount checks that each attempt waits for its turn.
func TestRetriesCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{status: func(n int) int { return 500 }}
		client := s.client(1)
		configuration(t.Context(), client, "f")
		configuration(t.Context(), client, "f")
		if took := time.Since(s.start); len(s.came) != 6 || took != 5*time.Second {
			t.Errorf("two calls of three attempts each came at %v", s.came)
		}
	})
}

func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		client := s.client(1)
		var want []string
		var group sync.WaitGroup
		for i := range 50 {
			name := fmt.Sprint("f", i)
			want = append(want, name+"/configuration")
			group.Go(func() { configuration(t.Context(), client, name) })
			synctest.Wait()
		}
		group.Wait()
		if diff := cmp.Diff(want, s.paths); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		client := s.client(1)
		configuration(t.Context(), client, "f")
		for _, name := range []string{"next", "in the queue"} {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if name == "in the queue" {
				go configuration(t.Context(), client, "first")
				synctest.Wait()
			}
			start := time.Now()
			err := configuration(ctx, client, "f")
			if took := time.Since(start); err == nil || took > 300*time.Millisecond {
				t.Errorf("%s: a call with 300 ms ends after %v with %v", name, took, err)
			}
		}
		if err := configuration(t.Context(), client, "f"); err != nil || len(s.came) != 3 {
			t.Errorf("after that: %v, requests at %v", err, s.came)
		}
	})
}

func TestUntil(t *testing.T) {
	for _, test := range []struct {
		name string
		stop time.Duration // when
		sent int
	}{
		{"before", 0, 0},
		{"while it waits", 500 * time.Millisecond, 0},
		{"while it waits to be sent again", 1500 * time.Millisecond, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{}
				client := s.client(1)
				configuration(t.Context(), client, "f") // the next is in a second
				s.came, s.status = nil, func(int) int { return 500 }

				stop, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.stop == 0 {
					cancel()
				}
				time.AfterFunc(test.stop, cancel)
				start := time.Now()
				err := configuration(awsclient.Until(t.Context(), stop), client, "f")
				if errors.Is(err, awsclient.ErrNotSent) != (test.sent == 0) || len(s.came) != test.sent {
					t.Errorf("error %v after requests at %v, want %d of them", err, s.came, test.sent)
				}
				if took := time.Since(start); test.sent == 0 && took != test.stop {
					t.Errorf("it ends after %v, want %v", took, test.stop)
				}
			})
		})
	}
}

// TestMakesWay checks that a throttled call slows down those after it, all that
// are throttled within a second no more than one, and that the rate recovers.
func TestMakesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{status: func(n int) int {
			if 101 <= n && n <= 105 {
				return 429
			}
			return 200
		}}
		client := s.client(10)
		if took := times(1000, func() {
			if err := configuration(t.Context(), client, "f"); err != nil {
				t.Error(err)
			}
		}); took > 105*time.Second {
			t.Errorf("1005 attempts took %v", took)
		}
		check := func(from time.Duration, least, most int) {
			n := 0
			for _, at := range s.came {
				if from <= at && at < from+4*time.Second {
					n++
				}
			}
			if n < least || n > most {
				t.Errorf("from %v on %d calls in 4 seconds, want %d to %d", from, n, least, most)
			}
		}
		check(5*time.Second, 40, 40)
		check(11*time.Second, 33, 35)
		check(30*time.Second, 40, 40)

		// However often it is throttled, a twentieth of the rate is left.
		s.start, s.came, s.status = time.Now(), nil, func(int) int { return 429 }
		times(50, func() { configuration(t.Context(), client, "f") })
		check(60*time.Second, 2, 3)
	})
}
