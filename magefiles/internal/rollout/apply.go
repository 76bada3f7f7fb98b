package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Apply brings the function to its goal. It plans from the last state that was
// read, does the first step, reads the function, and plans again until no step is
// left. It sets f.Current and f.Done, and f.Err on failure. Once ctx is done it
// begins no step; the error then lists the steps that are left.
func (r *Rollout) Apply(ctx context.Context, f *fleet.Function) {
	if f.Err != nil {
		return
	}
	f.Current = f.Observed
	a := &application{
		Rollout: r, f: f, state: f.Observed,
		sent: map[fleet.Kind]lambda.State{}, conflicts: map[fleet.Kind]lambda.State{}, past: map[string]lambda.State{},
	}
	for a.step(ctx) {
	}
}

// application is the way of one function to its goal.
type application struct {
	*Rollout
	f     *fleet.Function
	state lambda.State // the last one that was read, or that an update leads to
	left  []fleet.Step

	sent          map[fleet.Kind]lambda.State // updates that were sent, with the state before
	conflicts     map[fleet.Kind]lambda.State // updates that met another one, with the state before
	conflictSince time.Time
	past          map[string]lambda.State // by RevisionID, those that an update has replaced
	settled       string                  // the revision for which the settle delay has passed
	settles       int                     // settle delays since the last update of this run
	reread        bool                    // the function was read again to inspect it
	revised       int                     // updates that met a new revision without an update

	published types.FunctionConfiguration // the version that was published last
}

// step does the next step and reports whether the function is to go on.
func (a *application) step(ctx context.Context) (more bool) {
	a.state.Settled = a.settled != "" && a.settled == a.state.RevisionID
	var err error
	if a.left, err = Plan(a.state, a.f); err != nil {
		a.f.Fail(fleet.Planning, refusing(a.f), err)
		return false
	}
	if len(a.left) == 0 {
		return false
	}
	next := a.left[0]
	if ctx.Err() != nil {
		return a.fail(next.Doing(), fleet.ErrInterrupted)
	}
	if doing, err := a.foreign(next); err != nil {
		return a.fail(doing, err)
	}
	event := fleet.Event{Function: a.f, Step: next}
	event.Queued = next.Kind.Updates() || next.Kind == fleet.Publish
	if next.Kind == fleet.Settle {
		event.Ends = time.Now().Add(next.Delay)
	}
	a.emit(event)
	switch next.Kind {
	case fleet.Wait:
		err = a.wait(ctx)
	case fleet.Inspect:
		err = a.inspect(ctx)
	case fleet.Check:
		err = a.check(ctx, next.Handler)
	case fleet.Settle:
		err = a.settle(ctx, next.Delay)
	case fleet.Look:
		err = a.look(ctx)
	case fleet.Point:
		err = a.point(ctx, next)
	default:
		err = a.update(ctx, next)
	}
	if err != nil {
		return a.fail(next.Doing(), err)
	}
	return true
}

// fail records the error and reports false.
func (a *application) fail(doing string, err error) bool {
	if reading, ok := errors.AsType[*readError](err); ok {
		doing, err = "reading", reading.err
	}
	if errors.Is(err, fleet.ErrInterrupted) {
		err = interrupted(a.left)
	}
	a.f.Fail(fleet.Applying, doing, err)
	return false
}

// foreign returns an error if somebody else changes the function: if an update
// that was sent is still to be sent, or if the update that was in the way has
// changed the deployment.
func (a *application) foreign(next fleet.Step) (doing string, err error) {
	for _, s := range a.left {
		if before, ok := a.sent[a.leadsTo(s)]; ok {
			return fleet.Step{Kind: a.leadsTo(s)}.Doing(), changed(before, a.state)
		}
	}
	kind := a.leadsTo(next)
	if before, ok := a.conflicts[kind]; ok && !before.SameDeployment(a.state) {
		return fleet.Step{Kind: kind}.Doing(), changed(before, a.state)
	}
	return "", nil
}

// leadsTo returns the kind of a step, or of the update of the code that an
// inspection is for.
func (a *application) leadsTo(s fleet.Step) fleet.Kind {
	if s.Kind == fleet.Inspect && a.f.Action != fleet.Rollback {
		return fleet.UpdateCode
	}
	return s.Kind
}

// readError is the failure of a read that is not the step itself.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// see records a state that was read, with what is known about it.
func (a *application) see(s lambda.State) {
	if s.CodeSha256 == a.state.CodeSha256 {
		s.Contents, s.Checked = a.state.Contents, a.state.Checked
	}
	s.Blocked = a.state.Blocked && s.Runtime == a.state.Runtime
	s.Refused = a.state.Refused
	s.Insurance = a.state.Insurance
	if !s.SameDeployment(a.state) || s.LastModified != a.state.LastModified {
		s.Insurance = withCurrent(s.Insurance, false)
	}
	a.state, a.f.Current = s, s
}

// fresh reads the function until AWS shows a revision that no update of this run
// has replaced: a read soon after an accepted update may be stale.
func (a *application) fresh(ctx context.Context) (lambda.State, error) {
	for deadline := time.Now().Add(a.opts.Stale); ; {
		state, err := a.read(ctx, a.f.FunctionName)
		if err != nil || !a.stale(state) {
			return state, err
		}
		if time.Now().After(deadline) {
			return state, a.staleError()
		}
		if !sleep(ctx, a.opts.FirstPoll) {
			return state, fleet.ErrInterrupted
		}
	}
}

func (a *application) staleError() error {
	return fmt.Errorf("AWS has accepted an update and still shows the revision before it after %v; run the command again", a.opts.Stale)
}

// stale reports whether a state is one that an update of this run has replaced. An
// update that fails may lead back to it.
func (a *application) stale(s lambda.State) bool {
	before, ok := a.past[s.RevisionID]
	return ok && (!s.UpdateFailed || before.UpdateFailed)
}

// wait polls the function until no update is in progress.
func (a *application) wait(ctx context.Context) error {
	start, fresh := time.Now(), time.Now()
	delay, next := a.opts.FirstPoll, min(a.opts.FirstPoll/2, a.opts.MaxPoll)
	for {
		if !sleep(ctx, delay) {
			return fleet.ErrInterrupted
		}
		delay, next = next, min(next*3/2, a.opts.MaxPoll)
		state, err := a.read(ctx, a.f.FunctionName)
		if err != nil {
			return err
		}
		if !a.stale(state) {
			fresh = time.Now()
			if !state.Pending && !state.Updating {
				state.Age = 0 // LastModified is when the update began, but it ended just now
				a.see(state)
				break
			}
		}
		if time.Since(fresh) > a.opts.Stale {
			return a.staleError()
		}
		if time.Since(start) > a.opts.Limit {
			return fmt.Errorf("it is still in progress after %v", a.opts.Limit)
		}
	}
	if a.state.UpdateFailed && len(a.f.Done) > 0 {
		return fmt.Errorf("%s: %s", a.state.ReasonCode, a.state.Reason)
	}
	return nil
}

// inspect reads the directory of the deployed zip. If that fails, it reads the
// function again, once: the URL of the zip may have expired, or another update
// may have replaced the zip.
func (a *application) inspect(ctx context.Context) error {
	contents, err := a.contents(ctx, a.state)
	if err == nil || a.reread || ctx.Err() != nil {
		a.state.Contents = contents
		return err
	}
	return a.readAgain(ctx)
}

// check checks the program that provided.al2023 is to start. If that fails, it reads
// the function again, once, as inspect does.
func (a *application) check(ctx context.Context, file string) error {
	err := a.opts.Check(ctx, a.state, file)
	if err == nil {
		a.state.Checked = file
		return nil
	}
	if ctx.Err() != nil {
		return fleet.ErrInterrupted
	}
	if a.reread {
		return err
	}
	return a.readAgain(ctx)
}

// readAgain reads the function because something about its zip has failed.
func (a *application) readAgain(ctx context.Context) error {
	a.reread = true
	state, err := a.fresh(ctx)
	if err != nil {
		return &readError{err}
	}
	a.see(state)
	return nil
}

// settle waits for the settle delay. It fails if somebody else deploys meanwhile.
func (a *application) settle(ctx context.Context, delay time.Duration) error {
	if a.settles++; a.settles > 3 {
		return errors.New("somebody else keeps changing the function; run the command again when they are done")
	}
	if !sleep(ctx, delay) {
		return fleet.ErrInterrupted
	}
	a.settled = a.state.RevisionID
	state, err := a.fresh(ctx)
	if err != nil {
		return &readError{err}
	}
	if !leads(a.f, a.state, state) {
		return changed(a.state, state)
	}
	if a.state.SameUpdate(state) {
		a.settled = state.RevisionID
	}
	a.see(state)
	return nil
}

// mostRevised is how often an update is sent again because somebody tags the
// function or publishes a version of it.
const mostRevised = 3

// update sends an update and records what its answer means for the next plan.
func (a *application) update(ctx context.Context, step fleet.Step) error {
	begun := sync.OnceFunc(func() { a.emit(fleet.Event{Function: a.f, Step: step}) })
	var err error
	if step.Kind == fleet.Publish {
		a.published, err = a.publish(ctx, a.state, begun)
	} else {
		err = a.send(ctx, step, a.state, begun)
	}
	switch {
	case err == nil && step.Kind == fleet.Publish:
		return a.afterPublish(ctx, step)
	case err == nil:
		a.f.Done = append(a.f.Done, step)
		a.sent[step.Kind] = a.state
		a.past[a.state.RevisionID] = a.state
		a.state = accepted(step, a.state)
		a.conflictSince, a.settles = time.Time{}, 0
		return nil
	case awsclient.Code(err) == "ResourceConflictException":
		// Another update is in progress, or this one, if its answer was lost and
		// it was sent twice: wait, read, and plan again.
		a.conflicts[step.Kind] = a.state
		if a.conflictSince.IsZero() {
			a.conflictSince = time.Now()
		}
		if time.Since(a.conflictSince) > a.opts.Limit {
			return err
		}
		a.state.Updating = true
		return nil
	case awsclient.Code(err) == "PreconditionFailedException":
		// Somebody else has changed the function, or this call, sent twice: read.
		// If the step is still to be done, it was somebody else.
		// But a new revision without an update changes nothing for the step.
		before := a.state
		a.past[before.RevisionID] = before
		state, err := a.fresh(ctx)
		if err != nil {
			return &readError{err}
		}
		if a.revised < mostRevised && before.SameUpdate(state) {
			a.revised++
			if a.settled == before.RevisionID {
				a.settled = state.RevisionID
			}
		} else {
			a.sent[step.Kind] = before
		}
		a.see(state)
		return nil
	case a.f.Action == fleet.Deploy && step.Kind == fleet.UpdateCode && rejected(err, a.state.Runtime) && a.state.Runtime != lambda.ProvidedAL2023 && !a.state.Blocked:
		a.state.Blocked = true // plan another way
		if _, known := a.rejected.LoadOrStore(a.state.Runtime, true); !known && a.opts.Rejected != nil {
			a.opts.Rejected(a.state.Runtime)
		}
		return nil
	}
	err = missingLayer(blocked(err, cmp.Or(step.Runtime, a.state.Runtime)))
	if step.Kind == fleet.Publish && rejected(err, step.Runtime) {
		return fmt.Errorf(`%w; to deploy without a snapshot, set "snapshot" to false in lambdas.json`, err)
	}
	if a.f.Action == fleet.Rollback && rejected(err, step.Runtime) {
		return a.refused(err)
	}
	return err
}

// send calls UpdateFunctionCode or UpdateFunctionConfiguration. It calls begun once
// that begins.
func (r *Rollout) send(ctx context.Context, step fleet.Step, state lambda.State, begun func()) error {
	if step.Kind.Configures() {
		return r.sendConfiguration(ctx, step, state, begun)
	}
	weight := min(step.Package.Size, r.opts.Uploads)
	if r.uploads.Acquire(ctx, weight) != nil {
		return fleet.ErrInterrupted
	}
	defer r.uploads.Release(weight)
	in := &sdk.UpdateFunctionCodeInput{
		FunctionName:  &state.Function,
		Architectures: []types.Architecture{types.Architecture(step.Package.Architecture)},
		RevisionId:    &state.RevisionID,
	}
	var err error
	if step.Bucket != "" {
		var key string
		begun()
		err = r.finish(ctx, func(ctx context.Context) error {
			key, err = r.opts.Upload(ctx, step.Package)
			return err
		})
		in.S3Bucket, in.S3Key = &step.Bucket, &key
	} else {
		in.ZipFile, err = step.Package.Read()
	}
	if err != nil {
		return err
	}
	return r.call(ctx, func(ctx context.Context) error {
		_, err := r.client.UpdateFunctionCode(ctx, in, r.bound, begin(begun))
		return err
	})
}

func (r *Rollout) sendConfiguration(ctx context.Context, step fleet.Step, state lambda.State, begun func()) error {
	in := &sdk.UpdateFunctionConfigurationInput{FunctionName: &state.Function, RevisionId: &state.RevisionID}
	switch step.Kind {
	case fleet.Attach:
		return r.attach(ctx, in, state, begun)
	case fleet.Detach:
		in.Layers = append([]string{}, state.Layers...) // none, if it is empty
		r.bridge.use(lambda.LayerName(state.Bridge))
	}
	in.Runtime, in.Handler = types.Runtime(step.Runtime), &step.Handler
	if step.Zones != "" {
		in.Environment = &types.Environment{Variables: state.Variables.WithZones(step.Zones)}
	}
	return r.configure(ctx, in, begun)
}

// configure calls UpdateFunctionConfiguration.
func (r *Rollout) configure(ctx context.Context, in *sdk.UpdateFunctionConfigurationInput, begun func()) error {
	if r.switches.Acquire(ctx, 1) != nil {
		return fleet.ErrInterrupted
	}
	defer r.switches.Release(1)
	return r.call(ctx, func(ctx context.Context) error {
		_, err := r.client.UpdateFunctionConfiguration(ctx, in, r.bound, begin(begun))
		return err
	})
}
