package rehearsal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/traffic"
	"example.com/dualboot/magefiles/internal/ui"
)

// stage is the emulator with functions on it, and what was seen of them.
type stage struct {
	options  Options
	targets  []manifest.Target
	platform build.Platform
	dir      string // for zips
	progress *ui.Progress
	server   *emulator.Server
	client   *lambda.Client
	files    []map[build.Binary]string // the binaries of each target

	mu          sync.Mutex
	served      map[string]emulator.Deployment // the last, by function
	states      int
	unstartable []emulator.Deployment

	acts []act
}

// act is how the functions stood at one moment.
type act struct {
	name   string
	served map[string]emulator.Deployment
	answer map[string]answer
}

// answer is what a function said to its event.
type answer struct {
	payload string
	failure string // the type of the function error, or why there was no answer
}

// openStage starts an emulator for the targets, which share an environment.
func openStage(ctx context.Context, o Options, targets []manifest.Target) (*stage, error) {
	o.Stdout = cmp.Or[io.Writer](o.Stdout, os.Stdout)
	o.Stderr = cmp.Or[io.Writer](o.Stderr, os.Stderr)
	s := &stage{options: o, targets: targets, platform: build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}, progress: ui.NewProgress(o.Stderr), served: map[string]emulator.Deployment{}}
	if s.platform != build.AWS {
		s.progress.Printf("this machine cannot run %v: the functions are built for %v instead", build.AWS, s.platform)
	}
	zones, err := zoneInfo(ctx, o.Go)
	if err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "dualboot-"); err != nil {
		return nil, err
	}
	environment := targets[0].Environment
	s.server, err = emulator.Start(emulator.Options{
		Region:       environment.Region,
		Account:      environment.Account,
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
	s.client = lambda.NewFromConfig(s.server.Config())
	return s, nil
}

func (s *stage) close() {
	s.server.Close()
	os.RemoveAll(s.dir)
}

// polling looks at updates often enough.
func (s *stage) polling() rollout.Options {
	first := max(s.options.Update/2, 10*time.Millisecond)
	return rollout.Options{FirstPoll: first, MaxPoll: 2 * first}
}

// zoneInfo is the time zone database that comes with Go.
func zoneInfo(ctx context.Context, gocmd string) (string, error) {
	root, err := exec.CommandContext(ctx, cmp.Or(gocmd, "go"), "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("finding GOROOT: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"), nil
}

func (s *stage) serve(d emulator.Deployment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !d.Mixed {
		s.served[d.Function] = d
	}
	s.states++
	if !d.Startable() {
		s.unstartable = append(s.unstartable, d)
	}
}

// build builds both binaries of the functions, and goes on with those that
// compile.
func (s *stage) build(ctx context.Context) error {
	s.progress.Printf("building %s", ui.Functions(len(s.targets)))
	functions := make([]build.Function, len(s.targets))
	for i, t := range s.targets {
		functions[i] = build.Function{
			Name: t.Function.Name, Package: filepath.FromSlash(t.Function.Package), Tags: t.Function.Tags,
			Binaries: []build.Binary{build.Lambda, build.Bootstrap},
		}
	}
	results, err := build.Build(ctx, build.Options{Go: s.options.Go, Platform: s.platform, Out: filepath.Join("bin", ".build")}, functions)
	if err != nil {
		s.targets = nil
		return err
	}
	errs := make([]error, len(results))
	for i, r := range results {
		s.files = append(s.files, r.Files)
		if r.Err != nil {
			errs[i] = &rollout.FunctionError{Function: s.targets[i].FunctionName, Doing: "building", Err: r.Err}
		}
	}
	s.leave(errs)
	return rollout.Failures(errs)
}

// create makes the functions as they stood before: on go1.x with a zip that
// holds only lambda, or, for one that never ran there, on provided.al2 with
// only bootstrap. It goes on with those that it could make.
func (s *stage) create(ctx context.Context) error {
	s.progress.Printf("creating %s on the emulator, as before any migration", ui.Functions(len(s.targets)))
	errs := make([]error, len(s.targets))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, t := range s.targets {
		group.Go(func() error {
			err := s.createOne(ctx, t, filepath.Join(s.dir, t.Function.Name, "before.zip"), s.files[i][legacy(t).binary])
			if err != nil {
				errs[i] = &rollout.FunctionError{Function: t.FunctionName, Doing: "creating", Err: err}
			}
			return nil
		})
	}
	_ = group.Wait()
	s.leave(errs)
	return rollout.Failures(errs)
}

// leave drops the targets that have an error.
func (s *stage) leave(errs []error) {
	targets, files := s.targets, s.files
	s.targets, s.files = nil, nil
	for i, err := range errs {
		if err == nil {
			s.targets, s.files = append(s.targets, targets[i]), append(s.files, files[i])
		}
	}
}

// origin is where a function comes from.
type origin struct {
	binary  build.Binary
	runtime types.Runtime
}

func legacy(t manifest.Target) origin {
	if t.Function.Dual {
		return origin{build.Lambda, types.RuntimeGo1x}
	}
	return origin{build.Bootstrap, types.RuntimeProvidedal2}
}

func (s *stage) createOne(ctx context.Context, t manifest.Target, path, binary string) error {
	from := legacy(t)
	file, err := bundle.Compress(string(from.binary), binary)
	if err != nil {
		return err
	}
	pkg, err := bundle.Zip(path, file)
	if err != nil {
		return err
	}
	zip, err := pkg.Read()
	if err != nil {
		return err
	}
	_, err = s.client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &t.FunctionName,
		Runtime:      from.runtime,
		Handler:      aws.String(string(from.binary)),
		Role:         aws.String("arn:aws:iam::" + s.server.Account() + ":role/" + t.FunctionName),
		Timeout:      aws.Int32(10),
		Code:         &types.FunctionCode{ZipFile: zip},
	})
	if err != nil {
		return err
	}
	waiter := lambda.NewFunctionActiveV2Waiter(s.client, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, max(s.options.Update, 20*time.Millisecond)
	})
	return waiter.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &t.FunctionName}, time.Minute+s.options.Update)
}

// record invokes all functions and notes how they stand.
func (s *stage) record(ctx context.Context, name string) {
	if ctx.Err() != nil {
		return
	}
	s.progress.Printf("invoking %s", ui.Functions(len(s.targets)))
	answers := make([]answer, len(s.targets))
	var group errgroup.Group
	group.SetLimit(4 * runtime.GOMAXPROCS(0))
	for i, t := range s.targets {
		group.Go(func() error {
			answers[i] = s.invoke(ctx, t)
			return nil
		})
	}
	_ = group.Wait()

	a := act{name: name, served: map[string]emulator.Deployment{}, answer: map[string]answer{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range s.targets {
		a.served[t.FunctionName] = s.served[t.FunctionName]
		a.answer[t.FunctionName] = answers[i]
	}
	s.acts = append(s.acts, a)
}

// event is what a function is sent: testdata/event.json of its package, or {}
// where there is none.
func event(t manifest.Target) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(filepath.FromSlash(t.Function.Package), "testdata", "event.json"))
	if errors.Is(err, os.ErrNotExist) {
		return []byte("{}"), nil
	}
	return data, err
}

func (s *stage) invoke(ctx context.Context, t manifest.Target) answer {
	payload, err := event(t)
	if err != nil {
		return answer{failure: err.Error()}
	}
	out, err := s.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &t.FunctionName, Payload: payload})
	if err != nil {
		return answer{failure: err.Error()}
	}
	a := answer{payload: string(out.Payload), failure: aws.ToString(out.FunctionError)}
	var named struct{ ErrorType string }
	if a.failure != "" && json.Unmarshal(out.Payload, &named) == nil && named.ErrorType != "" {
		a.failure = named.ErrorType
	}
	return a
}

// traffic begins to send events to the functions, but for those that fail as
// they are: they may need more than a rehearsal has.
func (s *stage) traffic(ctx context.Context, o traffic.Options) (*traffic.Traffic, error) {
	var sources []traffic.Source
	for _, t := range s.targets {
		if len(s.acts) > 0 && s.acts[0].answer[t.FunctionName].failure != "" || s.options.Rate == 0 {
			continue
		}
		sample, err := event(t)
		if err != nil {
			return nil, err
		}
		sources = append(sources, traffic.Source{Function: t.FunctionName, Event: sample})
	}
	s.progress.Printf("sending events to %s", ui.Functions(len(sources)))
	return traffic.Start(ctx, traffic.NewInvoker(s.server.Config()), sources, o)
}

func (a answer) String() string {
	const most = 72
	text := []rune(strings.Join(strings.Fields(a.payload), " "))
	var proxy struct { // what API Gateway turns into an HTTP response
		StatusCode int
		Body       string
	}
	if json.Unmarshal([]byte(a.payload), &proxy) == nil && proxy.StatusCode > 0 {
		text = []rune(fmt.Sprintf("%d %s", proxy.StatusCode, proxy.Body))
	}
	if len(text) > most {
		text = append(text[:most-1], '…')
	}
	if a.failure == "" {
		return string(text)
	}
	return strings.TrimSpace(a.failure + " " + string(text))
}

// check compares what the functions said after with what they said before, and
// says what their traffic lost and what could not start. A function that failed
// before may fail the same way after: it may need more than a rehearsal has.
func (s *stage) check(reports []traffic.Report) error {
	errs := make([]error, len(s.targets))
	for i, t := range s.targets {
		found := func(doing, format string, args ...any) {
			errs[i] = errors.Join(errs[i], &rollout.FunctionError{Function: t.FunctionName, Doing: doing, Err: fmt.Errorf(format, args...)})
		}
		before := s.acts[0].answer[t.FunctionName]
		for _, a := range s.acts[1:] {
			if now := a.answer[t.FunctionName]; now.failure != before.failure {
				found("invoking, when "+a.name+",", "it answered %q before and %q now", before, now)
			}
		}
		for _, r := range reports {
			if r.Function == t.FunctionName && !r.Clean() {
				found("sending events to", "%d of %d invocations failed, %d records were lost and %d out of order: %s",
					r.Errors, r.Invocations, r.Lost+r.Pending, r.OutOfOrder, r.FirstError)
			}
		}
		for _, d := range s.unstartable {
			if d.Function == t.FunctionName {
				found("serving", "%s with handler %s can start nothing in a zip of %s", d.Runtime, d.Handler, strings.Join(d.Files, " + "))
			}
		}
	}
	return rollout.Failures(errs)
}
