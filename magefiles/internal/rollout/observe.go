package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Observe reads the function with GetFunction and sets f.Observed and f.Current,
// or f.Err. ListFunctions returns 50 functions in one call, but omits State and
// LastUpdateStatus. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
func (r *Rollout) Observe(ctx context.Context, f *fleet.Function) {
	if f.Err != nil {
		return
	}
	if ctx.Err() != nil {
		f.Fail(fleet.Observing, "reading", fleet.ErrInterrupted)
		return
	}
	state, err := r.read(ctx, f.FunctionName)
	if err != nil {
		f.Fail(fleet.Observing, "reading", err)
		return
	}
	state.Insurance = f.Observed.Insurance
	f.Observed, f.Current = state, state
}

// Inspect reads the directory of the deployed zip of a function that was
// observed. If that fails, it observes the function again, once: the URL of the
// zip may have expired, or somebody else may have replaced the zip. If it fails
// again, f has both a state and an error.
func (r *Rollout) Inspect(ctx context.Context, f *fleet.Function) {
	if f.Err != nil || f.Observed.PackageType == "Image" {
		return
	}
	contents, err := r.contents(ctx, f.Observed)
	if err != nil && ctx.Err() == nil {
		if r.Observe(ctx, f); f.Err != nil {
			return
		}
		contents, err = r.contents(ctx, f.Observed)
	}
	if err != nil {
		f.Fail(fleet.Observing, fleet.Step{Kind: fleet.Inspect}.Doing(), err)
		return
	}
	f.Observed.Contents, f.Current.Contents = contents, contents
}

// Download writes the deployed zip of a function that was observed and inspected to
// the directory of the packer, and returns its path. If that fails, it observes and
// inspects the function again, once, as Inspect does.
func (r *Rollout) Download(ctx context.Context, f *fleet.Function, packer *bundle.Packer) (path string, err error) {
	if path, err = r.Fetch(ctx, f.Observed, packer); err == nil || ctx.Err() != nil {
		return path, err
	}
	if r.Observe(ctx, f); f.Err == nil {
		r.Inspect(ctx, f)
	}
	if f.Err != nil {
		return "", f.Err
	}
	return r.Fetch(ctx, f.Observed, packer)
}

// Fetch writes the deployed zip of a function in a state to the directory of the
// packer, and returns its path.
func (r *Rollout) Fetch(ctx context.Context, state lambda.State, packer *bundle.Packer) (path string, err error) {
	if r.downloads.Acquire(ctx, 1) != nil {
		return "", fleet.ErrInterrupted
	}
	defer r.downloads.Release(1)
	err = r.call(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, r.opts.Limit)
		defer cancel()
		path, err = packer.Download(ctx, r.opts.HTTP, string(state.Location), state.CodeSha256, state.CodeSize)
		return err
	})
	return path, err
}

// contents reads the directory of the deployed zip.
func (r *Rollout) contents(ctx context.Context, state lambda.State) (c *lambda.Contents, err error) {
	if r.downloads.Acquire(ctx, 1) != nil {
		return nil, fleet.ErrInterrupted
	}
	defer r.downloads.Release(1)
	err = r.call(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		c, err = bundle.Read(ctx, r.opts.HTTP, string(state.Location))
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w; run the command again", err)
	}
	return c, err
}

// errProxy is the error of an answer that cannot be AWS's.
var errProxy = errors.New("the answer is about something else; is there a proxy in between?")

// read returns what Lambda reports about the function.
func (r *Rollout) read(ctx context.Context, function string) (lambda.State, error) {
	return r.readVersion(ctx, function, "")
}

// readVersion returns what Lambda reports about a version of the function, or with ""
// about the function itself.
func (r *Rollout) readVersion(ctx context.Context, function, version string) (lambda.State, error) {
	state := lambda.State{Function: function}
	in := &sdk.GetFunctionInput{FunctionName: &function}
	if version != "" {
		in.Qualifier = &version
	}
	err := r.call(ctx, func(ctx context.Context) error {
		out, err := r.client.GetFunction(ctx, in, r.bound)
		if err != nil {
			return err
		}
		if c := out.Configuration; c == nil || aws.ToString(c.FunctionName) != function || version != "" && aws.ToString(c.Version) != version {
			return errProxy
		}
		if aws.ToString(out.Configuration.RevisionId) == "" {
			return errors.New("the answer has no RevisionId, without which an update could undo somebody else's; is there a proxy in between?")
		}
		state = stateOf(out)
		return nil
	})
	return state, err
}

func stateOf(out *sdk.GetFunctionOutput) lambda.State {
	c := out.Configuration
	s := lambda.State{
		Function:     aws.ToString(c.FunctionName),
		PackageType:  string(c.PackageType),
		Runtime:      string(c.Runtime),
		Handler:      aws.ToString(c.Handler),
		CodeSha256:   aws.ToString(c.CodeSha256),
		CodeSize:     c.CodeSize,
		RevisionID:   aws.ToString(c.RevisionId),
		LastModified: aws.ToString(c.LastModified),
		Architecture: lambda.X86_64, // Lambda's default
		Pending:      c.State == types.StatePending,
		Failed:       c.State == types.StateFailed,
		Updating:     c.LastUpdateStatus == types.LastUpdateStatusInProgress,
		UpdateFailed: c.LastUpdateStatus == types.LastUpdateStatusFailed,
		Reason:       aws.ToString(c.LastUpdateStatusReason),
		ReasonCode:   string(c.LastUpdateStatusReasonCode),
	}
	if s.Pending || s.Failed {
		s.Reason, s.ReasonCode = aws.ToString(c.StateReason), string(c.StateReasonCode)
	}
	if len(c.Architectures) > 0 {
		s.Architecture = string(c.Architectures[0])
	}
	if e := c.Environment; e != nil {
		s.Variables = e.Variables
		if e.Error != nil {
			s.VariablesError = fmt.Sprintf("%s: %s", aws.ToString(e.Error.ErrorCode), aws.ToString(e.Error.Message))
		}
	}
	for _, layer := range c.Layers {
		if arn := aws.ToString(layer.Arn); lambda.IsBridge(arn) {
			s.Bridge = arn
		} else {
			s.Layers = append(s.Layers, arn)
		}
	}
	if out.Code != nil {
		s.Location = lambda.Secret(aws.ToString(out.Code.Location))
		s.ByReference = out.Code.ResolvedS3Object != nil
	}
	if modified, err := time.Parse("2006-01-02T15:04:05.000-0700", s.LastModified); err == nil {
		s.Modified = modified
	}
	if now, ok := middleware.GetServerTime(out.ResultMetadata); ok && !s.Modified.IsZero() {
		s.Age = max(0, now.Sub(s.Modified))
	}
	return s
}
