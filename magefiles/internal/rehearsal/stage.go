package rehearsal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/traffic"
)

// stage is an emulator with functions, and what they did.
type stage struct {
	options   Options
	functions []*fleet.Function
	platform  build.Platform
	dir       string // for zips
	server    *emulator.Server
	client    *sdk.Client

	mu          sync.Mutex
	zips        map[string]func() ([]byte, error) // as before the migration, by binary
	served      map[string]emulator.Deployment    // the last one, by function
	deployments int
	unstartable []emulator.Deployment
	acts        []act
}

// openStage starts an emulator for the functions, which share an environment.
func openStage(ctx context.Context, o Options, functions []*fleet.Function) (*stage, error) {
	s := &stage{
		options: o, functions: functions, platform: build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH},
		zips: map[string]func() ([]byte, error){}, served: map[string]emulator.Deployment{},
	}
	if s.platform != build.AWS {
		o.UI.Notef("this machine cannot run %v: building the functions for %v instead", build.AWS, s.platform)
	}
	zones, err := zoneInfo(ctx, o.Go)
	if err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "dualboot-"); err != nil {
		return nil, err
	}
	env := functions[0].Environment
	s.server, err = emulator.Start(emulator.Options{
		Region:       env.Region,
		Account:      env.Account,
		UpdateTime:   o.Update,
		Window:       o.Window,
		Mixed:        true,
		HostBinaries: s.platform != build.AWS,
		ZoneInfo:     zones,
		OnServe:      s.serve,
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	s.client = sdk.NewFromConfig(s.server.Config())
	return s, nil
}

func (s *stage) close() {
	s.server.Close()
	os.RemoveAll(s.dir)
}

// polling polls often enough for the emulator's updates.
func (s *stage) polling() rollout.Options {
	first := max(s.options.Update/2, 10*time.Millisecond)
	return rollout.Options{FirstPoll: first, MaxPoll: 2 * first}
}

// zoneInfo returns the path of Go's time zone database.
func zoneInfo(ctx context.Context, gocmd string) (string, error) {
	root, err := exec.CommandContext(ctx, cmp.Or(gocmd, "go"), "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("finding GOROOT: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"), nil
}

// serve records a deployment that begins to serve.
func (s *stage) serve(d emulator.Deployment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !d.Mixed {
		s.served[d.Function] = d
	}
	s.deployments++
	if !d.Startable() {
		s.unstartable = append(s.unstartable, d)
	}
}

// build builds both binaries of the functions, and keeps those that compile.
func (s *stage) build(ctx context.Context) error {
	s.options.UI.Notef("building %s", text.Count(len(s.functions), "function"))
	list := make([]*build.Function, len(s.functions))
	for i, f := range s.functions {
		f.Build = build.Function{
			Name: f.Function.Name, Package: filepath.FromSlash(f.Function.Package), Tags: f.Function.Tags,
			Binaries: []build.Binary{build.Lambda, build.Bootstrap},
		}
		list[i] = &f.Build
	}
	if err := build.Build(ctx, build.Options{Go: s.options.Go, Platform: s.platform, Out: filepath.Join("bin", ".build")}, list); err != nil {
		s.functions = nil
		return err
	}
	for _, f := range s.functions {
		if f.Build.Err != nil {
			f.Fail(fleet.Building, "building", f.Build.Err)
		}
	}
	return s.drop()
}

// create creates the functions as they were before the migration: on go1.x with a
// zip of lambda, or, if they never were on go1.x, on provided.al2 with a zip of
// bootstrap. It keeps those that it could create.
func (s *stage) create(ctx context.Context) error {
	s.options.UI.Notef("creating %s on the emulator, as before any migration", text.Count(len(s.functions), "function"))
	fleet.Each(s.functions, runtime.GOMAXPROCS(0), func(f *fleet.Function) {
		if err := s.createOne(ctx, f); err != nil {
			f.Fail(fleet.Rehearsal, "creating", err)
		}
	})
	return s.drop()
}

// drop removes the functions that failed and returns their errors.
func (s *stage) drop() error {
	err := fleet.Errors(s.functions)
	s.functions = slices.DeleteFunc(s.functions, func(f *fleet.Function) bool { return f.Err != nil })
	return err
}

func (s *stage) createOne(ctx context.Context, f *fleet.Function) error {
	origin := lambda.ProvidedAL2
	if f.Function.Dual {
		origin = lambda.Go1x
	}
	handler := lambda.Handler(origin)
	zip, err := s.zipBefore(handler, f.Build.Files[build.Binary(handler)])
	if err != nil {
		return err
	}
	_, err = s.client.CreateFunction(ctx, &sdk.CreateFunctionInput{
		FunctionName: &f.FunctionName,
		Runtime:      types.Runtime(origin),
		Handler:      &handler,
		Role:         aws.String("arn:aws:iam::" + s.server.Account() + ":role/" + f.FunctionName),
		Timeout:      aws.Int32(10),
		Code:         &types.FunctionCode{ZipFile: zip},
	})
	if err != nil {
		return err
	}
	waiter := sdk.NewFunctionActiveV2Waiter(s.client, func(o *sdk.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, max(s.options.Update, 20*time.Millisecond)
	})
	return waiter.Wait(ctx, &sdk.GetFunctionInput{FunctionName: &f.FunctionName}, time.Minute+s.options.Update)
}

// zipBefore returns a zip of one binary under the name. It is made once for all
// functions that share the binary.
func (s *stage) zipBefore(name, binary string) ([]byte, error) {
	s.mu.Lock()
	zip := s.zips[binary]
	if zip == nil {
		path := filepath.Join(s.dir, fmt.Sprintf("before-%d.zip", len(s.zips)))
		zip = sync.OnceValues(func() ([]byte, error) {
			file, err := bundle.Compress(name, binary)
			if err != nil {
				return nil, err
			}
			pkg, err := bundle.Zip(path, file)
			if err != nil {
				return nil, err
			}
			return pkg.Read()
		})
		s.zips[binary] = zip
	}
	s.mu.Unlock()
	return zip()
}

// traffic begins to send events to the functions, except those that failed
// before: they may need more than a rehearsal has.
func (s *stage) traffic(ctx context.Context, o traffic.Options) (*traffic.Traffic, error) {
	var sources []traffic.Source
	for _, f := range s.functions {
		if len(s.acts) > 0 && s.acts[0].answers[f.FunctionName].failure != "" || s.options.Rate == 0 {
			continue
		}
		sample, err := event(f)
		if err != nil {
			return nil, err
		}
		sources = append(sources, traffic.Source{Function: f.FunctionName, Event: sample})
	}
	s.options.UI.Notef("sending events to %s", text.Count(len(sources), "function"))
	return traffic.Start(ctx, s.server.Config(), sources, o)
}
