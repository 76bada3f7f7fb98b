package rehearsal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/command"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/sample"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/traffic"
)

// outcome is the outcome of one way to migrate.
type outcome struct {
	way        string
	calls      int // invocations
	failed     int // invocations that failed
	records    int // of the streams
	lost       int // records
	worstAge   time.Duration
	firstError string
}

// way is an order of steps in which people migrate.
type way struct {
	name     string
	lossless bool
	attempts int  // of a record; 0 is unlimited, as on AWS
	streams  bool // only functions that read streams
	migrate  func(context.Context, *trial) error
}

// ways are dualboot's way and those that it is compared with.
func ways() []way {
	inOrder := func(steps ...func(*trial, context.Context, *fleet.Function) error) func(context.Context, *trial) error {
		return func(ctx context.Context, t *trial) error { return t.each(ctx, steps) }
	}
	code, wait, settle, toAL2023, dual := (*trial).bootstrapOnly, (*trial).wait, (*trial).settle, (*trial).toAL2023, (*trial).dual
	codeFirst := inOrder(code, wait, toAL2023, wait)
	switchFirst := inOrder(toAL2023, wait, code, wait)
	return []way{
		{name: "dual zip: code, wait, settle, switch (dualboot)", lossless: true, migrate: ours},
		{name: "`bootstrap` only: code, wait, switch", migrate: codeFirst},
		{name: "the same, records dropped after 2 attempts", attempts: 2, migrate: codeFirst},
		{name: "switch, wait, code", migrate: switchFirst},
		{name: "the same, records dropped after 2 attempts", attempts: 2, migrate: switchFirst},
		{name: "dual zip, no waiting: code, switch as soon as AWS accepts it", migrate: inOrder(dual, toAL2023, wait)},
		{name: "dual zip, no settling: code, wait, switch", migrate: inOrder(dual, wait, toAL2023, wait)},
		{name: "dual zip, cleanup before the switch", migrate: inOrder(dual, wait, settle, code, wait, settle, toAL2023, wait)},
		{name: "event source disabled meanwhile (streams only)", lossless: true, streams: true, migrate: func(ctx context.Context, t *trial) error {
			t.events.Pause()
			defer t.events.Resume()
			return inOrder(code, wait, toAL2023, wait, settle)(ctx, t)
		}},
	}
}

// ours is the way of deploy.
func ours(ctx context.Context, t *trial) error {
	r := rollout.New(t.client, t.polling())
	fleet.Each(t.functions, len(t.functions), func(f *fleet.Function) {
		f.Action, f.Dual = fleet.Deploy, true
		r.Observe(ctx, f)
		r.Apply(ctx, f)
	})
	return fleet.Errors(t.functions)
}

// Controls migrates the functions in dualboot's way and in other ways, each under
// the same traffic on an emulator of its own, and writes the outcomes as a
// Markdown table. The error names the lossless ways that lost something.
func Controls(ctx context.Context, o Options) (err error) {
	var end func()
	o.UI, end = o.UI.Begin(ctx, "controls", o.Env)
	defer func() {
		end()
		err = o.UI.Fit(err)
	}()
	_, targets, err := o.load()
	if err != nil {
		return err
	}
	targets, without := manifest.WithSources(targets)
	functions := o.records(targets)
	if len(without) > 0 {
		o.UI.Notef("left out, because they have no sources: %s", text.List(without, 20))
	}
	if len(functions) == 0 {
		return errors.New("the comparison needs functions with sources, and none of those that are selected has any")
	}
	for _, f := range functions { // all ways deploy two binaries for x86_64
		f.Architecture, f.Single = "", false
	}
	dir, err := os.MkdirTemp("", "dualboot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if functions, err = prepare(ctx, o, functions, dir); err != nil {
		return err
	}
	table := text.Table{Header: []string{"way", "failed invocations", "lost records", "worst iterator age"}}
	var errs []error
	all := ways()
	comparing := o.UI.Stage("comparing", "way", len(all))
	defer comparing.End()
	for _, w := range all {
		out, err := try(ctx, o, w, functions)
		comparing.Done()
		if ctx.Err() != nil {
			errs = append(errs, fleet.ErrInterrupted)
			break
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", w.name, err))
		}
		if w.lossless && (out.failed > 0 || out.lost > 0) {
			errs = append(errs, fmt.Errorf("%s: %d invocations failed, %d records were lost: %s", w.name, out.failed, out.lost, out.firstError))
		}
		table.Add(out.way, fmt.Sprintf("%d of %d", out.failed, out.calls), fmt.Sprintf("%d of %d", out.lost, out.records),
			out.worstAge.Round(10*time.Millisecond).String())
	}
	return errors.Join(append(errs, o.UI.Markdown(table))...)
}

// prepare builds the functions and writes their zips below dir, once for all
// ways.
func prepare(ctx context.Context, o Options, functions []*fleet.Function, dir string) ([]*fleet.Function, error) {
	s, err := openStage(ctx, o, functions)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	packer := bundle.NewPacker(dir)
	for _, f := range s.functions {
		if err := command.Pack(ctx, packer, f); err != nil {
			return nil, err
		}
	}
	return s.functions, nil
}

// trial is one way on its stage.
type trial struct {
	*stage
	events *traffic.Traffic
}

// try migrates the functions in one way under traffic.
func try(ctx context.Context, o Options, w way, functions []*fleet.Function) (outcome, error) {
	out := outcome{way: w.name}
	var fresh []*fleet.Function
	for _, f := range functions {
		if !w.streams || readsStream(f) {
			fresh = append(fresh, &fleet.Function{Target: f.Target, Goal: f.Goal, Build: f.Build, Zips: f.Zips})
		}
	}
	if len(fresh) == 0 {
		return out, nil
	}
	s, err := openStage(ctx, o, fresh)
	if err != nil {
		return out, err
	}
	defer s.close()
	o.UI.Notef("way: %s", w.name)
	if err := s.create(ctx); err != nil {
		return out, err
	}
	t := &trial{stage: s}
	if t.events, err = s.traffic(ctx, traffic.Options{Rate: o.Rate, Attempts: w.attempts}); err != nil {
		return out, err
	}
	// Traffic flows before the migration, and until the window has passed.
	sleep(ctx, o.Window)
	err = w.migrate(ctx, t)
	sleep(ctx, o.Window+o.Update)
	for _, r := range t.events.Stop() {
		out.calls += r.Invocations
		out.failed += r.Errors
		out.records += r.Produced
		out.lost += r.Lost + r.Pending
		out.worstAge = max(out.worstAge, r.WorstIteratorAge)
		out.firstError = cmp.Or(out.firstError, r.FirstError)
	}
	return out, err
}

func readsStream(f *fleet.Function) bool {
	set, err := sampleOf(f)
	return err == nil && slices.ContainsFunc(set.Events, func(e sample.Event) bool { return e.Kind.Stream() })
}

// each does the steps to each function, to all functions at the same time.
func (t *trial) each(ctx context.Context, steps []func(*trial, context.Context, *fleet.Function) error) error {
	var group errgroup.Group
	for _, f := range t.functions {
		group.Go(func() error {
			for _, step := range steps {
				if err := step(t, ctx, f); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (t *trial) dual(ctx context.Context, f *fleet.Function) error {
	return t.code(ctx, f, f.Zips.Dual)
}

func (t *trial) bootstrapOnly(ctx context.Context, f *fleet.Function) error {
	return t.code(ctx, f, f.Zips.Bootstrap)
}

func (t *trial) code(ctx context.Context, f *fleet.Function, p *lambda.Package) error {
	zip, err := p.Read()
	if err != nil {
		return err
	}
	return retryConflict(ctx, func() error {
		_, err := t.client.UpdateFunctionCode(ctx, &sdk.UpdateFunctionCodeInput{FunctionName: &f.FunctionName, ZipFile: zip})
		return err
	})
}

func (t *trial) toAL2023(ctx context.Context, f *fleet.Function) error {
	return retryConflict(ctx, func() error {
		_, err := t.client.UpdateFunctionConfiguration(ctx, &sdk.UpdateFunctionConfigurationInput{
			FunctionName: &f.FunctionName, Runtime: types.RuntimeProvidedal2023, Handler: aws.String(lambda.Bootstrap),
		})
		return err
	})
}

// retryConflict is what people write around a call that AWS refuses while an
// update is in progress.
func retryConflict(ctx context.Context, call func() error) error {
	for {
		err := call()
		if _, conflict := errors.AsType[*types.ResourceConflictException](err); !conflict {
			return err
		}
		if !sleep(ctx, 20*time.Millisecond) {
			return err
		}
	}
}

func (t *trial) wait(ctx context.Context, f *fleet.Function) error {
	waiter := sdk.NewFunctionUpdatedV2Waiter(t.client, func(o *sdk.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, max(20*time.Millisecond, t.options.Update/4)
	})
	return waiter.Wait(ctx, &sdk.GetFunctionInput{FunctionName: &f.FunctionName}, time.Minute+t.options.Update)
}

func (t *trial) settle(ctx context.Context, _ *fleet.Function) error {
	sleep(ctx, t.options.Settle)
	return ctx.Err()
}
