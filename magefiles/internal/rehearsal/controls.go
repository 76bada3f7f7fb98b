package rehearsal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/traffic"
)

// outcome is what one way to migrate came to.
type outcome struct {
	way        string
	calls      int // invocations
	failed     int // invocations that failed
	records    int // records of the streams
	lost       int // of them
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

// ways are ours and the ones that it is compared with.
func ways() []way {
	return []way{
		{name: "dual zip: code, wait, settle, switch (dualboot)", lossless: true, migrate: ours},
		{name: "`bootstrap` only: code, wait, switch", migrate: func(ctx context.Context, t *trial) error {
			return t.each(ctx, t.bootstrapOnly, t.wait, t.toAL2023, t.wait)
		}},
		{name: "the same, records dropped after 2 attempts", attempts: 2, migrate: func(ctx context.Context, t *trial) error {
			return t.each(ctx, t.bootstrapOnly, t.wait, t.toAL2023, t.wait)
		}},
		{name: "switch, wait, code", migrate: func(ctx context.Context, t *trial) error {
			return t.each(ctx, t.toAL2023, t.wait, t.bootstrapOnly, t.wait)
		}},
		{name: "the same, records dropped after 2 attempts", attempts: 2, migrate: func(ctx context.Context, t *trial) error {
			return t.each(ctx, t.toAL2023, t.wait, t.bootstrapOnly, t.wait)
		}},
		{name: "dual zip, no waiting: code, switch as soon as AWS takes it", migrate: func(ctx context.Context, t *trial) error {
			return t.each(ctx, t.dual, t.toAL2023, t.wait)
		}},
		{name: "dual zip, no settling: code, wait, switch", migrate: func(ctx context.Context, t *trial) error {
			return t.each(ctx, t.dual, t.wait, t.toAL2023, t.wait)
		}},
		{name: "dual zip, cleanup before the switch", migrate: func(ctx context.Context, t *trial) error {
			return t.each(ctx, t.dual, t.wait, t.settle, t.bootstrapOnly, t.wait, t.settle, t.toAL2023, t.wait)
		}},
		{name: "event source disabled meanwhile (streams only)", lossless: true, streams: true, migrate: func(ctx context.Context, t *trial) error {
			t.events.Pause()
			defer t.events.Resume()
			return t.each(ctx, t.bootstrapOnly, t.wait, t.toAL2023, t.wait, t.settle)
		}},
	}
}

// ours is what deploy does.
func ours(ctx context.Context, t *trial) error {
	r := rollout.New(t.client, t.polling())
	names := make([]string, len(t.targets))
	for i, target := range t.targets {
		names[i] = target.FunctionName
	}
	goals := make([]rollout.Goal, len(names))
	for i, seen := range r.Observe(ctx, names) {
		goals[i] = rollout.Goal{Function: names[i], From: seen.State, Dual: true, Bundle: t.bundles[i], Settle: t.options.Settle, Err: seen.Err}
	}
	errs := make([]error, len(names))
	for i, result := range r.Apply(ctx, goals, nil) {
		errs[i] = result.Err
	}
	return rollout.Failures(errs)
}

// Controls migrates the functions in our way and in the ways that people use
// otherwise, each under the same traffic on an emulator of its own, and writes
// the outcomes as a Markdown table. The error says which lossless way has lost
// something.
func Controls(ctx context.Context, o Options) error {
	_, targets, err := o.load()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dualboot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	made, err := prepare(ctx, o, targets, dir)
	if err != nil {
		return err
	}
	var outcomes []outcome
	var errs []error
	for _, w := range ways() {
		out, err := try(ctx, o, w, made)
		if ctx.Err() != nil {
			errs = append(errs, rollout.ErrInterrupted)
			break
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", w.name, err))
		}
		if w.lossless && (out.failed > 0 || out.lost > 0) {
			errs = append(errs, fmt.Errorf("%s: %d invocations failed, %d records were lost: %s", w.name, out.failed, out.lost, out.firstError))
		}
		outcomes = append(outcomes, out)
	}
	return errors.Join(append(errs, printOutcomes(cmp.Or[io.Writer](o.Stdout, os.Stdout), outcomes))...)
}

// printOutcomes writes a Markdown table, aligned for people.
func printOutcomes(out io.Writer, outcomes []outcome) error {
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| way\t| failed invocations\t| lost records\t| worst iterator age\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|")
	for _, o := range outcomes {
		fmt.Fprintf(w, "| %s\t| %d of %d\t| %d of %d\t| %v\t|\n", o.way, o.failed, o.calls, o.lost, o.records, o.worstAge.Round(10*time.Millisecond))
	}
	return w.Flush()
}

// material is what is deployed, made once for all ways.
type material struct {
	targets []manifest.Target
	files   []map[build.Binary]string
	bundles []bundle.Bundle
}

// prepare builds and zips the functions into a directory.
func prepare(ctx context.Context, o Options, targets []manifest.Target, dir string) (material, error) {
	s, err := openStage(ctx, o, targets)
	if err != nil {
		return material{}, err
	}
	defer s.close()
	if err := s.build(ctx); err != nil {
		return material{}, err
	}
	m := material{targets: s.targets, files: s.files}
	for i, t := range targets {
		b, err := bundle.Write(filepath.Join(dir, t.Function.Name), m.files[i][build.Lambda], m.files[i][build.Bootstrap])
		if err != nil {
			return m, err
		}
		m.bundles = append(m.bundles, b)
	}
	return m, nil
}

// streams leaves only the functions that read streams.
func (m material) streams() material {
	var left material
	for i, t := range m.targets {
		if readsStream(t) {
			left.targets = append(left.targets, t)
			left.files = append(left.files, m.files[i])
			left.bundles = append(left.bundles, m.bundles[i])
		}
	}
	return left
}

// trial is one way on its stage.
type trial struct {
	*stage
	bundles []bundle.Bundle // of the stage's targets
	events  *traffic.Traffic
}

// try migrates in one way under traffic.
func try(ctx context.Context, o Options, w way, m material) (outcome, error) {
	out := outcome{way: w.name}
	if w.streams {
		m = m.streams()
	}
	if len(m.targets) == 0 {
		return out, nil
	}
	s, err := openStage(ctx, o, m.targets)
	if err != nil {
		return out, err
	}
	defer s.close()
	s.progress.Printf("way: %s", w.name)
	s.files = m.files
	if err := s.create(ctx); err != nil {
		return out, err
	}
	t := &trial{stage: s, bundles: m.bundles}
	if t.events, err = s.traffic(ctx, traffic.Options{Rate: o.Rate, Attempts: w.attempts}); err != nil {
		return out, err
	}
	// Traffic flows before, and until all that was before has gone.
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

func readsStream(t manifest.Target) bool {
	sample, err := event(t)
	if err != nil {
		return false
	}
	kind, err := traffic.KindOf(sample)
	return err == nil && (kind == traffic.Kinesis || kind == traffic.DynamoDB)
}

// each does the steps to each function, all functions at once.
func (t *trial) each(ctx context.Context, steps ...func(context.Context, int) error) error {
	var group errgroup.Group
	for i := range t.targets {
		group.Go(func() error {
			for _, step := range steps {
				if err := step(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (t *trial) dual(ctx context.Context, i int) error { return t.code(ctx, i, t.bundles[i].Dual) }

func (t *trial) bootstrapOnly(ctx context.Context, i int) error {
	return t.code(ctx, i, t.bundles[i].Bootstrap)
}

func (t *trial) code(ctx context.Context, i int, p *bundle.Package) error {
	zip, err := p.Read()
	if err != nil {
		return err
	}
	return retryConflict(ctx, func() error {
		_, err := t.client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: &t.targets[i].FunctionName, ZipFile: zip})
		return err
	})
}

func (t *trial) toAL2023(ctx context.Context, i int) error {
	return retryConflict(ctx, func() error {
		_, err := t.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName: &t.targets[i].FunctionName, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
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

func (t *trial) wait(ctx context.Context, i int) error {
	waiter := lambda.NewFunctionUpdatedV2Waiter(t.client, func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, max(20*time.Millisecond, t.options.Update/4)
	})
	return waiter.Wait(ctx, &lambda.GetFunctionInput{FunctionName: &t.targets[i].FunctionName}, time.Minute+t.options.Update)
}

func (t *trial) settle(ctx context.Context, _ int) error {
	sleep(ctx, t.options.Settle)
	return ctx.Err()
}

// sleep waits for the delay and reports whether ctx was not done before.
func sleep(ctx context.Context, delay time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(delay):
		return true
	}
}
