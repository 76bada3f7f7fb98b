package rollout_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/emulator/zips"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/lambdatest"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// member is a function of a world, and how it was before its migration.
type member struct {
	name, runtime, handler string
	files                  []string // in its zip, made by another tool
	deployed               bool     // it has no sources
}

// members are the fleet of a world. The first function has a file besides its
// binary, and moves to arm64 with the cleanup.
var members = []member{
	{"legacy", lambda.Go1x, "bin/foo", []string{"bin/foo", "config.json"}, false},
	{"al2", lambda.ProvidedAL2, "bootstrap", []string{"bootstrap"}, false},
}

// orphans are a fleet without sources.
var orphans = []member{{"orphan", lambda.Go1x, "main", []string{"main", "config.json"}, true}}

// stranded are a fleet that needs the bridge once AWS has blocked updates of go1.x.
var stranded = []member{{"stranded", lambda.Go1x, "main", []string{"main"}, false}}

// dualFiles returns the files in the function's dual zip.
func (m member) dualFiles() []string {
	if m.runtime == lambda.Go1x {
		return slices.Sorted(slices.Values(append([]string{lambda.Bootstrap}, m.files...)))
	}
	return []string{"bootstrap", "lambda"}
}

// cleanFiles returns the files in the function's zip after the cleanup.
func (m member) cleanFiles() []string {
	return slices.DeleteFunc(m.dualFiles(), func(name string) bool {
		return name == m.handler && name != lambda.Bootstrap || name == lambda.LegacyBinary
	})
}

// cleanArchitecture returns the architecture after the cleanup.
func (m member) cleanArchitecture() string {
	if m.runtime == lambda.Go1x && !m.deployed {
		return lambda.ARM64
	}
	return lambda.X86_64
}

// worldZips are the packages of the members by name.
type worldZips struct {
	of map[string]lambda.Zips
	// unpacked has all zips of a world, so that its emulator need not unpack them;
	// nil for an emulator that keeps only what may serve.
	unpacked *zips.Store
}

// writeWorldZips writes the packages of the members. Their content depends on the
// text.
func writeWorldZips(t *testing.T, text string) worldZips {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n: "+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	entries := func(names []string) (list []bundle.Entry) {
		for _, name := range names {
			list = append(list, bundle.Entry{Name: name, Path: path, Mode: 0o755})
		}
		return list
	}
	all := map[string]lambda.Zips{}
	for _, m := range slices.Concat(members, stranded) {
		legacy := lambda.LegacyBinary
		if m.runtime == lambda.Go1x {
			legacy = m.handler
		}
		packages, err := bundle.NewPacker(dir).Pack(t.Context(), m.name,
			bundle.Spec{File: bundle.DualZip, Legacy: legacy, Architecture: lambda.X86_64, Entries: entries(m.dualFiles())},
			bundle.Spec{File: bundle.BootstrapZip, Architecture: m.cleanArchitecture(), Entries: entries(m.cleanFiles())})
		if err != nil {
			t.Fatal(err)
		}
		all[m.name] = lambda.Zips{Dual: packages[0], Bootstrap: packages[1]}
	}
	for _, m := range orphans {
		path := filepath.Join(dir, m.name+".zip")
		if err := os.WriteFile(path, lambdatest.Executables(m.files...), 0o600); err != nil {
			t.Fatal(err)
		}
		dual := derived(t, dir, path, m.name, bundle.Derivation{Legacy: m.handler})
		all[m.name] = lambda.Zips{Dual: dual, Bootstrap: derived(t, dir, dual.Path, m.name+"/clean", bundle.Derivation{})}
	}
	return worldZips{of: all}
}

// derived returns the package that is made from a deployed zip.
func derived(t *testing.T, dir, path, name string, to bundle.Derivation) *lambda.Package {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to.Architecture = lambda.X86_64
	d, err := bundle.OpenDeployed(path, lambda.CodeSha256(sha256.Sum256(data)), to.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, err := bundle.NewPacker(dir).Derive(t.Context(), name, d, to)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// derive gives a function without sources the packages that a command makes from the
// zip that was observed.
func (z worldZips) derive(f *fleet.Function) {
	all := z.of[f.FunctionName]
	kept := func(p lambda.Package) *lambda.Package {
		p.Replaces = p.CodeSha256
		return &p
	}
	switch f.Observed.CodeSha256 {
	case all.Dual.CodeSha256:
		f.Zips = lambda.Zips{Dual: kept(*all.Dual)}
		if f.Action == fleet.Cleanup {
			f.Zips.Bootstrap = all.Bootstrap
		}
	case all.Bootstrap.CodeSha256:
		f.Zips = lambda.Zips{Bootstrap: kept(*all.Bootstrap)}
	default:
		f.Zips = lambda.Zips{Dual: all.Dual}
	}
}

// unpack returns the zips with all of them unpacked.
func (z worldZips) unpack(t *testing.T) worldZips {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() { _ = zips.RemoveTree(dir) }) // in which directories are write-protected
	z.unpacked = zips.NewStore(dir, lambda.MaxUnzipped)
	for _, m := range slices.Concat(members, stranded, orphans) {
		all := [][]byte{lambdatest.Executables(m.files...), lambdatest.Executables(m.dualFiles()...)}
		for _, p := range []*lambda.Package{z.of[m.name].Dual, z.of[m.name].Bootstrap} {
			zip, err := p.Read()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, zip)
		}
		for _, zip := range all {
			if _, err := z.unpacked.Add(zip); err != nil {
				t.Fatal(err)
			}
		}
	}
	return z
}

// The times of a world, on a fake clock.
const (
	// updateTime is how long a new function is Pending, and an update InProgress.
	updateTime = 2 * time.Millisecond
	// settle is the settle delay. The emulator's window is as long: after an
	// update, the version before may serve until then. It is longer than an update
	// with its poll takes, so that two updates without a settle delay between them
	// mix.
	settle = 12 * time.Millisecond
)

// world is an emulator with a fleet. It runs in a bubble of testing/synctest.
type world struct {
	zips    worldZips
	members []member
	server  *emulator.Server
	network http.RoundTripper // leads to the server
	goals   []fleet.Function  // as a command has them before it reads them

	mu      sync.Mutex
	served  map[string][]emulator.Deployment
	fails   int // this update ends Failed, counted from 1
	updates int
	tidying bool // the functions are done, and unused layers are deleted
}

// unmigrated starts a world before the first deploy.
func unmigrated(zips worldZips) (*world, error) { return before(zips, members) }

func before(zips worldZips, members []member) (*world, error) {
	return newWorld(zips, members, emulator.Options{}, func(m member) ([]byte, error) { return lambdatest.Executables(m.files...), nil })
}

// blocked starts a world with dual zips of another tool, in which AWS has blocked
// updates of the previous runtimes.
func blocked(zips worldZips) (*world, error) {
	w, err := newWorld(zips, members, emulator.Options{Blocked: []string{lambda.Go1x, lambda.ProvidedAL2}}, func(m member) ([]byte, error) {
		return lambdatest.Executables(m.dualFiles()...), nil
	})
	if err == nil {
		w.goals[0].Function.Handler = members[0].handler // after the switch, the zip does not tell
	}
	return w, err
}

// overBridge starts a world in which AWS has blocked updates of go1.x, with zips that
// only go1.x starts.
func overBridge(zips worldZips) (*world, error) {
	return newWorld(zips, stranded, emulator.Options{Blocked: []string{lambda.Go1x}}, func(m member) ([]byte, error) {
		return lambdatest.Executables(m.files...), nil
	})
}

// switched starts a world right after the first deploy: what served before the
// switch may still serve.
func switched(zips worldZips) (*world, error) { return after(zips, members) }

func after(zips worldZips, members []member) (*world, error) {
	w, err := newWorld(zips, members, emulator.Options{}, func(m member) ([]byte, error) { return zips.of[m.name].Dual.Read() })
	if err != nil {
		return nil, err
	}
	return w, w.move()
}

// move switches the runtime of all functions.
func (w *world) move() error {
	for _, m := range w.members {
		if _, err := w.client().UpdateFunctionConfiguration(context.Background(), &sdk.UpdateFunctionConfigurationInput{
			FunctionName: &m.name, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		}); err != nil {
			return errors.Join(err, w.server.Close())
		}
	}
	pass(updateTime)
	return nil
}

// pass lets the time pass, with everything that happens meanwhile.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// newWorld starts a world with functions on their previous runtimes.
func newWorld(zips worldZips, members []member, options emulator.Options, deployed func(member) ([]byte, error)) (*world, error) {
	w := &world{zips: zips, members: members, served: map[string][]emulator.Deployment{}}
	options.UpdateTime, options.Window, options.Mixed = updateTime, settle, true
	options.Packages = zips.unpacked
	options.OnServe = func(d emulator.Deployment) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.served[d.Function] = append(w.served[d.Function], d)
	}
	options.FailUpdate = func(string, string) *emulator.Failure {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.updates++; w.updates != w.fails {
			return nil
		}
		return &emulator.Failure{Reason: "the test wants it", ReasonCode: "InternalError"}
	}
	server, handler, err := emulator.NewOffline(options)
	if err != nil {
		return nil, err
	}
	w.server, w.network = server, lambdatest.Direct(handler)
	for _, m := range members {
		zip, err := deployed(m)
		if err == nil {
			err = w.create(m, zip)
		}
		if err != nil {
			return nil, errors.Join(err, server.Close())
		}
		target := manifest.Target{FunctionName: m.name, Dual: true}
		if m.deployed {
			target.Function.Source = manifest.Deployed
		}
		if m.cleanArchitecture() == lambda.ARM64 {
			target.Architecture = lambda.ARM64
		}
		w.goals = append(w.goals, fleet.Function{Target: target, Zips: zips.of[m.name], Goal: fleet.Goal{Settle: settle, Previous: m.runtime}})
	}
	pass(updateTime)
	return w, nil
}

// client returns a client without faults.
func (w *world) client() *sdk.Client {
	cfg := w.server.Config()
	cfg.HTTPClient = &http.Client{Transport: w.network}
	return sdk.NewFromConfig(cfg)
}

// create creates a function, which is Pending at first.
func (w *world) create(m member, zip []byte) error {
	_, err := w.client().CreateFunction(context.Background(), &sdk.CreateFunctionInput{
		FunctionName: &m.name, Runtime: types.Runtime(m.runtime), Handler: &m.handler,
		Role: aws.String("arn:aws:iam::123456789012:role/r"), Code: &types.FunctionCode{ZipFile: zip},
	})
	return err
}

// run does the action for one function after the other.
func (w *world) run(ctx context.Context, n *network, action fleet.Action) error {
	cfg := w.server.Config()
	n.inner = w.network
	cfg.HTTPClient = &http.Client{Transport: n}
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.RateLimiter = ratelimit.None
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
		})
	}
	r := rollout.New(sdk.NewFromConfig(cfg), rollout.Options{
		FirstPoll: 3 * time.Millisecond, MaxPoll: 2 * time.Millisecond, Limit: 3 * time.Second, Stale: 30 * time.Millisecond, Grace: 50 * time.Millisecond,
		HTTP:   cfg.HTTPClient,
		Check:  func(context.Context, lambda.State, string) error { return nil },
		Bridge: func(context.Context) (bundle.Layer, error) { return bridge, nil },
	})
	var functions []*fleet.Function
	for _, goal := range w.goals {
		goal.Action = action
		functions = append(functions, &goal)
	}
	fleet.Each(functions, 1, func(f *fleet.Function) {
		if !f.Function.Deployed() {
			observe(ctx, r, f)
		} else if r.Observe(ctx, f); f.Err == nil {
			r.Inspect(ctx, f)
			w.zips.derive(f)
		}
	})
	fleet.Each(functions, 1, func(f *fleet.Function) { r.Apply(ctx, f) })
	w.tidying = true
	_, _ = r.Tidy(ctx) // whatever happens, the functions are as they are
	w.tidying = false
	return fleet.Errors(functions)
}

// bridge is the layer that starts what the handler names.
var bridge = func() bundle.Layer {
	layer, err := bundle.Bridge(os.DevNull)
	if err != nil {
		panic(err)
	}
	return layer
}()

// invariant returns an error if a function could not start at some moment.
func (w *world) invariant() error {
	for _, m := range w.members {
		for _, d := range w.served[m.name] {
			if !d.Startable() {
				return fmt.Errorf("there was a moment with %+v", d)
			}
		}
	}
	return nil
}
