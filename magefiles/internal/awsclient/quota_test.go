package awsclient_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/lambdatest"
)

// client returns a client of l that makes so many calls a second and at most
// three attempts of each.
func client(l *lambdatest.Lambda, calls float64) *sdk.Client {
	cfg := l.Config()
	cfg.Retryer = func() aws.Retryer { return retry.AddWithMaxBackoffDelay(retry.NewStandard(), time.Millisecond) }
	awsclient.Limit(&cfg, calls)
	return sdk.NewFromConfig(cfg)
}

// The answers of Lambda to a call that is throttled and to one that it fails to
// serve.
var (
	throttled = &lambdatest.Error{Status: 429, Code: "TooManyRequestsException", Message: "Rate exceeded"}
	failed    = &lambdatest.Error{Status: 500, Code: "ServiceException", Message: "try later"}
)

// always returns a hook that gives each call the same answer.
func always(e *lambdatest.Error) func(lambdatest.Call) *lambdatest.Error {
	return func(lambdatest.Call) *lambdatest.Error { return e }
}

// configuration makes one control-plane call.
func configuration(ctx context.Context, c *sdk.Client, name string) error {
	_, err := c.GetFunctionConfiguration(ctx, &sdk.GetFunctionConfigurationInput{FunctionName: &name})
	return err
}

// times makes n calls of do at the same time and returns how long they take.
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
		do    func(context.Context, *sdk.Client)
		want  float64 // a second
	}{
		{"the default", 0, func(ctx context.Context, c *sdk.Client) { configuration(ctx, c, "f") }, 14.5},
		{"a setting", 3, func(ctx context.Context, c *sdk.Client) { configuration(ctx, c, "f") }, 3},
		{"all operations together", 0, func(ctx context.Context, c *sdk.Client) {
			c.ListFunctions(ctx, nil)
			c.GetFunctionConfiguration(ctx, &sdk.GetFunctionConfigurationInput{FunctionName: name})
		}, 14.5 / 2},
		{"GetFunction", 1, func(ctx context.Context, c *sdk.Client) {
			c.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: name})
		}, 90},
		{"Invoke", 1, func(ctx context.Context, c *sdk.Client) {
			c.Invoke(ctx, &sdk.InvokeInput{FunctionName: name})
		}, math.Inf(1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := client(lambdatest.New("f"), test.calls)
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
		l := lambdatest.New()
		l.Before = always(failed)
		client := client(l, 1)
		start := time.Now()
		configuration(t.Context(), client, "f")
		configuration(t.Context(), client, "f")
		if took := time.Since(start); len(l.Calls()) != 6 || took != 5*time.Second {
			t.Errorf("two calls of three attempts each: %v", l.Calls())
		}
	})
}

func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lambdatest.New()
		client := client(l, 1)
		var want []string
		var group sync.WaitGroup
		for i := range 50 {
			name := fmt.Sprint("f", i)
			l.Create(name, nil)
			want = append(want, fmt.Sprintf("%ds get-config %s", i, name))
			group.Go(func() { configuration(t.Context(), client, name) })
			synctest.Wait()
		}
		group.Wait()
		if diff := cmp.Diff(want, l.Log()); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lambdatest.New("f", "first")
		client := client(l, 1)
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
		if err := configuration(t.Context(), client, "f"); err != nil || len(l.Calls()) != 3 {
			t.Errorf("after that: %v, calls %v", err, l.Calls())
		}
	})
}

func TestUntil(t *testing.T) {
	for _, test := range []struct {
		name string
		stop time.Duration // when
		sent int
	}{
		{"before the call", 0, 0},
		{"before the first attempt", 500 * time.Millisecond, 0},
		{"between two attempts", 1500 * time.Millisecond, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lambdatest.New("f")
				client := client(l, 1)
				configuration(t.Context(), client, "f") // the turn of the next call is in a second
				l.Reset()
				l.Before = always(failed)

				stop, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.stop == 0 {
					cancel()
				}
				time.AfterFunc(test.stop, cancel)
				start := time.Now()
				err := configuration(awsclient.Until(t.Context(), stop), client, "f")
				if errors.Is(err, awsclient.ErrNotSent) != (test.sent == 0) || len(l.Calls()) != test.sent {
					t.Errorf("error %v after calls %v, want %d of them", err, l.Calls(), test.sent)
				}
				if took := time.Since(start); test.sent == 0 && took != test.stop {
					t.Errorf("it ends after %v, want %v", took, test.stop)
				}
			})
		})
	}
}

// TestMakesWay checks that a throttled call lowers the rate, that several within
// a second lower it only once, and that the rate recovers.
func TestMakesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lambdatest.New("f")
		var arrived atomic.Int64
		l.Before = func(lambdatest.Call) *lambdatest.Error {
			if n := arrived.Add(1); 101 <= n && n <= 105 {
				return throttled
			}
			return nil
		}
		client := client(l, 10)
		if took := times(1000, func() {
			if err := configuration(t.Context(), client, "f"); err != nil {
				t.Error(err)
			}
		}); took > 105*time.Second {
			t.Errorf("1005 attempts took %v", took)
		}
		check := func(from time.Duration, least, most int) {
			n := 0
			for _, call := range l.Calls() {
				if from <= call.At && call.At < from+4*time.Second {
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

		// The rate does not fall below a twentieth.
		l.Reset()
		l.Before = always(throttled)
		times(50, func() { configuration(t.Context(), client, "f") })
		check(60*time.Second, 2, 3)
	})
}

// TestRegionsHaveQuotas checks that each region of an account has its own quota, and
// that the calls are counted together.
func TestRegionsHaveQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := awsclient.New(lambdatest.New("f").Config(), awsclient.Access{Calls: 1})
		clients := []*sdk.Client{sdk.NewFromConfig(c.Config), sdk.NewFromConfig(c.In("eu-west-1").Config), sdk.NewFromConfig(c.In("eu-west-2").Config)}
		start := time.Now()
		var group sync.WaitGroup
		for _, client := range clients {
			for range 10 {
				group.Go(func() { configuration(t.Context(), client, "f") })
			}
		}
		group.Wait()
		if took := time.Since(start); took != 9*time.Second || c.Calls()["GetFunctionConfiguration"] != 30 {
			t.Errorf("%v took %v, want 9s", c.Calls(), took)
		}
	})
}
