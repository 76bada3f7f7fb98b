package rollout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/lambdatest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// fault is what happens to one request: it is answered or fails, before or after
// the server has acted.
type fault struct {
	name string
	do   func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error)
	// passes reports whether a run survives the fault if it happens once.
	passes bool
}

func answered(status int, code string) func(*http.Request, func() (*http.Response, error)) (*http.Response, error) {
	return func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return lambdatest.Response(r, status, code, `{"Type":"User","Message":"the test wants it"}`), nil
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
		return lambdatest.Response(r, 500, "ServiceException", `{}`), nil
	}},
	{name: "slow", passes: true, do: func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		out, err := send()
		time.Sleep(8 * time.Millisecond)
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
		return lambdatest.Response(r, 200, "", `{"Configuration":{"FunctionName":"other","Runtime":"provided.al2023","Handler":"bootstrap","LastUpdateStatus":"Successful"}}`), nil
	}},
	{name: "a page of a proxy", do: func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return lambdatest.Response(r, 200, "", `<html>Please log in</html>`), nil
	}},
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// mostCalls is more calls than a run makes, even if it waits as long as it may.
const mostCalls = 10_000

// network carries the requests of a run to the emulator. The nth request, or each
// one from the nth on, meets a fault.
type network struct {
	inner   http.RoundTripper
	delay   func() time.Duration // before a request arrives; default none
	n       atomic.Int64
	at      int64
	persist bool
	fault   *fault
	struck  func() // called when the fault first happens
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	count := n.n.Add(1)
	if count > mostCalls {
		return nil, errors.New("the run has no end")
	}
	send := func() (*http.Response, error) {
		if n.delay != nil {
			time.Sleep(n.delay())
		}
		return n.inner.RoundTrip(r)
	}
	if n.fault == nil || count < n.at || count > n.at && !n.persist {
		return send()
	}
	if count == n.at {
		n.struck()
	}
	return n.fault.do(r, send)
}

// TestFaults deploys, cleans up and rolls back a fleet with every fault at every
// call: once, for good, and once with an interrupt. It also kills the run at every
// call. Then it does the same again without faults.
func TestFaults(t *testing.T) {
	zips := writeWorldZips(t, "new").unpack(t)
	cases := 0
	for _, j := range []journey{
		{name: "deploy", action: fleet.Deploy, start: unmigrated},
		{name: "deploy where AWS has blocked updates", action: fleet.Deploy, start: blocked},
		{name: "deploy over the bridge", action: fleet.Deploy, start: overBridge},
		{name: "clean up", action: fleet.Cleanup, start: switched},
		{name: "roll back", action: fleet.Rollback, start: switched},
		{name: "deploy without sources", action: fleet.Deploy, start: func(z worldZips) (*world, error) { return before(z, orphans) }},
		{name: "clean up without sources", action: fleet.Cleanup, start: func(z worldZips) (*world, error) { return after(z, orphans) }},
		{name: "deploy with snapshots", action: fleet.Deploy, start: uninsured, insured: true},
		{name: "roll back where AWS refuses it", action: fleet.Rollback, start: insured, insured: true, refused: true},
		{name: "deploy after a rollback that AWS has refused", action: fleet.Deploy, start: fallen, insured: true},
	} {
		calls, updates := j.count(t, zips)
		t.Logf("%s: %d calls, %d of them updates", j.name, calls, updates)
		for at := int64(1); at <= calls; at++ {
			var trials []trial
			for i := range faults {
				once := trial{journey: j, fault: &faults[i], at: at}
				forGood, interrupted := once, once
				forGood.persist, interrupted.interrupt = true, true
				switch {
				case !rollout.RaceDetector:
					trials = append(trials, once, forGood, interrupted)
				case int64(i) == at%int64(len(faults)): // they take long, and run the same code
					trials = append(trials, once)
				}
			}
			trials = append(trials, trial{journey: j, fault: killed, at: at, persist: true, interrupt: true})
			cases += len(trials)
			runTrials(t, fmt.Sprintf("%s, call %d", j.name, at), zips, trials)
		}
		for update := 1; update <= updates; update++ {
			cases++
			runTrials(t, fmt.Sprintf("%s, update %d", j.name, update), zips, []trial{{journey: j, fails: update}})
		}
	}
	t.Logf("%d cases: %d faults at each call, once, for good, and interrupted", cases, len(faults))
}

// runTrials runs trials one after another, at the same time as other subtests.
func runTrials(t *testing.T, name string, zips worldZips, trials []trial) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			for _, c := range trials {
				if err := c.run(t.Context(), zips); err != nil {
					t.Errorf("%v: %v", c, err)
				}
			}
		})
	})
}

// journey is an action and the world before it.
type journey struct {
	name   string
	action fleet.Action
	start  func(worldZips) (*world, error)

	insured bool // there are snapshots and event source mappings
	refused bool // AWS refuses the rollback
}

// count returns how many calls and updates a journey takes without faults.
func (j journey) count(t *testing.T, zips worldZips) (calls int64, updates int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, err := j.start(zips)
		if err != nil {
			t.Fatal(err)
		}
		defer w.server.Close()
		before := w.updates
		clean := &network{}
		if err := w.run(t.Context(), clean, j.action); err != nil {
			t.Fatal(err)
		}
		calls, updates = clean.n.Load(), w.updates-before
		layers, err := w.client().ListLayers(t.Context(), &sdk.ListLayersInput{})
		if err != nil || len(layers.Layers) > 0 {
			t.Errorf("%s leaves layers: %v, %v", j.name, layers, err)
		}
	})
	return calls, updates
}

// killed is the fault of a killed run, to the server: connections are refused for
// good, and nothing waits for them.
var killed = &faults[0]

// trial is one case of TestFaults.
type trial struct {
	journey
	fault     *fault
	at        int64
	persist   bool
	interrupt bool
	fails     int // instead of the fault: this update ends Failed
}

func (c trial) String() string {
	if c.fails > 0 {
		return fmt.Sprintf("%s: update %d ends Failed", c.name, c.fails)
	}
	return fmt.Sprintf("%s: %s at call %d, for good: %t, interrupted: %t", c.name, c.fault.name, c.at, c.persist, c.interrupt)
}

func (c trial) run(ctx context.Context, zips worldZips) error {
	w, err := c.start(zips)
	if err != nil {
		return err
	}
	defer w.server.Close()
	if c.fails > 0 {
		w.fails = w.updates + c.fails
	}
	if err := c.first(ctx, w); err != nil {
		return err
	}
	if c.fails > 0 && c.action != fleet.Deploy {
		if err := w.run(ctx, &network{}, fleet.Deploy); err != nil {
			return fmt.Errorf("deploying after the failed update: %w", err)
		}
	}
	if err := w.run(ctx, &network{}, c.action); err != nil {
		return fmt.Errorf("the second run failed: %w", err)
	}
	before := w.server.Calls()
	if err := w.run(ctx, &network{}, c.action); err != nil {
		return fmt.Errorf("the third run failed: %w", err)
	}
	after := w.server.Calls()
	for _, name := range []string{"UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion", "UpdateEventSourceMapping", "PublishLayerVersion"} {
		tried := c.refused && name == "UpdateFunctionConfiguration"
		if before[name] != after[name] && !tried {
			return fmt.Errorf("the third run called %s", name)
		}
	}
	if err := c.checkInsurance(w); err != nil {
		return err
	}
	w.server.Close() // after that all deployments are known
	return c.check(w)
}

// first does the run that meets the fault.
func (c trial) first(ctx context.Context, w *world) error {
	ctx, interrupt := context.WithCancel(ctx)
	defer interrupt()
	var struck atomic.Bool
	err := w.run(ctx, &network{fault: c.fault, at: c.at, persist: c.persist, struck: func() {
		struck.Store(!w.tidying) // after the functions are done, nothing may fail
		if c.interrupt {
			interrupt()
		}
	}}, c.action)
	if err == nil {
		if struck.Load() && c.persist && c.fault.name != "slow" || c.fails > 0 {
			return errors.New("the first run did not fail")
		}
		return nil
	}
	// A download that is answered with 429 is not retried.
	final := c.fault != nil && c.fault.name == "429" && strings.Contains(err.Error(), "reading the zip of")
	if !c.persist && !c.interrupt && c.fails == 0 && c.fault.passes && !final {
		return fmt.Errorf("the first run failed: %w", err)
	}
	place, ok := errors.AsType[*fleet.Error](err)
	if !ok || !slices.ContainsFunc(w.members, func(m member) bool { return m.name == place.Function }) || place.Doing == "" {
		return fmt.Errorf("the error does not say where it happened: %w", err)
	}
	return nil
}

// checkInsurance checks the snapshots, and what the event source mappings invoke in the
// end.
func (c trial) checkInsurance(w *world) error {
	version := ""
	if c.refused {
		version = "1"
	}
	if !c.insured {
		return nil
	}
	pass(updateTime) // the first run may have sent the last one
	return errors.Join(w.snapshots(), w.mapped(version))
}

// check checks what served, and what serves in the end.
func (c trial) check(w *world) error {
	if err := w.invariant(); err != nil {
		return err
	}
	for _, m := range w.members {
		runtime, handler, files, arch := lambda.ProvidedAL2023, lambda.Bootstrap, m.dualFiles(), lambda.X86_64
		switch c.action {
		case fleet.Cleanup:
			files, arch = m.cleanFiles(), m.cleanArchitecture()
		case fleet.Rollback:
			if !c.refused {
				runtime, handler = m.runtime, m.handler
			}
		}
		served := slices.DeleteFunc(w.served[m.name], func(d emulator.Deployment) bool { return d.Mixed })
		last := served[len(served)-1]
		if len(last.Layers) > 0 || last.Runtime != runtime || last.Handler != handler || !slices.Equal(last.Files, files) || last.Architecture != arch {
			return fmt.Errorf("%s ends as %+v, want %v on %s, %s", m.name, last, files, runtime, arch)
		}
		most := 3 // created, and two updates
		if c.name == "deploy over the bridge" {
			most = 5
		}
		switch {
		case c.fails > 0 && c.action == fleet.Deploy:
			most++ // the update that did not fail, again
		case c.fails > 0:
			most += 2 // code and configuration, by the deploy
		}
		if len(served) > most {
			return fmt.Errorf("%s was updated more often than needed: %+v", m.name, served)
		}
	}
	return nil
}
