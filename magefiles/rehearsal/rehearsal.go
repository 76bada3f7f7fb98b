// Package rehearsal runs the whole migration on the emulator, with the code
// that runs it on AWS and the binaries that would run there.
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
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/build"
	"example.com/dualboot/magefiles/bundle"
	"example.com/dualboot/magefiles/emulator"
	"example.com/dualboot/magefiles/manifest"
	"example.com/dualboot/magefiles/release"
	"example.com/dualboot/magefiles/report"
	"example.com/dualboot/magefiles/rollout"
)

// Options say what to rehearse.
type Options struct {
	Env    string        // environment whose names, region and account are used
	Only   string        // functions, as manifest.Select takes them; default all
	Update time.Duration // how long an update takes on the emulator
	Settle time.Duration // settle delay instead of the environment's
	Go     string        // the go command; default go
	Stdout io.Writer     // for the table; default os.Stdout
	Stderr io.Writer     // for progress; default os.Stderr
}

// Run starts the emulator, creates the functions as they stood before any
// migration, deploys and cleans up, and invokes each function before, between
// and after. It prints what became of each. lambdas.json is not changed.
//
// The error says what failed: a step of the migration, a function that answered
// before and does not answer now, or a moment at which a deployed zip held no
// binary that its runtime could start.
func Run(ctx context.Context, o Options) error {
	o.Stdout = cmp.Or[io.Writer](o.Stdout, os.Stdout)
	o.Stderr = cmp.Or[io.Writer](o.Stderr, os.Stderr)
	m, err := manifest.Load("lambdas.json")
	if err != nil {
		return err
	}
	targets, err := m.Select(o.Env, o.Only)
	if err != nil {
		return err
	}

	started := time.Now()
	stage := &stage{options: o, targets: targets, progress: report.NewProgress(o.Stderr), served: map[string]emulator.Deployment{}}
	environment := targets[0].Environment
	platform := build.AWS
	if host := (build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}); host != platform {
		stage.progress.Printf("this machine cannot run %v: the functions are built for %v instead", platform, host)
		platform = host
	}
	zones, err := zoneInfo(ctx, o.Go)
	if err != nil {
		return err
	}
	stage.server, err = emulator.Start(emulator.Options{
		ZoneInfo:     zones,
		Region:       environment.Region,
		Account:      environment.Account,
		UpdateTime:   o.Update,
		HostBinaries: platform != build.AWS,
		OnServe:      stage.serve,
	})
	if err != nil {
		return err
	}
	defer stage.server.Close()
	stage.client = lambda.NewFromConfig(stage.server.Config())
	zips, err := os.MkdirTemp("", "dualboot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(zips)

	if err := stage.create(ctx, platform, zips); err != nil {
		return err
	}
	stage.record(ctx, "before")

	command := release.Options{
		Only:         o.Only,
		Rollout:      polling(o.Update),
		Settle:       &o.Settle,
		Go:           o.Go,
		Zips:         zips,
		Platform:     platform,
		AWS:          func(context.Context, manifest.Environment) (aws.Config, error) { return stage.server.Config(), nil },
		KeepManifest: true,
		Stdout:       io.Discard,
		Progress:     stage.progress,
	}
	errs := []error{release.Deploy(ctx, o.Env, command)}
	stage.record(ctx, "deployed")
	if errs[0] == nil {
		errs = append(errs, release.Cleanup(ctx, o.Env, command))
		stage.record(ctx, "cleaned up")
	}
	stage.print(time.Since(started))
	return errors.Join(append(errs, stage.check())...)
}

// zoneInfo is the time zone database that comes with Go.
func zoneInfo(ctx context.Context, gocmd string) (string, error) {
	root, err := exec.CommandContext(ctx, cmp.Or(gocmd, "go"), "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("finding GOROOT: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"), nil
}

// polling looks at updates of the given duration often enough.
func polling(update time.Duration) rollout.Options {
	first := max(update/2, 10*time.Millisecond)
	return rollout.Options{FirstPoll: first, MaxPoll: 2 * first}
}

// stage is the emulator with the functions on it, and what was seen of them.
type stage struct {
	options  Options
	targets  []manifest.Target
	progress *report.Progress
	server   *emulator.Server
	client   *lambda.Client

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

func (s *stage) serve(d emulator.Deployment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served[d.Function] = d
	s.states++
	if !d.Startable() {
		s.unstartable = append(s.unstartable, d)
	}
}

// create makes the functions as they stood before: on go1.x with a zip that
// holds only lambda, or, for one that never ran there, on provided.al2 with
// only bootstrap.
func (s *stage) create(ctx context.Context, platform build.Platform, dir string) error {
	s.progress.Printf("building %s", report.Functions(len(s.targets)))
	functions := make([]build.Function, len(s.targets))
	for i, t := range s.targets {
		functions[i] = build.Function{Name: t.Function.Name, Package: t.Function.Package, Tags: t.Function.Tags, Binaries: []build.Binary{legacy(t).binary}}
	}
	results, err := build.Build(ctx, build.Options{Go: s.options.Go, Platform: platform, Out: filepath.Join("bin", ".build")}, functions)
	if err != nil {
		return err
	}
	errs := make([]error, len(results))
	s.progress.Printf("creating %s on the emulator, as before any migration", report.Functions(len(s.targets)))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, t := range s.targets {
		group.Go(func() error {
			err := results[i].Err
			if err == nil {
				err = s.createOne(ctx, t, filepath.Join(dir, t.Function.Name, "before.zip"), results[i].Files[legacy(t).binary])
			}
			if err != nil {
				errs[i] = &rollout.FunctionError{Function: t.FunctionName, Doing: "creating", Err: err}
			}
			return nil
		})
	}
	_ = group.Wait()
	return rollout.Failures(errs)
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
	s.progress.Printf("invoking %s", report.Functions(len(s.targets)))
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

// invoke sends the function the event in testdata/event.json of its package, or
// {} where there is none.
func (s *stage) invoke(ctx context.Context, t manifest.Target) answer {
	event, err := os.ReadFile(filepath.Join(filepath.FromSlash(t.Function.Package), "testdata", "event.json"))
	if errors.Is(err, os.ErrNotExist) {
		event, err = []byte("{}"), nil
	}
	if err != nil {
		return answer{failure: err.Error()}
	}
	out, err := s.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &t.FunctionName, Payload: event})
	if err != nil {
		return answer{failure: err.Error()}
	}
	return answer{payload: string(out.Payload), failure: aws.ToString(out.FunctionError)}
}

// print writes how each function stood at each moment.
func (s *stage) print(took time.Duration) {
	w := tabwriter.NewWriter(s.options.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FUNCTION\tWHEN\tRUNTIME\tHANDLER\tZIP\tANSWER")
	for _, t := range s.targets {
		name := t.FunctionName
		for _, a := range s.acts {
			d := a.served[t.FunctionName]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name, a.name, d.Runtime, d.Handler, strings.Join(d.Files, " + "), a.answer[t.FunctionName])
			name = ""
		}
	}
	w.Flush()
	fmt.Fprintf(s.options.Stdout, `
%s in %.1f s
deployments served: %d, of which %d without a binary that the runtime could start
calls: %s
`, report.Functions(len(s.targets)), took.Seconds(), s.states, len(s.unstartable), report.Counts(s.server.Calls()))
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

// check compares what the functions said after with what they said before. A
// function that failed before may fail the same way after: it may need more
// than a rehearsal has.
func (s *stage) check() error {
	errs := make([]error, len(s.targets))
	for i, t := range s.targets {
		before := s.acts[0].answer[t.FunctionName]
		for _, a := range s.acts[1:] {
			now := a.answer[t.FunctionName]
			if now.failure != before.failure && errs[i] == nil {
				errs[i] = &rollout.FunctionError{Function: t.FunctionName, Doing: "invoking, when " + a.name + ",",
					Err: fmt.Errorf("it answered %q before and %q now", before, now)}
			}
		}
		for _, d := range s.unstartable {
			if d.Function == t.FunctionName {
				errs[i] = &rollout.FunctionError{Function: t.FunctionName, Doing: "serving",
					Err: fmt.Errorf("runtime %s, handler %s could start nothing in a zip of %s", d.Runtime, d.Handler, strings.Join(d.Files, " + "))}
			}
		}
	}
	return rollout.Failures(errs)
}
