package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/lambdatest"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// The fleet of a world: two functions, and the runtimes before their migration.
var (
	fleetNames = []string{"legacy", "al2"}
	previous   = []string{lambda.Go1x, lambda.ProvidedAL2}
)

// settle is the settle delay. The emulator's window is as long: after an update,
// the version before may serve until then. It is longer than an update with its
// poll takes, so that two updates without a settle delay between them mix.
const settle = 12 * time.Millisecond

// world is an emulator with a fleet.
type world struct {
	server *emulator.Server
	goals  []fleet.Function // as a command has them before it reads them

	mu      sync.Mutex
	served  map[string][]emulator.Deployment
	fails   int // this update ends Failed, counted from 1
	updates int
}

// unmigrated starts a world before the first deploy.
func unmigrated(zips lambda.Zips) (*world, error) {
	return newWorld(zips, lambdatest.Executables("lambda"), lambdatest.Executables("bootstrap"))
}

// switched starts a world right after the first deploy: what served before the
// switch may still serve.
func switched(zips lambda.Zips) (*world, error) {
	dual, err := zips.Dual.Read()
	if err != nil {
		return nil, err
	}
	w, err := newWorld(zips, dual, dual)
	if err != nil {
		return nil, err
	}
	client := sdk.NewFromConfig(w.server.Config())
	for _, name := range fleetNames {
		if _, err := client.UpdateFunctionConfiguration(context.Background(), &sdk.UpdateFunctionConfigurationInput{
			FunctionName: &name, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		}); err != nil {
			return nil, errors.Join(err, w.server.Close())
		}
	}
	updated := sdk.NewFunctionUpdatedV2Waiter(client, func(o *sdk.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 2*time.Millisecond
	})
	for _, name := range fleetNames {
		if err := updated.Wait(context.Background(), &sdk.GetFunctionInput{FunctionName: &name}, time.Minute); err != nil {
			return nil, errors.Join(err, w.server.Close())
		}
	}
	return w, nil
}

// newWorld starts a world with functions on their previous runtimes.
func newWorld(zips lambda.Zips, deployed ...[]byte) (*world, error) {
	w := &world{served: map[string][]emulator.Deployment{}}
	server, err := emulator.Start(emulator.Options{
		UpdateTime: 2 * time.Millisecond,
		Window:     settle,
		Mixed:      true,
		OnServe: func(d emulator.Deployment) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.served[d.Function] = append(w.served[d.Function], d)
		},
		FailUpdate: func(string, string) *emulator.Failure {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.updates++; w.updates != w.fails {
				return nil
			}
			return &emulator.Failure{Reason: "the test wants it", ReasonCode: "InternalError"}
		},
	})
	if err != nil {
		return nil, err
	}
	w.server = server
	for i, zip := range deployed {
		if err := w.create(fleetNames[i], previous[i], zip); err != nil {
			return nil, errors.Join(err, server.Close())
		}
		w.goals = append(w.goals, fleet.Function{
			Target: manifest.Target{FunctionName: fleetNames[i], Dual: true}, Zips: zips,
			Goal: fleet.Goal{Settle: settle, Previous: previous[i]},
		})
	}
	return w, nil
}

// create creates a function and waits until it is active.
func (w *world) create(name, runtime string, zip []byte) error {
	client := sdk.NewFromConfig(w.server.Config())
	if _, err := client.CreateFunction(context.Background(), &sdk.CreateFunctionInput{
		FunctionName: &name, Runtime: types.Runtime(runtime), Handler: aws.String(lambda.Handler(runtime)),
		Role: aws.String("arn:aws:iam::123456789012:role/r"), Code: &types.FunctionCode{ZipFile: zip},
	}); err != nil {
		return err
	}
	active := sdk.NewFunctionActiveV2Waiter(client, func(o *sdk.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 2*time.Millisecond
	})
	return active.Wait(context.Background(), &sdk.GetFunctionInput{FunctionName: &name}, time.Minute)
}

// run does the action for one function after the other.
func (w *world) run(ctx context.Context, n *network, action fleet.Action) error {
	cfg := w.server.Config()
	n.inner = http.DefaultTransport
	cfg.HTTPClient = &http.Client{Transport: n}
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.RateLimiter = ratelimit.None
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
		})
	}
	r := rollout.New(sdk.NewFromConfig(cfg), rollout.Options{
		FirstPoll: 3 * time.Millisecond, MaxPoll: 2 * time.Millisecond, Limit: 3 * time.Second, Grace: 50 * time.Millisecond,
		HTTP: cfg.HTTPClient,
	})
	var functions []*fleet.Function
	for _, goal := range w.goals {
		goal.Action = action
		functions = append(functions, &goal)
	}
	fleet.Each(functions, 1, func(f *fleet.Function) { r.Observe(ctx, f) })
	fleet.Each(functions, 1, func(f *fleet.Function) { r.Apply(ctx, f) })
	return fleet.Errors(functions)
}

// invariant returns an error if a function could not start at some moment.
func (w *world) invariant() error {
	for _, name := range fleetNames {
		for _, d := range w.served[name] {
			if !d.Startable() {
				return fmt.Errorf("there was a moment with %+v", d)
			}
		}
	}
	return nil
}
