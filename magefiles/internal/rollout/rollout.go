package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/sync/semaphore"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Client is the part of *lambda.Client that a rollout calls. It must retry
// throttling, 5xx and broken connections.
type Client interface {
	GetFunction(context.Context, *sdk.GetFunctionInput, ...func(*sdk.Options)) (*sdk.GetFunctionOutput, error)
	UpdateFunctionCode(context.Context, *sdk.UpdateFunctionCodeInput, ...func(*sdk.Options)) (*sdk.UpdateFunctionCodeOutput, error)
	UpdateFunctionConfiguration(context.Context, *sdk.UpdateFunctionConfigurationInput, ...func(*sdk.Options)) (*sdk.UpdateFunctionConfigurationOutput, error)

	// The following are for functions with a snapshot.
	PublishVersion(context.Context, *sdk.PublishVersionInput, ...func(*sdk.Options)) (*sdk.PublishVersionOutput, error)
	ListVersionsByFunction(context.Context, *sdk.ListVersionsByFunctionInput, ...func(*sdk.Options)) (*sdk.ListVersionsByFunctionOutput, error)
	ListEventSourceMappings(context.Context, *sdk.ListEventSourceMappingsInput, ...func(*sdk.Options)) (*sdk.ListEventSourceMappingsOutput, error)
	GetEventSourceMapping(context.Context, *sdk.GetEventSourceMappingInput, ...func(*sdk.Options)) (*sdk.GetEventSourceMappingOutput, error)
	UpdateEventSourceMapping(context.Context, *sdk.UpdateEventSourceMappingInput, ...func(*sdk.Options)) (*sdk.UpdateEventSourceMappingOutput, error)

	// The following are for the bridge.
	ListLayerVersions(context.Context, *sdk.ListLayerVersionsInput, ...func(*sdk.Options)) (*sdk.ListLayerVersionsOutput, error)
	GetLayerVersion(context.Context, *sdk.GetLayerVersionInput, ...func(*sdk.Options)) (*sdk.GetLayerVersionOutput, error)
	PublishLayerVersion(context.Context, *sdk.PublishLayerVersionInput, ...func(*sdk.Options)) (*sdk.PublishLayerVersionOutput, error)
	DeleteLayerVersion(context.Context, *sdk.DeleteLayerVersionInput, ...func(*sdk.Options)) (*sdk.DeleteLayerVersionOutput, error)
	ListFunctions(context.Context, *sdk.ListFunctionsInput, ...func(*sdk.Options)) (*sdk.ListFunctionsOutput, error)
}

// Options are the limits of a rollout. The zero value is right for AWS.
type Options struct {
	// Uploads limits the bytes of zips that are sent at the same time; default
	// 48 MiB. A larger zip is sent alone. While it is sent, a zip takes about six
	// times its size in memory: the request holds it in base64, and the SDK copies
	// the request.
	Uploads int64
	// FirstPoll is the delay before the first poll of an update; default 1 s,
	// about what a function outside a VPC takes. The second delay is half of it,
	// for an update that takes a little longer, and each further one is 1.5 times
	// the previous one, up to MaxPoll; default 5 s.
	FirstPoll, MaxPoll time.Duration
	// Limit is how long an update may take, and how long to wait for the updates
	// of others; default 10 minutes. It also limits each attempt of a call.
	Limit time.Duration
	// Stale is how long GetFunction may still show a revision that an update has
	// replaced before that is an error; default 1 minute.
	Stale time.Duration
	// Grace is how long calls in flight may continue after the context is done;
	// default 4 s, because mage ends its targets 5 s after an interrupt.
	Grace time.Duration
	// Upload sends a package that is too large for a request to the bucket of the
	// environment and returns its key. It is required if there is a bucket.
	Upload func(context.Context, *lambda.Package) (key string, err error)
	// Check returns an error unless a program in the deployed zip of a function in a
	// state is known to start on provided.al2023. It is required for deploys.
	Check func(ctx context.Context, state lambda.State, file string) error
	// Bridge returns the layer that starts such a program. It is required for deploys.
	Bridge func(context.Context) (bundle.Layer, error)
	// Rejected, if not nil, is called when AWS rejects code for a runtime for the first
	// time.
	Rejected func(runtime string)
	// HTTP downloads the directories of deployed zips; default
	// http.DefaultClient.
	HTTP bundle.Doer
	// Events, if not nil, is called when a step begins, and when an update has to
	// wait for its turn before, from many goroutines.
	Events func(fleet.Event)
}

const (
	// downloads limits the zips that are read at the same time.
	downloads = 64
	// switches limits the UpdateFunctionConfiguration calls that are sent at the
	// same time. More would take the quota from the UpdateFunctionCode calls, few
	// of which fit into Options.Uploads and which the settle delay follows.
	switches = 8
)

// Rollout works on the functions of one account and region. Its methods may be
// called from many goroutines.
type Rollout struct {
	client    Client
	opts      Options
	uploads   *semaphore.Weighted
	downloads *semaphore.Weighted
	switches  *semaphore.Weighted
	bridge    bridge
	rejected  sync.Map // runtimes for which AWS has rejected code
}

// New returns a rollout that calls the client.
func New(client Client, opts Options) *Rollout {
	opts.Uploads = cmp.Or(opts.Uploads, 48<<20)
	opts.FirstPoll = cmp.Or(opts.FirstPoll, time.Second)
	opts.MaxPoll = cmp.Or(opts.MaxPoll, 5*time.Second)
	opts.Limit = cmp.Or(opts.Limit, 10*time.Minute)
	opts.Stale = cmp.Or(opts.Stale, time.Minute)
	opts.Grace = cmp.Or(opts.Grace, 4*time.Second)
	opts.HTTP = cmp.Or[bundle.Doer](opts.HTTP, http.DefaultClient)
	return &Rollout{
		client: client, opts: opts,
		uploads: semaphore.NewWeighted(opts.Uploads), downloads: semaphore.NewWeighted(downloads), switches: semaphore.NewWeighted(switches),
		bridge: bridge{publishing: semaphore.NewWeighted(1), used: map[string]bool{}},
	}
}

// bound limits the time of each attempt of a call. The time that the call waits
// for its turn under the quotas does not count: it depends on the fleet.
func (r *Rollout) bound(o *sdk.Options) {
	bound := middleware.DeserializeMiddlewareFunc("Bound", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		ctx, cancel := context.WithTimeout(ctx, r.opts.Limit)
		defer cancel()
		return next.HandleDeserialize(ctx, in)
	})
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(bound, middleware.Before)
	})
}

// begin calls do once an attempt of a call is sent: after its turn under the quotas
// has come.
func begin(do func()) func(*sdk.Options) {
	begin := middleware.DeserializeMiddlewareFunc("Begin", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		do()
		return next.HandleDeserialize(ctx, in)
	})
	return func(o *sdk.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Add(begin, middleware.Before)
		})
	}
}

// emit reports what happens to a function.
func (r *Rollout) emit(e fleet.Event) {
	if r.opts.Events != nil {
		e.At = time.Now()
		r.opts.Events(e)
	}
}

// call makes one call to AWS, and explains its error.
func (r *Rollout) call(ctx context.Context, do func(context.Context) error) error {
	return explain(r.finish(ctx, do))
}

// finish makes one call to AWS. A call in flight outlives ctx by the grace, so that
// an interrupt does not cut it off. A call that still waits for its turn under
// the quotas is not sent.
func (r *Rollout) finish(ctx context.Context, do func(context.Context) error) error {
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(r.opts.Grace, cancel) })
	defer stop()
	err := do(awsclient.Until(call, ctx))
	if errors.Is(err, awsclient.ErrNotSent) {
		return fleet.ErrInterrupted
	}
	if err != nil && errors.Is(call.Err(), context.Canceled) {
		return fmt.Errorf("interrupted, and AWS did not answer within %v; an update may have taken effect: %w", r.opts.Grace, context.Canceled)
	}
	return err
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
