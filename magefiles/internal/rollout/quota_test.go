package rollout_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/time/rate"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// account is Lambda behind the SDK's HTTP client, in memory: a fleet on go1.x,
// the quotas, updates that take a second, and a way there of 50 ms.
type account struct {
	reads, writes *rate.Limiter
	upload        time.Duration // more that a zip takes

	mu        sync.Mutex
	functions map[string]map[string]any
	calls     map[string]int
	throttled int
}

func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("f%d", i)
	}
	return list
}

func newAccount(names []string) *account {
	a := &account{
		reads: rate.NewLimiter(100, 34), writes: rate.NewLimiter(15, 6),
		functions: map[string]map[string]any{}, calls: map[string]int{},
	}
	for _, name := range names {
		a.functions[name] = map[string]any{
			"FunctionName": name, "PackageType": "Zip", "Runtime": "go1.x", "Handler": "lambda", "Architectures": []string{"x86_64"},
			"CodeSha256": "old", "RevisionId": "0", "State": "Active", "LastUpdateStatus": "Successful",
		}
	}
	return a
}

func (a *account) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/code") {
		time.Sleep(a.upload)
	}
	time.Sleep(25 * time.Millisecond)
	defer time.Sleep(25 * time.Millisecond)
	a.mu.Lock()
	defer a.mu.Unlock()

	path := strings.Split(r.URL.Path, "/") // /2015-03-31/functions/NAME/code
	name, limiter := strings.Join(path[4:], "/"), a.writes
	if name == "" {
		name, limiter = "GetFunction", a.reads
	}
	a.calls[name]++
	if !limiter.Allow() {
		a.throttled++
		return response(r, 429, "TooManyRequestsException", `{"Type":"User","message":"Rate exceeded","Reason":"CallerRateLimitExceeded"}`), nil
	}
	f := a.functions[path[3]]
	if r.Method == http.MethodPut {
		var in struct {
			ZipFile                      []byte
			Runtime, Handler, RevisionId string
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			return nil, err
		}
		if f["LastUpdateStatus"] == "InProgress" {
			return response(r, 409, "ResourceConflictException", `{"message":"An update is in progress"}`), nil
		}
		if in.RevisionId != f["RevisionId"] {
			return response(r, 412, "PreconditionFailedException", `{"message":"The Revision Id provided does not match"}`), nil
		}
		if in.ZipFile != nil {
			sum := sha256.Sum256(in.ZipFile)
			f["CodeSha256"] = base64.StdEncoding.EncodeToString(sum[:])
		} else {
			f["Runtime"], f["Handler"] = in.Runtime, in.Handler
		}
		f["RevisionId"], f["LastUpdateStatus"] = f["RevisionId"].(string)+"+", "InProgress"
		time.AfterFunc(time.Second, func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			f["LastUpdateStatus"] = "Successful"
		})
	}
	body, err := json.Marshal(f)
	if limiter == a.reads {
		body, err = json.Marshal(map[string]any{"Configuration": f})
	}
	return response(r, 200, "", string(body)), err
}

// limited is a configuration as a command has it.
func limited(endpoint string, client aws.HTTPClient) aws.Config {
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.RateLimiter = 10, ratelimit.None })
		},
	}
	awsclient.Limit(&cfg, 0)
	return cfg
}

// functions are to be deployed.
func functions(b lambda.Zips, settle time.Duration, names []string) []*fleet.Function {
	var list []*fleet.Function
	for _, name := range names {
		list = append(list, &fleet.Function{
			Target: manifest.Target{FunctionName: name, Dual: true}, Zips: b, Goal: fleet.Goal{Settle: settle},
		})
	}
	return list
}

// TestQuotas migrates a fleet under Lambda's quotas, by a fake clock. The bound
// is what is left of them: two updates a function, and what is read meanwhile.
func TestQuotas(t *testing.T) {
	b := writeZips(t, "small")
	for _, test := range []struct {
		name   string
		others float64       // the part of the quotas that others take
		upload time.Duration // how long a zip is on its way
		opts   rollout.Options
		most   float64 // times the bound
	}{
		{name: "alone", most: 1.15},
		{name: "others take a half", others: 0.5, most: 1.15},
		{name: "others take nine tenths", others: 0.9, most: 1.15},
		{name: "large zips, eight at once", upload: 500 * time.Millisecond, opts: rollout.Options{Uploads: 8 * b.Dual.Size}, most: 1.2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAccount(names(1000))
				a.upload = test.upload
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				if test.others > 0 {
					go take(ctx, a.writes, 15*test.others)
					go take(ctx, a.reads, 100*test.others)
				}
				start := time.Now()
				r := rollout.New(sdk.NewFromConfig(limited("http://lambda", a)), test.opts)
				list := functions(b, time.Minute, names(1000))
				fleet.Each(list, 1024, func(f *fleet.Function) {
					r.Observe(ctx, f)
					r.Apply(ctx, f)
				})
				for _, f := range list {
					if f.Err != nil {
						t.Error(f.Err)
					}
				}
				took, left := time.Since(start), 1-test.others
				bound := time.Duration(float64(time.Second) * max(2*1000/(15*left), 4*1000/(100*left)))
				ratio := took.Seconds() / bound.Seconds()
				t.Logf("%.1f s: %.3f times the bound of %.1f s; calls %v, of which %d throttled",
					took.Seconds(), ratio, bound.Seconds(), a.calls, a.throttled)
				if ratio > test.most {
					t.Errorf("that is more than %v times", test.most)
				}
				if reads := a.calls["GetFunction"]; test.others == 0 && reads != 4*1000 {
					t.Errorf("%d reads, want one before, one after each update, one after settling", reads)
				}
			})
		})
	}
}

// TestInterruptedQueue checks that what waits for its turn is not sent once the
// run is interrupted.
func TestInterruptedQueue(t *testing.T) {
	b := writeZips(t, "small")
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(names(300))
		r := rollout.New(sdk.NewFromConfig(limited("http://lambda", a)), rollout.Options{})
		list := functions(b, time.Minute, names(300))
		fleet.Each(list, 1024, func(f *fleet.Function) { r.Observe(t.Context(), f) })
		const interrupt = 2030 * time.Millisecond
		ctx, stop := context.WithTimeout(t.Context(), interrupt)
		defer stop()
		start := time.Now()
		time.AfterFunc(interrupt+30*time.Millisecond, func() { // when the last call has arrived
			a.mu.Lock()
			defer a.mu.Unlock()
			a.calls = map[string]int{}
		})
		fleet.Each(list, 1024, func(f *fleet.Function) { r.Apply(ctx, f) })
		if took := time.Since(start); took > interrupt+50*time.Millisecond {
			t.Errorf("it ends after %v", took)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.calls) > 0 {
			t.Errorf("calls after the interrupt: %v", a.calls)
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

// TestQuotasOfEmulator migrates a few functions by real requests, while another
// client asks for half of the quota.
func TestQuotasOfEmulator(t *testing.T) {
	t.Parallel()
	b := writeZips(t, "small")
	server, err := emulator.Start(emulator.Options{Quotas: emulator.AWSQuotas(), UpdateTime: 100 * time.Millisecond, HostBinaries: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	cfg := limited(server.URL(), nil)
	cfg.Credentials = server.Config().Credentials
	client := sdk.NewFromConfig(cfg)
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
	list := functions(b, 0, names(12))
	fleet.Each(list, len(list), func(f *fleet.Function) {
		r.Observe(ctx, f)
		r.Apply(ctx, f)
	})
	for _, f := range list {
		if f.Err != nil || f.Current.Runtime != lambda.ProvidedAL2023 {
			t.Errorf("%s ends on %s: %v", f.FunctionName, f.Current.Runtime, f.Err)
		}
	}
	t.Logf("%v for 24 updates while another client asks for half of the quota; calls %v", time.Since(start).Round(time.Millisecond), server.Calls())
	stop()
	others.Wait()
}

// take takes so many calls a second of the quota, before everybody else.
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
