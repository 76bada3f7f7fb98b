package rehearsal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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
	"example.com/dualboot/magefiles/internal/sample"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/traffic"
	"example.com/dualboot/magefiles/internal/upload"
)

// stage is an emulator with functions, and what they did.
type stage struct {
	options   Options
	functions []*fleet.Function
	origins   map[*fleet.Function]origin // of those without sources
	samples   map[string]sample.Set      // by function name
	host      bool                       // build for this machine, which cannot run what is built for Lambda
	dir       string                     // for zips
	before    *bundle.Packer
	server    *emulator.Server
	client    *sdk.Client

	mu          sync.Mutex
	served      map[string]emulator.Deployment // the last one, by function
	deployments int
	unstartable []emulator.Deployment
	acts        []act
}

// openStage starts an emulator for the functions, which share an environment. It
// fails if one of them has a sample that cannot be used.
func openStage(ctx context.Context, o Options, functions []*fleet.Function) (*stage, error) {
	s := &stage{
		options: o, functions: functions, samples: map[string]sample.Set{}, served: map[string]emulator.Deployment{},
	}
	for _, f := range functions {
		set, err := sampleOf(f)
		if err != nil {
			f.Fail(fleet.Rehearsal, "reading the events and variables of", err)
		}
		s.samples[f.FunctionName] = set
	}
	if err := fleet.Errors(functions); err != nil {
		return nil, err
	}
	if here := (build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}); here != build.AWS {
		s.host = true
		o.UI.Notef("this machine cannot run %v: building the functions for %v instead", build.AWS, here)
	}
	zones, err := build.ZoneInfo(ctx, o.Go)
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
		Blocked:      blocked(o.Blocked),
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

func sampleOf(f *fleet.Function) (sample.Set, error) {
	if f.Function.Deployed() {
		return sample.LoadDir(filepath.FromSlash(f.Function.Testdata))
	}
	return sample.Load(filepath.FromSlash(f.Function.Package), f.Function.Tags)
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

// deployed returns how many deployments have begun to serve, and those of them that
// cannot start.
func (s *stage) deployed() (n int, unstartable []emulator.Deployment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deployments, slices.Clone(s.unstartable)
}

// build builds the binaries of the functions as they are before and after the
// migration, and keeps the functions that compile.
func (s *stage) build(ctx context.Context) error {
	var list []*build.Function
	for _, f := range s.functions {
		if f.Function.Deployed() {
			continue
		}
		f.Build = command.BuildOf(f)
		for _, b := range []build.Binary{legacyBinary, bootstrapBinary} {
			if !slices.Contains(f.Build.Binaries, b) {
				f.Build.Binaries = append(f.Build.Binaries, b)
			}
		}
		list = append(list, &f.Build)
	}
	if len(list) == 0 {
		return nil
	}
	s.options.UI.Notef("building %s", text.Count(len(list), "function"))
	building := s.options.UI.Stage("building", "binary", 0)
	defer building.End()
	if err := build.Build(ctx, build.Options{Go: s.options.Go, Host: s.host, Out: filepath.Join("bin", ".build"), Progress: building.Set}, list); err != nil {
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
// zip of the legacy binary, or, if they come from another runtime, on provided.al2
// with a zip of bootstrap. The zips also have the files to include. All are on x86_64.
// Those without sources are created as they were on AWS, with the zips that they had. It
// keeps those that it could create.
func (s *stage) create(ctx context.Context) error {
	s.options.UI.Notef("creating %s on the emulator, as before any migration", text.Count(len(s.functions), "function"))
	creating := s.options.UI.Stage("creating", "function", len(s.functions))
	// Each waits for the emulator most of the time.
	fleet.Each(s.functions, 4*runtime.GOMAXPROCS(0), func(f *fleet.Function) {
		defer creating.Done()
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
	was, err := s.asBefore(ctx, f)
	if err != nil {
		return err
	}
	code, err := s.code(ctx, f, was.zip)
	if err != nil {
		return err
	}
	input := &sdk.CreateFunctionInput{
		FunctionName:  &f.FunctionName,
		Runtime:       types.Runtime(was.Runtime),
		Handler:       &was.Handler,
		Role:          aws.String("arn:aws:iam::" + s.server.Account() + ":role/" + f.FunctionName),
		Timeout:       aws.Int32(10),
		Architectures: []types.Architecture{types.Architecture(was.zip.Architecture)},
		Code:          code,
	}
	if variables := s.samples[f.FunctionName].Variables; len(variables) > 0 {
		input.Environment = &types.Environment{Variables: variables}
	}
	if _, err := s.client.CreateFunction(ctx, input); err != nil {
		return err
	}
	return s.active(ctx, f.FunctionName, nil)
}

// active waits until a function, or one of its versions, can be invoked.
func (s *stage) active(ctx context.Context, function string, version *string) error {
	waiter := sdk.NewFunctionActiveV2Waiter(s.client, func(o *sdk.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, max(s.options.Update, 20*time.Millisecond)
	})
	return waiter.Wait(ctx, &sdk.GetFunctionInput{FunctionName: &function, Qualifier: version}, time.Minute+s.options.Update)
}

// asBefore returns what a function is before the migration.
func (s *stage) asBefore(ctx context.Context, f *fleet.Function) (was origin, err error) {
	if was, ok := s.origins[f]; ok {
		return was, nil
	}
	was.Runtime, was.Handler = lambda.ProvidedAL2, lambda.Bootstrap
	binary := bootstrapBinary
	if f.RollbackTo == lambda.Go1x {
		was.Runtime, was.Handler, binary = lambda.Go1x, f.Function.LegacyName(), legacyBinary
	}
	was.zip, err = s.zipBefore(ctx, f, was.Handler, f.Build.Files[binary])
	return was, err
}

// zipBefore returns the zip of a function before the migration, as another tool
// makes it.
func (s *stage) zipBefore(ctx context.Context, f *fleet.Function, name, binary string) (*lambda.Package, error) {
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
	return packages[0], nil
}

// code sends the zip of a function to the bucket, if it is large, or returns it.
func (s *stage) code(ctx context.Context, f *fleet.Function, pkg *lambda.Package) (*types.FunctionCode, error) {
	if bucket := f.Environment.Bucket; pkg.Size >= lambda.MaxZipped && bucket != "" {
		key, err := upload.New(s.server.Config(), bucket).Put(ctx, pkg)
		return &types.FunctionCode{S3Bucket: &bucket, S3Key: &key}, err
	}
	zip, err := pkg.Read()
	return &types.FunctionCode{ZipFile: zip}, err
}

// traffic begins to send events to the functions.
func (s *stage) traffic(ctx context.Context, o traffic.Options) (*traffic.Traffic, error) {
	var sources []traffic.Source
	receivers := 0
	for _, f := range s.functions {
		own := s.sources(f.FunctionName)
		if s.options.Rate == 0 || len(own) == 0 {
			continue
		}
		sources = append(sources, own...)
		receivers++
	}
	switch {
	case receivers > 0:
		s.options.UI.Notef("sending events to %s", text.Count(receivers, "function"))
	case s.options.Rate == 0:
		s.options.UI.Notef("sending no events: -rate is 0")
	default:
		s.options.UI.Notef("sending no events: no function answered without an error")
	}
	return traffic.Start(ctx, s.server.Config(), sources, o)
}

// sources returns a source for each kind of events that a function has, without the
// events that it failed before: it may need more than a rehearsal has.
func (s *stage) sources(function string) (sources []traffic.Source) {
	of := map[traffic.Kind]int{} // index into sources
	for i, event := range s.samples[function].Events {
		if len(s.acts) > 0 && s.acts[0].answers[function][i].failed() {
			continue
		}
		at, ok := of[event.Kind]
		if !ok {
			at = len(sources)
			of[event.Kind] = at
			sources = append(sources, traffic.Source{Function: function})
		}
		sources[at].Events = append(sources[at].Events, event.JSON)
	}
	return sources
}

// noteMadeUp notes which functions get a made-up event.
func (s *stage) noteMadeUp() {
	for _, f := range s.functions {
		if e := s.samples[f.FunctionName].Events[0]; e.Origin == sample.MadeUp {
			s.options.UI.Notef("%s: has no event, and its handler takes %s events: making one up", f.FunctionName, e.Shape)
		}
	}
}
