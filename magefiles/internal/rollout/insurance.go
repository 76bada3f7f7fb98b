package rollout

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Look reads the snapshot of a function that was observed, if lambdas.json asks for
// one, and the event source mappings that point to the snapshot. A rollback looks only
// if AWS refuses it. Look sets f.Err on failure.
func (r *Rollout) Look(ctx context.Context, f *fleet.Function) {
	if f.Err != nil || f.Action == fleet.Rollback || !f.Snapshot || Refused(f) {
		return
	}
	i, err := r.insurance(ctx, f, f.Observed)
	if err != nil {
		f.Fail(fleet.Observing, fleet.Step{Kind: fleet.Look}.Doing(), err)
		return
	}
	f.Observed.Insurance, f.Current.Insurance = i, i
}

// insurance reads the snapshot and the event source mappings of a function in the
// state. For a deploy these are the mappings to the snapshot. For a rollback they are
// also those to the function itself, and the snapshot is read with the directory of
// its zip.
func (r *Rollout) insurance(ctx context.Context, f *fleet.Function, s lambda.State) (*lambda.Insurance, error) {
	i, err := r.snapshots(ctx, f.FunctionName, s.CodeSha256)
	if err != nil || i.Version == "" {
		return i, err
	}
	qualifiers := append([]string{i.Version}, i.Others...)
	if f.Action == fleet.Rollback {
		qualifiers = append(qualifiers, "", "$LATEST")
		if i.Snapshot, err = r.readVersion(ctx, f.FunctionName, i.Version); err != nil {
			return nil, err
		}
		if i.Snapshot.CodeSha256 == s.CodeSha256 {
			i.Snapshot.Contents = s.Contents
		}
		if i.Snapshot = recall(i.Snapshot, f); i.Snapshot.Contents == nil {
			if i.Snapshot.Contents, err = r.contents(ctx, i.Snapshot); err != nil {
				return nil, err
			}
		}
	}
	for _, qualifier := range qualifiers {
		if err := r.addMappings(ctx, f.FunctionName, qualifier, i); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// snapshots returns the snapshots of a function whose zip has the digest. It calls
// ListVersionsByFunction once for every 50 versions. The list omits the state of the
// versions. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html
func (r *Rollout) snapshots(ctx context.Context, function, deployed string) (*lambda.Insurance, error) {
	i, newest, equal, latest := &lambda.Insurance{}, 0, 0, false
	for pages := sdk.NewListVersionsByFunctionPaginator(r.client, &sdk.ListVersionsByFunctionInput{FunctionName: &function}); pages.HasMorePages(); {
		var page *sdk.ListVersionsByFunctionOutput
		err := r.call(ctx, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx, r.bound)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, v := range page.Versions {
			number, err := strconv.Atoi(aws.ToString(v.Version))
			latest = latest || aws.ToString(v.FunctionName) == function && err != nil
			switch runtime := string(v.Runtime); {
			case err != nil:
			case !lambda.IsSnapshot(aws.ToString(v.Description), runtime):
				if number > equal && aws.ToString(v.CodeSha256) == deployed && slices.Contains(lambda.Origins(), runtime) {
					equal, i.Equal = number, *v.Version
				}
			case number < newest:
				i.Others = append(i.Others, *v.Version)
			default:
				if newest > 0 {
					i.Others = append(i.Others, i.Version)
				}
				newest = number
				i.Version, i.ARN, i.Snapshot = *v.Version, aws.ToString(v.FunctionArn), stateOf(&sdk.GetFunctionOutput{Configuration: &v})
			}
		}
	}
	if !latest { // which every function has
		return nil, errProxy
	}
	if equal < newest {
		i.Equal = ""
	}
	return i, nil
}

// addMappings adds the event source mappings that invoke the function with the
// qualifier: the number of a snapshot, "$LATEST", or "" for none. AWS may also list those
// to other versions and to aliases; they are left out.
func (r *Rollout) addMappings(ctx context.Context, function, qualifier string, i *lambda.Insurance) error {
	name, version := strings.TrimSuffix(i.ARN, i.Version)+qualifier, strings.TrimPrefix(qualifier, "$LATEST")
	if qualifier == "" {
		name = function
	}
	for pages := sdk.NewListEventSourceMappingsPaginator(r.client, &sdk.ListEventSourceMappingsInput{FunctionName: &name}); pages.HasMorePages(); {
		var page *sdk.ListEventSourceMappingsOutput
		err := r.call(ctx, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx, r.bound)
			return err
		})
		if err != nil {
			return err
		}
		if page.EventSourceMappings == nil {
			return errProxy
		}
		for _, c := range page.EventSourceMappings {
			m, ok := mappingOf(function, c)
			known := slices.ContainsFunc(i.Mappings, func(other lambda.Mapping) bool { return other.UUID == m.UUID })
			if ok && !known && m.Version == version {
				i.Mappings = append(i.Mappings, m)
			}
		}
	}
	slices.SortFunc(i.Mappings, func(a, b lambda.Mapping) int { return strings.Compare(a.UUID, b.UUID) })
	return nil
}

// mappingOf returns a mapping of a function as AWS reports it. It reports false for a
// mapping that is being deleted, and for one of another function.
func mappingOf(function string, c types.EventSourceMappingConfiguration) (lambda.Mapping, bool) {
	parts := strings.Split(aws.ToString(c.FunctionArn), ":")
	state := aws.ToString(c.State)
	if len(parts) < 7 || parts[6] != function || state == "Deleting" {
		return lambda.Mapping{}, false
	}
	m := lambda.Mapping{UUID: aws.ToString(c.UUID), Changing: state != "Enabled" && state != "Disabled"}
	if len(parts) > 7 && parts[7] != "$LATEST" {
		m.Version = parts[7]
	}
	return m, true
}

// look reads the snapshot and the event source mappings.
func (a *application) look(ctx context.Context) error {
	i, err := a.insurance(ctx, a.f, a.state)
	a.setInsurance(i)
	return err
}

// setInsurance records what was read.
func (a *application) setInsurance(i *lambda.Insurance) {
	a.state.Insurance, a.f.Current.Insurance = i, i
}

// publish calls PublishVersion. If nothing has changed since the last version was
// published, AWS publishes none. Assumption: it answers with the last one then, so a
// call that is sent twice publishes one version. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
func (r *Rollout) publish(ctx context.Context, s lambda.State, begun func()) (types.FunctionConfiguration, error) {
	in := &sdk.PublishVersionInput{
		FunctionName: &s.Function,
		CodeSha256:   &s.CodeSha256,
		RevisionId:   &s.RevisionID,
		Description:  aws.String(lambda.SnapshotMark + "on " + s.Runtime + ", before the switch to " + lambda.ProvidedAL2023),
	}
	var c types.FunctionConfiguration
	err := r.call(ctx, func(ctx context.Context) error {
		out, err := r.client.PublishVersion(ctx, in, r.bound, begin(begun))
		if err != nil {
			return err
		}
		if _, err := strconv.Atoi(aws.ToString(out.Version)); err != nil || aws.ToString(out.FunctionName) != s.Function {
			return errProxy
		}
		c.Version, c.FunctionArn, c.Description = out.Version, out.FunctionArn, out.Description
		return nil
	})
	if awsclient.Code(err) == "CodeStorageExceededException" {
		err = awsclient.Explain(err, `delete versions that nobody needs, or deploy with "snapshot": false in lambdas.json`)
	}
	return c, err
}

// afterPublish waits until the version that was published can be invoked, and checks that
// it is what is deployed. Then it reads the function, because the version is a new
// revision of it, as recorded from AWS.
func (a *application) afterPublish(ctx context.Context, step fleet.Step) error {
	a.f.Done = append(a.f.Done, step)
	a.sent[step.Kind] = a.state
	a.conflictSince = time.Time{}
	i, version := *a.state.Insurance, aws.ToString(a.published.Version)
	if lambda.IsSnapshot(aws.ToString(a.published.Description), a.state.Runtime) {
		i.Version, i.ARN, i.Snapshot, i.Equal = version, aws.ToString(a.published.FunctionArn), a.state, ""
	} else {
		i.Equal = version
	}
	a.setInsurance(&i)
	published, err := a.active(ctx, version)
	if err != nil {
		return err
	}
	if !published.SameDeployment(a.state) {
		return fmt.Errorf("AWS answered with version %s, which is another one: %w", version, changed(a.state, published))
	}
	state, err := a.fresh(ctx)
	if err != nil {
		return &readError{err}
	}
	if a.settled == a.state.RevisionID && a.state.SameUpdate(state) {
		a.settled = state.RevisionID
	}
	a.setInsurance(withCurrent(&i, true))
	a.see(state)
	return nil
}

// active polls a version until it can be invoked. A read soon after it was published
// may not find it.
func (a *application) active(ctx context.Context, version string) (s lambda.State, err error) {
	start := time.Now()
	err = a.poll(ctx, func() (done bool, err error) {
		s, err = a.readVersion(ctx, a.f.FunctionName, version)
		if awsclient.Code(err) == "ResourceNotFoundException" && time.Since(start) < a.opts.Stale {
			return false, nil
		}
		if err == nil && s.Failed {
			err = fmt.Errorf("version %s is Failed (%s: %s)", version, s.ReasonCode, s.Reason)
		}
		return !s.Pending, err
	})
	return s, err
}

// poll calls done until it reports true or fails, at once and then with the delays of
// a wait.
func (a *application) poll(ctx context.Context, done func() (bool, error)) error {
	start, delay := time.Now(), a.opts.FirstPoll
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		if time.Since(start) > a.opts.Limit {
			return fmt.Errorf("it is still in progress after %v", a.opts.Limit)
		}
		if !sleep(ctx, delay) {
			return fleet.ErrInterrupted
		}
		delay = max(delay, min(delay*3/2, a.opts.MaxPoll))
	}
}

// mostConflicts is how often a mapping is sent again because something else changes
// it.
const mostConflicts = 3

// point makes an event source mapping invoke what the step says, and waits until it
// does. A mapping keeps its position in the stream. Source: an earlier edition of
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
// ("without losing your position in the stream. You can change which function will
// receive the stream records"). A mapping that somebody else has deleted, or pointed
// elsewhere, is left alone.
func (a *application) point(ctx context.Context, step fleet.Step) error {
	i := a.state.Insurance
	at := slices.IndexFunc(i.Mappings, func(m lambda.Mapping) bool { return m.UUID == step.Mapping })
	before := i.Mappings[at].Version
	sent, conflicts := time.Time{}, 0
	for {
		m, err := a.steady(ctx, step, sent)
		switch {
		case err != nil:
			return err
		case m.UUID == "" || m.Version != before && m.Version != step.Version:
			a.setInsurance(i.Without(step.Mapping))
			return nil
		case m.Version == step.Version:
			a.setInsurance(i.Moved(step.Mapping, step.Version))
			return nil
		case !sent.IsZero():
			return fmt.Errorf("AWS has accepted that event source mapping %s changes and does not show it after %v; run the command again", step.Mapping, a.opts.Stale)
		}
		err = a.sendPoint(ctx, step)
		switch code := awsclient.Code(err); {
		case err == nil:
			a.f.Done = append(a.f.Done, step)
			sent = time.Now()
		case code == "ResourceNotFoundException":
		case code != "ResourceInUseException" && code != "ResourceConflictException":
			return explain(err)
		default: // another change is in progress, or this one, if its answer was lost
			if conflicts++; conflicts > mostConflicts {
				return explain(err)
			}
		}
		if !sleep(ctx, a.opts.FirstPoll) {
			return fleet.ErrInterrupted
		}
	}
}

// sendPoint calls UpdateEventSourceMapping.
func (a *application) sendPoint(ctx context.Context, step fleet.Step) error {
	name := a.f.FunctionName
	if step.Version != "" {
		name = a.state.Insurance.ARN
	}
	return a.finish(ctx, func(ctx context.Context) error {
		_, err := a.client.UpdateEventSourceMapping(ctx, &sdk.UpdateEventSourceMappingInput{UUID: &step.Mapping, FunctionName: &name}, a.bound)
		return err
	})
}

// steady polls the mapping of a step until no change of it is in progress, and after
// a change was sent, until AWS shows it. It returns none if there is no mapping of
// the function any more.
func (a *application) steady(ctx context.Context, step fleet.Step, sent time.Time) (m lambda.Mapping, err error) {
	err = a.poll(ctx, func() (done bool, err error) {
		var out *sdk.GetEventSourceMappingOutput
		err = a.finish(ctx, func(ctx context.Context) error {
			out, err = a.client.GetEventSourceMapping(ctx, &sdk.GetEventSourceMappingInput{UUID: &step.Mapping}, a.bound)
			if err == nil && aws.ToString(out.UUID) != step.Mapping {
				err = errProxy
			}
			return err
		})
		if err != nil {
			m = lambda.Mapping{}
			if awsclient.Code(err) == "ResourceNotFoundException" {
				return true, nil
			}
			return false, explain(err)
		}
		m, _ = mappingOf(a.f.FunctionName, types.EventSourceMappingConfiguration{UUID: out.UUID, FunctionArn: out.FunctionArn, State: out.State})
		stale := !sent.IsZero() && m.UUID != "" && m.Version != step.Version && time.Since(sent) < a.opts.Stale
		return !m.Changing && !stale, nil
	})
	return m, err
}

// refused records that AWS refuses the return to the previous runtime, so that the
// next plan falls back on the snapshot, or returns the error if there is to be none.
func (a *application) refused(err error) error {
	if !a.f.Snapshot {
		return fmt.Errorf(`%w; for functions that are not migrated yet, set "snapshot" to true in lambdas.json: the deploy then keeps a version to which a rollback can point event source mappings`, err)
	}
	a.state.Refused = err.Error()
	a.f.Current.Refused = a.state.Refused
	return nil
}
