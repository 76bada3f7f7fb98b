package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/sync/semaphore"

	"example.com/dualboot/magefiles/internal/awserror"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/quota"
)

// Client is what a rollout calls; *lambda.Client satisfies it. It is expected
// to retry what can be retried: throttling, 5xx, broken connections.
type Client interface {
	GetFunction(context.Context, *lambda.GetFunctionInput, ...func(*lambda.Options)) (*lambda.GetFunctionOutput, error)
	UpdateFunctionCode(context.Context, *lambda.UpdateFunctionCodeInput, ...func(*lambda.Options)) (*lambda.UpdateFunctionCodeOutput, error)
	UpdateFunctionConfiguration(context.Context, *lambda.UpdateFunctionConfigurationInput, ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error)
}

// Options are the limits of a rollout. The zero value is fit for AWS.
type Options struct {
	// Concurrency is how many functions are worked on at once; default 1024.
	// Nearly all of them wait: for their settle delay, or for their turn under
	// the quotas. At 15 updates a second and a settle delay of a minute that
	// takes 500 for the quota to be used up.
	Concurrency int
	// Uploads is how many bytes of zips are on their way at once; default
	// 48 MiB. A zip that is larger goes alone. On its way it takes about six
	// times its size in memory: AWS takes it in base64, and the SDK copies that.
	Uploads int64
	// FirstPoll is the delay before the first look at an update, default 1 s:
	// about what a function outside a VPC takes. The next is half of it, for one
	// that takes a little longer, and grows by half each time, up to MaxPoll,
	// default 5 s.
	FirstPoll, MaxPoll time.Duration
	// Limit is how long an update may take, and how long updates of others are
	// waited for; default 10 minutes. It also bounds each attempt of a call.
	Limit time.Duration
	// Grace is how long calls in flight may go on once the context is done;
	// default 4 s, since mage ends its targets 5 s after an interrupt.
	Grace time.Duration
	// HTTP downloads what deployed zips hold; default http.DefaultClient.
	HTTP bundle.Doer
	// Events, when not nil, is told of each step as it begins. It is called
	// from many goroutines.
	Events func(Event)
}

// Event is the beginning of a step.
type Event struct {
	Function string
	Step     Step
}

const (
	// downloads is how many zips are looked into at once.
	downloads = 64
	// switches is how many updates of the configuration are on their way at
	// once. More would take the quota from the updates of code, of which only a
	// few fit into Options.Uploads, and which have the settle delay before them.
	switches = 8
)

// Rollout works on the functions of one account and region.
type Rollout struct {
	client    Client
	opts      Options
	uploads   *semaphore.Weighted
	downloads *semaphore.Weighted
	switches  *semaphore.Weighted
}

// New returns a rollout through the client.
func New(client Client, opts Options) *Rollout {
	opts.Concurrency = cmp.Or(max(0, opts.Concurrency), 1024)
	opts.Uploads = cmp.Or(opts.Uploads, 48<<20)
	opts.FirstPoll = cmp.Or(opts.FirstPoll, time.Second)
	opts.MaxPoll = cmp.Or(opts.MaxPoll, 5*time.Second)
	opts.Limit = cmp.Or(opts.Limit, 10*time.Minute)
	opts.Grace = cmp.Or(opts.Grace, 4*time.Second)
	opts.HTTP = cmp.Or[bundle.Doer](opts.HTTP, http.DefaultClient)
	return &Rollout{
		client: client, opts: opts,
		uploads: semaphore.NewWeighted(opts.Uploads), downloads: semaphore.NewWeighted(downloads), switches: semaphore.NewWeighted(switches),
	}
}

// Observation is what became of reading one function.
type Observation struct {
	State State
	Err   error
}

// Observe reads the functions and returns an observation for each, in their
// order. It is a call of GetFunction each: ListFunctions has 50 in one call, but
// leaves out State and LastUpdateStatus. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
func (r *Rollout) Observe(ctx context.Context, functions []string) []Observation {
	seen := make([]Observation, len(functions))
	r.each(len(functions), func(i int) {
		if ctx.Err() != nil {
			seen[i].Err = &FunctionError{functions[i], "reading", ErrInterrupted}
			return
		}
		state, err := r.read(ctx, functions[i])
		if err != nil {
			err = &FunctionError{functions[i], "reading", err}
		}
		seen[i] = Observation{state, err}
	})
	return seen
}

// Inspect is Observe that also reads what the deployed zips hold. Where only
// that fails, the observation has an error and the state.
func (r *Rollout) Inspect(ctx context.Context, functions []string) []Observation {
	seen := r.Observe(ctx, functions)
	r.each(len(seen), func(i int) {
		s := &seen[i]
		if s.Err != nil || s.State.PackageType == "Image" {
			return
		}
		if s.State.Files, s.Err = r.inspect(ctx, s.State); s.Err != nil {
			s.Err = &FunctionError{functions[i], "reading the zip of", s.Err}
		}
	})
	return seen
}

// inspect returns the names of what can be started in the deployed zip.
func (r *Rollout) inspect(ctx context.Context, state State) (files []string, err error) {
	if r.downloads.Acquire(ctx, 1) != nil {
		return nil, ErrInterrupted
	}
	defer r.downloads.Release(1)
	err = r.call(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		files, err = bundle.Executables(ctx, r.opts.HTTP, state.location)
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w; run the command again", err)
	}
	return files, err
}

// Result is what became of one goal.
type Result struct {
	Function string
	Before   State
	After    State  // the last that was read
	Done     []Step // the calls that changed something
	Err      error  // a *FunctionError, or Goal.Err
}

// Apply brings the functions to their goals and returns a result for each, in
// their order; done, when not nil, is given each as it is there, from many
// goroutines. One function's failure does not stop another. Once ctx is done
// no new step begins, and what is left is in the errors.
func (r *Rollout) Apply(ctx context.Context, goals []Goal, done func(int, Result)) []Result {
	results := make([]Result, len(goals))
	r.each(len(goals), func(i int) {
		results[i] = r.apply(ctx, goals[i])
		if done != nil {
			done(i, results[i])
		}
	})
	return results
}

// each calls do for 0 to n-1, some at once, and returns when all are done.
func (r *Rollout) each(n int, do func(int)) {
	var group sync.WaitGroup
	slots := make(chan struct{}, r.opts.Concurrency)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	group.Wait()
}

// apply brings one function to its goal: it plans from what it has read last,
// does the first step, reads, and plans again, until nothing is left to do.
func (r *Rollout) apply(ctx context.Context, g Goal) Result {
	state := g.From
	result := Result{Function: g.Function, Before: state, After: state, Err: g.Err}
	if g.Err != nil {
		return result
	}
	var steps []Step // that are left
	fail := func(doing string, err error) Result {
		if errors.Is(err, ErrInterrupted) {
			err = interrupted(steps)
		}
		result.Err = &FunctionError{g.Function, doing, err}
		return result
	}
	// see takes in what was read.
	see := func(read State) { state, result.After = read, read }

	tried := map[Kind]State{} // updates sent, with the state that they were based on
	settled := ""             // the revision since which the settle delay has passed
	settles := 0
	inTheWay := map[Kind]State{} // updates that another one is in the way of, likewise
	var conflict time.Time       // since when it is
	for {
		state.Settled = settled != "" && settled == state.RevisionID
		var err error
		if steps, err = Plan(state, g); err != nil {
			result.Err = g.refused(err)
			return result
		}
		if len(steps) == 0 {
			return result
		}
		step := steps[0]
		if ctx.Err() != nil {
			return fail(step.doing(), ErrInterrupted)
		}
		for _, again := range steps {
			if base, ok := tried[again.Kind]; ok {
				return fail(again.doing(), changed(base, state))
			}
		}
		if base, ok := inTheWay[step.Kind]; ok && !base.same(state) {
			return fail(step.doing(), changed(base, state))
		}

		r.emit(Event{g.Function, step})
		switch step.Kind {
		case Wait:
			next, err := r.wait(ctx, g.Function)
			if err != nil {
				return fail(step.doing(), err)
			}
			next.Age = 0 // the update was complete just now
			see(next)
			if state.UpdateFailed && len(result.Done) > 0 {
				return fail(step.doing(), fmt.Errorf("%s: %s", state.ReasonCode, state.Reason))
			}

		case Inspect:
			files, err := r.inspect(ctx, state)
			if err != nil {
				return fail(step.doing(), err)
			}
			state.Files = files

		case Settle:
			if settles++; settles > 3 {
				return fail(step.doing(), errors.New("somebody else keeps changing the function; run the command again when they are done"))
			}
			if !sleep(ctx, step.Delay) {
				return fail(step.doing(), ErrInterrupted)
			}
			settled = state.RevisionID
			next, err := r.read(ctx, g.Function)
			if err != nil {
				return fail("reading", err)
			}
			if !g.leads(state, next) {
				return fail(step.doing(), changed(state, next))
			}
			see(next)

		case UpdateCode, UpdateConfiguration:
			err := r.update(ctx, step, state)
			switch {
			case err == nil:
				result.Done = append(result.Done, step)
				tried[step.Kind] = state
				state = step.accepted(state)
				conflict = time.Time{}
			case awserror.Code(err) == "ResourceConflictException":
				// Another update is in progress, or this very one, when the
				// answer to it was lost and it was sent twice. Wait, look, and
				// plan again.
				inTheWay[step.Kind] = state
				if conflict.IsZero() {
					conflict = time.Now()
				}
				if time.Since(conflict) > r.opts.Limit {
					return fail(step.doing(), err)
				}
				state.Updating = true
			case awserror.Code(err) == "PreconditionFailedException":
				// Somebody else has changed the function, or this very call,
				// sent twice. Look: if the step is still to be done, they did.
				tried[step.Kind] = state
				next, err := r.read(ctx, g.Function)
				if err != nil {
					return fail("reading", err)
				}
				see(next)
			default:
				return fail(step.doing(), err)
			}
		}
	}
}

// wait polls the function until no update is in progress.
func (r *Rollout) wait(ctx context.Context, function string) (State, error) {
	deadline := time.Now().Add(r.opts.Limit)
	delay, next := r.opts.FirstPoll, min(r.opts.FirstPoll/2, r.opts.MaxPoll)
	for {
		if !sleep(ctx, delay) {
			return State{}, ErrInterrupted
		}
		delay, next = next, min(next*3/2, r.opts.MaxPoll)
		state, err := r.read(ctx, function)
		if err != nil || !state.Pending && !state.Updating {
			return state, err
		}
		if time.Now().After(deadline) {
			return state, fmt.Errorf("it is still in progress after %v", r.opts.Limit)
		}
	}
}

func (r *Rollout) read(ctx context.Context, function string) (State, error) {
	state := State{Function: function}
	err := r.call(ctx, func(ctx context.Context) error {
		out, err := r.client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &function}, r.bound)
		if err != nil {
			return err
		}
		if c := out.Configuration; c == nil || aws.ToString(c.FunctionName) != function {
			return errors.New("the answer is about something else; is there a proxy in between?")
		}
		state = observed(out)
		return nil
	})
	return state, err
}

func (r *Rollout) update(ctx context.Context, step Step, state State) error {
	var revision *string
	if state.RevisionID != "" {
		revision = &state.RevisionID
	}
	if step.Kind == UpdateConfiguration {
		if r.switches.Acquire(ctx, 1) != nil {
			return ErrInterrupted
		}
		defer r.switches.Release(1)
		err := r.call(ctx, func(ctx context.Context) error {
			_, err := r.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
				FunctionName: &state.Function,
				Runtime:      types.Runtime(step.Runtime),
				Handler:      &step.Handler,
				RevisionId:   revision,
			}, r.bound)
			return err
		})
		return blocked(err, step.Runtime)
	}

	weight := min(step.Package.Size, r.opts.Uploads)
	if r.uploads.Acquire(ctx, weight) != nil {
		return ErrInterrupted
	}
	defer r.uploads.Release(weight)
	zip, err := step.Package.Read()
	if err != nil {
		return err
	}
	err = r.call(ctx, func(ctx context.Context) error {
		_, err := r.client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
			FunctionName:  &state.Function,
			ZipFile:       zip,
			Architectures: []types.Architecture{types.Architecture(architecture)},
			RevisionId:    revision,
		}, r.bound)
		return err
	})
	return blocked(err, state.Runtime)
}

// bound bounds each attempt of a call by the limit. What it waits for its turn
// under the quotas does not count: that depends on the size of the fleet.
func (r *Rollout) bound(o *lambda.Options) {
	bound := middleware.DeserializeMiddlewareFunc("Bound", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		ctx, cancel := context.WithTimeout(ctx, r.opts.Limit)
		defer cancel()
		return next.HandleDeserialize(ctx, in)
	})
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(bound, middleware.Before)
	})
}

// call does one call to AWS. It outlives ctx by the grace, so that an interrupt
// does not leave a call halfway; one that still waits for its turn under the
// quotas is not sent.
func (r *Rollout) call(ctx context.Context, do func(context.Context) error) error {
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(r.opts.Grace, cancel) })
	defer stop()
	err := do(quota.Until(call, ctx))
	if errors.Is(err, quota.ErrNotSent) {
		return ErrInterrupted
	}
	if err != nil && errors.Is(call.Err(), context.Canceled) {
		return fmt.Errorf("interrupted, and AWS did not answer within %v; an update may have taken effect: %w", r.opts.Grace, context.Canceled)
	}
	return explain(err)
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

func (r *Rollout) emit(e Event) {
	if r.opts.Events != nil {
		r.opts.Events(e)
	}
}
