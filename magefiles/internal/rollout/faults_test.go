package rollout_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// fault is what becomes of one request: it answers, or fails, with or without
// letting the server act.
type fault struct {
	name string
	do   func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error)
	// passes says that a rollout survives the fault when it happens once.
	passes bool
}

func answered(status int, code string) func(*http.Request, func() (*http.Response, error)) (*http.Response, error) {
	return func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return response(r, status, code, `{"Type":"User","Message":"as the test wants it"}`), nil
	}
}

func response(r *http.Request, status int, code, body string) *http.Response {
	header := http.Header{"Content-Type": {"application/json"}}
	if code != "" {
		header.Set("X-Amzn-ErrorType", code)
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

var faults = []fault{
	{name: "connection refused", passes: true, do: func(*http.Request, func() (*http.Response, error)) (*http.Response, error) {
		return nil, syscall.ECONNREFUSED
	}},
	{name: "reset before the server acts", passes: true, do: func(*http.Request, func() (*http.Response, error)) (*http.Response, error) {
		return nil, syscall.ECONNRESET
	}},
	{name: "reset after the server has acted", passes: true, do: func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		if _, err := send(); err != nil {
			return nil, err
		}
		return nil, syscall.ECONNRESET
	}},
	{name: "500 after the server has acted", passes: true, do: func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		if _, err := send(); err != nil {
			return nil, err
		}
		return response(r, 500, "ServiceException", `{}`), nil
	}},
	{name: "slow", passes: true, do: func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		out, err := send()
		time.Sleep(20 * time.Millisecond)
		return out, err
	}},
	{name: "cut in the middle of the body", do: func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		out, err := send()
		if err != nil {
			return nil, err
		}
		data, _ := io.ReadAll(out.Body)
		out.Body = io.NopCloser(io.MultiReader(bytes.NewReader(data[:len(data)/2]), broken{}))
		return out, nil
	}},
	{name: "429", passes: true, do: answered(429, "TooManyRequestsException")},
	{name: "500", passes: true, do: answered(500, "ServiceException")},
	{name: "503", passes: true, do: answered(503, "ServiceUnavailableException")},
	{name: "409", do: answered(409, "ResourceConflictException")},
	{name: "412", do: answered(412, "PreconditionFailedException")},
	{name: "expired credentials", do: answered(403, "ExpiredTokenException")},
	{name: "about something else", do: func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return response(r, 200, "", `{"Configuration":{"FunctionName":"other","Runtime":"provided.al2023","Handler":"bootstrap","LastUpdateStatus":"Successful"}}`), nil
	}},
	{name: "a page of a proxy", do: func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return response(r, 200, "", `<html>Please log in</html>`), nil
	}},
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// network is the way of the SDK to the emulator. It does a fault to the nth
// request of a rollout, or from the nth on.
type network struct {
	inner   http.RoundTripper
	n       atomic.Int64
	at      int64
	persist bool
	fault   *fault
	struck  func() // called as the fault is done
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	count := n.n.Add(1)
	send := func() (*http.Response, error) { return n.inner.RoundTrip(r) }
	if n.fault == nil || count < n.at || count > n.at && !n.persist {
		return send()
	}
	if count == n.at {
		n.struck()
	}
	return n.fault.do(r, send)
}

// world is an emulator with two functions, one on go1.x and one on provided.al2.
type world struct {
	server *emulator.Server
	goals  []fleet.Function // as a command has them before it reads them

	mu     sync.Mutex
	served map[string][]emulator.Deployment
	fails  int // the update that ends Failed, counted from 1
	count  int
}

// settle is as long as the window in which an update may meet the one before.
const settle = 3 * time.Millisecond

var fleetNames = []string{"legacy", "al2"}

func newWorld(zips lambda.Zips, old map[string][]byte) (*world, error) {
	f := &world{served: map[string][]emulator.Deployment{}}
	server, err := emulator.Start(emulator.Options{
		UpdateTime: 2 * time.Millisecond,
		Window:     settle,
		Mixed:      true,
		OnServe: func(d emulator.Deployment) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.served[d.Function] = append(f.served[d.Function], d)
		},
		FailUpdate: func(string, string) *emulator.Failure {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.count++; f.count != f.fails {
				return nil
			}
			return &emulator.Failure{Reason: "as the test wants it", ReasonCode: "InternalError"}
		},
	})
	if err != nil {
		return nil, err
	}
	f.server = server
	client := sdk.NewFromConfig(server.Config())
	for i, runtime := range []types.Runtime{types.RuntimeGo1x, types.RuntimeProvidedal2} {
		binary := []string{"lambda", "bootstrap"}[i]
		if _, err := client.CreateFunction(context.Background(), &sdk.CreateFunctionInput{
			FunctionName: &fleetNames[i], Runtime: runtime, Handler: &binary, Role: aws.String("arn:aws:iam::123456789012:role/r"),
			Code: &types.FunctionCode{ZipFile: old[binary]},
		}); err != nil {
			return nil, errors.Join(err, server.Close())
		}
		f.goals = append(f.goals, fleet.Function{
			Target: manifest.Target{FunctionName: fleetNames[i], Dual: true}, Zips: zips,
			Goal: fleet.Goal{Settle: settle, Previous: string(runtime)},
		})
	}
	return f, nil
}

// run does the action to the fleet, one function after the other.
func (f *world) run(ctx context.Context, n *network, action fleet.Action) error {
	cfg := f.server.Config()
	n.inner = http.DefaultTransport
	cfg.HTTPClient = &http.Client{Transport: n}
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.RateLimiter = ratelimit.None
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
		})
	}
	r := rollout.New(sdk.NewFromConfig(cfg), rollout.Options{
		FirstPoll: time.Millisecond, MaxPoll: 2 * time.Millisecond, Limit: 3 * time.Second, Grace: 50 * time.Millisecond,
		HTTP: cfg.HTTPClient,
	})
	var functions []*fleet.Function
	for _, goal := range f.goals {
		goal.Action = action
		functions = append(functions, &goal)
	}
	fleet.Each(functions, 1, func(f *fleet.Function) { r.Observe(ctx, f) })
	fleet.Each(functions, 1, func(f *fleet.Function) { r.Apply(ctx, f) })
	return fleet.Errors(functions)
}

// legacyZips are zips with one file each, by its name.
func legacyZips(t *testing.T) map[string][]byte {
	t.Helper()
	zips := map[string][]byte{}
	for _, name := range []string{"lambda", "bootstrap"} {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		header := &zip.FileHeader{Name: name}
		header.SetMode(0o755)
		if _, err := w.CreateHeader(header); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		zips[name] = out.Bytes()
	}
	return zips
}

// writeZips writes a bundle whose content depends on the text.
func writeZips(t *testing.T, text string) lambda.Zips {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "binary")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n: "+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.NewPacker(dir).Pack(t.Context(), "f", map[build.Binary]string{build.Lambda: path, build.Bootstrap: path})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFaults deploys a fleet with every fault at every call, once and for good,
// and with the run going on, interrupted, or dead from then on, and deploys it
// again without. Then it rolls deployed fleets back in the same way.
func TestFaults(t *testing.T) {
	old, zips := legacyZips(t), writeZips(t, "new")

	// How many calls does it take?
	f, err := newWorld(zips, old)
	if err != nil {
		t.Fatal(err)
	}
	var cases []trial
	for _, action := range []fleet.Action{fleet.Deploy, fleet.Rollback} {
		clean := &network{}
		if err := f.run(t.Context(), clean, action); err != nil {
			t.Fatal(err)
		}
		for at := int64(1); at <= clean.n.Load(); at++ {
			for i := range faults {
				for _, persist := range []bool{false, true} {
					for _, interrupt := range []bool{false, true} {
						cases = append(cases, trial{action: action, fault: &faults[i], at: at, persist: persist, interrupt: interrupt})
					}
				}
			}
		}
	}
	f.server.Close()
	for update := 1; update <= 4; update++ {
		cases = append(cases, trial{fails: update})
	}

	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for _, c := range cases {
		group.Go(func() error {
			if err := c.run(t.Context(), zips, old); err != nil {
				t.Errorf("%v: %v", c, err)
			}
			return nil
		})
	}
	_ = group.Wait()
	t.Logf("%d cases: %d faults at each call, once and for good, going on and interrupted", len(cases), len(faults))
}

// trial is one case of TestFaults. To the server, a run that is killed is one
// whose connections are refused for good.
type trial struct {
	action    fleet.Action
	fault     *fault
	at        int64
	persist   bool
	interrupt bool
	fails     int // instead of the fault: this update ends Failed
}

func (c trial) String() string {
	if c.fails > 0 {
		return fmt.Sprintf("update %d ends Failed", c.fails)
	}
	return fmt.Sprintf("%v: %s at call %d, for good: %t, interrupted: %t", c.action, c.fault.name, c.at, c.persist, c.interrupt)
}

func (c trial) run(ctx context.Context, zips lambda.Zips, old map[string][]byte) error {
	f, err := newWorld(zips, old)
	if err != nil {
		return err
	}
	defer f.server.Close()
	f.fails = c.fails
	if c.action == fleet.Rollback {
		if err := f.run(ctx, &network{}, fleet.Deploy); err != nil {
			return fmt.Errorf("deploying what is to be rolled back: %w", err)
		}
	}

	first, interrupt := context.WithCancel(ctx)
	defer interrupt()
	var struck atomic.Bool
	err = f.run(first, &network{fault: c.fault, at: c.at, persist: c.persist, struck: func() {
		struck.Store(true)
		if c.interrupt {
			interrupt()
		}
	}}, c.action)
	if err == nil && struck.Load() && c.persist && c.fault.name != "slow" {
		return errors.New("the first run did not fail")
	}
	// Of what the server answers to a download, 429 is final.
	final := c.fault != nil && c.fault.name == "429" && err != nil && strings.Contains(err.Error(), "reading the zip of")
	if err != nil && !c.persist && !c.interrupt && c.fails == 0 && c.fault.passes && !final {
		return fmt.Errorf("the first run failed: %w", err)
	}
	if err != nil {
		place, ok := errors.AsType[*fleet.Error](err)
		if !ok || !slices.Contains(fleetNames, place.Function) || place.Doing == "" {
			return fmt.Errorf("the error does not say where it happened: %w", err)
		}
	}

	if err := f.run(ctx, &network{}, c.action); err != nil {
		return fmt.Errorf("the second run failed: %w", err)
	}
	before := f.server.Calls()
	if err := f.run(ctx, &network{}, c.action); err != nil {
		return fmt.Errorf("the third run failed: %w", err)
	}
	after := f.server.Calls()
	for _, name := range []string{"UpdateFunctionCode", "UpdateFunctionConfiguration"} {
		if before[name] != after[name] {
			return fmt.Errorf("the third run called %s", name)
		}
	}

	f.server.Close() // by then all deployments are told
	for i, name := range fleetNames {
		served := f.served[name]
		for _, d := range served {
			if !d.Startable() {
				return fmt.Errorf("there was a moment with %+v", d)
			}
		}
		served = slices.DeleteFunc(served, func(d emulator.Deployment) bool { return d.Mixed })
		runtime, handler := lambda.ProvidedAL2023, "bootstrap"
		most := 3 // created, code, configuration; and once more what may have failed
		if c.action == fleet.Rollback {
			runtime, handler, most = f.goals[i].Previous, []string{"lambda", "bootstrap"}[i], 4
		}
		if last := served[len(served)-1]; last.Runtime != runtime || last.Handler != handler || len(last.Files) != 2 {
			return fmt.Errorf("%s ends as %+v", name, last)
		}
		if len(served) > most && (c.fails == 0 || len(served) > most+1) {
			return fmt.Errorf("%s was updated more often than needed: %+v", name, served)
		}
	}
	return nil
}

// TestTwoAtOnce deploys a fleet from two laptops, with the same code and with
// different code.
func TestTwoAtOnce(t *testing.T) {
	old, ours, theirs := legacyZips(t), writeZips(t, "ours"), writeZips(t, "theirs")
	var lost int
	for i := range 40 {
		same := i%4 == 0
		f, err := newWorld(ours, old)
		if err != nil {
			t.Fatal(err)
		}
		other := &world{server: f.server, goals: slices.Clone(f.goals)}
		for i := range other.goals {
			if !same {
				other.goals[i].Zips = theirs
			}
		}
		var errs [2]error
		var group sync.WaitGroup
		group.Go(func() { errs[0] = f.run(t.Context(), &network{}, fleet.Deploy) })
		group.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond / 2)
			errs[1] = other.run(t.Context(), &network{}, fleet.Deploy)
		})
		group.Wait()
		for _, err := range errs {
			if err == nil {
				continue
			}
			lost++
			if !strings.Contains(err.Error(), "somebody else has changed the function (") && !strings.Contains(err.Error(), "somebody else keeps changing the function") {
				t.Errorf("run %d: the loser is not told what happened: %v", i, err)
			}
		}
		if same && errs[0] != nil && errs[1] != nil {
			t.Errorf("run %d: both lost to the same code: %v, %v", i, errs[0], errs[1])
		}
		if err := f.run(t.Context(), &network{}, fleet.Deploy); err != nil {
			t.Errorf("run %d: deploying afterwards: %v", i, err)
		}
		f.server.Close() // by then all deployments are told
		for _, name := range fleetNames {
			for _, d := range f.served[name] {
				if !d.Startable() {
					t.Errorf("run %d: there was a moment with %+v", i, d)
				}
			}
			if last := f.served[name][len(f.served[name])-1]; last.Runtime != lambda.ProvidedAL2023 {
				t.Errorf("run %d: %s ends as %+v", i, name, last)
			}
		}
	}
	t.Logf("of 80 runs, %d lost to the other", lost)
	if lost == 0 {
		t.Error("the runs never met")
	}
}
