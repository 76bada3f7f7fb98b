package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/time/rate"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/lambdatest"
	"example.com/dualboot/magefiles/internal/rollout"
)

func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("f%d", i)
	}
	return list
}

// newAccount returns a Lambda with its quotas on AWS, updates that take a second
// and a round trip of 50 ms.
func newAccount(names []string) *lambdatest.Lambda {
	l := newLambda(names...)
	l.Reads, l.Writes = rate.NewLimiter(100, 34), rate.NewLimiter(15, 6)
	l.UpdateTime, l.Latency = time.Second, 25*time.Millisecond
	return l
}

// TestQuotas migrates a fleet under Lambda's quotas on a fake clock. The bound is
// the time that two updates of each function, and the reads, take of the quotas
// that others leave. It is longer than the settle delay.
func TestQuotas(t *testing.T) {
	if rollout.RaceDetector {
		t.Skip("large fleets take long with the race detector")
	}
	zips := writeZips(t, "small")
	for _, test := range []struct {
		name   string
		fleet  int
		others float64       // the part of the quotas that others take
		upload time.Duration // how much longer a zip takes
		opts   rollout.Options
		most   float64 // times the bound
	}{
		{name: "alone", fleet: 400, most: 1.15},
		{name: "others take half", fleet: 200, others: 0.5, most: 1.15},
		{name: "others take nine tenths", fleet: 120, others: 0.9, most: 1.15},
		{name: "large zips, eight at the same time", fleet: 400, upload: 500 * time.Millisecond, opts: rollout.Options{Uploads: 8 * zips.Dual.Size}, most: 1.2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newAccount(names(test.fleet))
				l.Upload = test.upload
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				if test.others > 0 {
					go take(ctx, l.Writes, 15*test.others)
					go take(ctx, l.Reads, 100*test.others)
				}
				start := time.Now()
				r := newRollout(l, test.opts)
				list := functions(zips, fleet.Goal{Settle: 20 * time.Second}, names(test.fleet)...)
				fleet.Each(list, 1024, func(f *fleet.Function) {
					observe(ctx, r, f)
					r.Apply(ctx, f)
				})
				for _, f := range list {
					if f.Err != nil {
						t.Error(f.Err)
					}
				}
				took, left := time.Since(start), 1-test.others
				bound := time.Duration(float64(time.Second) * float64(test.fleet) * max(2/(15*left), 4/(100*left)))
				ratio := took.Seconds() / bound.Seconds()
				t.Logf("%.1f s: %.3f times the bound of %.1f s; calls %v, %d of them throttled",
					took.Seconds(), ratio, bound.Seconds(), l.Count(), l.Throttled())
				if ratio > test.most {
					t.Errorf("that is more than %v times", test.most)
				}
				if reads := l.Count()[lambdatest.Get]; test.others == 0 && reads != 4*test.fleet {
					t.Errorf("%d reads, want one before, one after each update, one after settling", reads)
				}
			})
		})
	}
}

// TestInterruptedQueue checks that an interrupted run sends no call that still
// waits for its turn.
func TestInterruptedQueue(t *testing.T) {
	zips := writeZips(t, "small")
	synctest.Test(t, func(t *testing.T) {
		l := newAccount(names(300))
		r := newRollout(l, rollout.Options{})
		list := functions(zips, deploy, names(300)...)
		fleet.Each(list, 1024, func(f *fleet.Function) { r.Observe(t.Context(), f) })
		const interrupt = 2030 * time.Millisecond
		ctx, stop := context.WithTimeout(t.Context(), interrupt)
		defer stop()
		start := time.Now()
		time.AfterFunc(interrupt+30*time.Millisecond, l.Reset) // the last call has arrived
		fleet.Each(list, 1024, func(f *fleet.Function) { r.Apply(ctx, f) })
		if took := time.Since(start); took > interrupt+50*time.Millisecond {
			t.Errorf("it ends after %v", took)
		}
		time.Sleep(time.Minute)
		if calls := l.Log(); len(calls) > 0 {
			t.Errorf("calls after the interrupt: %v", calls)
		}
		done := 0
		for _, f := range list {
			done += len(f.Done)
			if !errors.Is(f.Err, fleet.ErrInterrupted) || len(f.Done) == 0 && !strings.Contains(f.Err.Error(), "left to do: update the code") {
				t.Errorf("after %v: %v", f.Done, f.Err)
			}
		}
		if done < 28 || done > 32 {
			t.Errorf("%d updates in 2 s, want about 30", done)
		}
	})
}

// TestQuotasOfEmulator migrates a few functions with real requests while another
// client uses half of the quota.
func TestQuotasOfEmulator(t *testing.T) {
	t.Parallel()
	zips := writeZips(t, "small")
	server, err := emulator.Start(emulator.Options{Quotas: emulator.AWSQuotas(), UpdateTime: 100 * time.Millisecond, HostBinaries: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	client := sdk.NewFromConfig(awsclient.New(server.Config(), awsclient.Access{}).Config)
	old, err := writeZips(t, "old").Dual.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names(12) {
		if _, err := client.CreateFunction(t.Context(), &sdk.CreateFunctionInput{
			FunctionName: &name, Runtime: types.RuntimeProvidedal2, Handler: aws.String("bootstrap"),
			Role: aws.String("arn:aws:iam::123456789012:role/test"), Code: &types.FunctionCode{ZipFile: old},
		}); err != nil {
			t.Fatal(err)
		}
	}

	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	others.Go(func() {
		other := sdk.NewFromConfig(server.Config(), func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
		every := time.NewTicker(time.Second * 2 / 15)
		defer every.Stop()
		for ctx.Err() == nil {
			<-every.C
			other.ListFunctions(ctx, nil)
		}
	})
	r := rollout.New(client, rollout.Options{FirstPoll: 100 * time.Millisecond})
	start := time.Now()
	list := functions(zips, fleet.Goal{}, names(12)...)
	fleet.Each(list, len(list), func(f *fleet.Function) {
		r.Observe(ctx, f)
		r.Apply(ctx, f)
	})
	for _, f := range list {
		if f.Err != nil || f.Current.Runtime != lambda.ProvidedAL2023 {
			t.Errorf("%s ends on %s: %v", f.FunctionName, f.Current.Runtime, f.Err)
		}
	}
	t.Logf("%v for 24 updates while another client uses half of the quota; calls %v", time.Since(start).Round(time.Millisecond), server.Calls())
	stop()
	others.Wait()
}

// take takes so many calls a second from the quota, before everybody else.
func take(ctx context.Context, quota *rate.Limiter, perSecond float64) {
	every := time.NewTicker(time.Duration(math.Round(float64(time.Second) / perSecond)))
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			quota.Reserve()
		}
	}
}
