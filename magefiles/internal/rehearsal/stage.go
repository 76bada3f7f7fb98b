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
	"example.com/dualboot/magefiles/internal/command"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/traffic"
	"example.com/dualboot/magefiles/internal/upload"
)

// stage is an emulator with functions, and what they did.
type stage struct {
	options   Options
	functions []*fleet.Function
	host      bool   // build for this machine, which cannot run what is built for Lambda
	dir       string // for zips
	before    *bundle.Packer
	server    *emulator.Server
	client    *sdk.Client

	mu          sync.Mutex
	served      map[string]emulator.Deployment // the last one, by function
	deployments int
	unstartable []emulator.Deployment
	acts        []act
}

// openStage starts an emulator for the functions, which share an environment.
func openStage(ctx context.Context, o Options, functions []*fleet.Function) (*stage, error) {
	s := &stage{
		options: o, functions: functions, served: map[string]emulator.Deployment{},
	}
	if here := (build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}); here != build.AWS {
		s.host = true
		o.UI.Notef("this machine cannot run %v: building the functions for %v instead", build.AWS, here)
	}
	zones, err := zoneInfo(ctx, o.Go)
	if err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "dualboot-"); err != nil {
		return nil, err
	}
	s.before = bundle.NewPacker(filepath.Join(s.dir, "before"))
	env := functions[0].Environment
	s.server, err = emulator.Start(emulator.Options{
		Region:       env.Region,
		Account:      env.Account,
		UpdateTime:   o.Update,
		Window:       o.Window,
		Mixed:        true,
		HostBinaries: s.host,
		HostBuild:    hostBuild(o.Go, s.packages, o.UI.Notef),
		Buckets:      buckets(env),
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

// build builds the binaries of the functions as they are before and after the
// migration, and keeps the functions that compile.
func (s *stage) build(ctx context.Context) error {
	s.options.UI.Notef("building %s", text.Count(len(s.functions), "function"))
	list := make([]*build.Function, len(s.functions))
	for i, f := range s.functions {
		f.Build = command.BuildOf(f)
		for _, b := range []build.Binary{legacyBinary, bootstrapBinary} {
			if !slices.Contains(f.Build.Binaries, b) {
				f.Build.Binaries = append(f.Build.Binaries, b)
			}
		}
		list[i] = &f.Build
	}
	if err := build.Build(ctx, build.Options{Go: s.options.Go, Host: s.host, Out: filepath.Join("bin", ".build")}, list); err != nil {
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

// The binaries of functions before the migration.
var (
	legacyBinary    = build.Binary{Kind: build.Legacy, Architecture: lambda.X86_64}
	bootstrapBinary = build.Binary{Kind: build.Bootstrap, Architecture: lambda.X86_64}
)

// create creates the functions as they were before the migration: on go1.x with a
// zip of the legacy binary, or, if they never were on go1.x, on provided.al2 with a
// zip of bootstrap. The zips also have the files to include. All are on x86_64. It
// keeps those that it could create.
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
	origin, handler, binary := lambda.ProvidedAL2, lambda.Bootstrap, bootstrapBinary
	if f.Function.Dual {
		origin, handler, binary = lambda.Go1x, f.Function.LegacyName(), legacyBinary
	}
	zip, err := s.zipBefore(ctx, f, handler, f.Build.Files[binary])
	if err != nil {
		return err
	}
	_, err = s.client.CreateFunction(ctx, &sdk.CreateFunctionInput{
		FunctionName: &f.FunctionName,
		Runtime:      types.Runtime(origin),
		Handler:      &handler,
		Role:         aws.String("arn:aws:iam::" + s.server.Account() + ":role/" + f.FunctionName),
		Timeout:      aws.Int32(10),
		Code:         zip,
	})
	if err != nil {
		return err
	}
	waiter := sdk.NewFunctionActiveV2Waiter(s.client, func(o *sdk.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, max(s.options.Update, 20*time.Millisecond)
	})
	return waiter.Wait(ctx, &sdk.GetFunctionInput{FunctionName: &f.FunctionName}, time.Minute+s.options.Update)
}

// zipBefore returns the zip of a function before the migration, as another tool
// makes it.
func (s *stage) zipBefore(ctx context.Context, f *fleet.Function, name, binary string) (*types.FunctionCode, error) {
	entries, err := s.before.Include(filepath.FromSlash(f.Function.Package), f.Function.Include)
	if err != nil {
		return nil, err
	}
	packages, err := s.before.Pack(ctx, f.Function.Name, bundle.Spec{
		File: "before.zip", Unmarked: true, Architecture: lambda.X86_64,
		Entries: append(entries, bundle.Entry{Name: name, Path: binary, Mode: 0o755}),
	})
	if err != nil {
		return nil, err
	}
	if bucket := f.Environment.Bucket; packages[0].Size >= lambda.MaxZipped && bucket != "" {
		key, err := upload.New(s.server.Config(), bucket).Put(ctx, packages[0])
		return &types.FunctionCode{S3Bucket: &bucket, S3Key: &key}, err
	}
	zip, err := packages[0].Read()
	return &types.FunctionCode{ZipFile: zip}, err
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
