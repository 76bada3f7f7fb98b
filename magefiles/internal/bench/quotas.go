package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/time/rate"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/text"
)

// perFunction is how many functions of the quotas' fleet there are for each of
// the others.
const perFunction = 20

// quotas measures a large fleet of tiny functions under AWS's quotas, alone and
// beside another client.
func (b *bench) quotas(ctx context.Context) error {
	n := perFunction * b.n
	settle := min(time.Minute, time.Duration(n)*time.Minute/1000)
	f, err := newShared(filepath.Join(b.dir, "quotas"), b.root, n, settle, map[string][]byte{
		"main.go": []byte("package main\n\nfunc main() {}\n"),
	})
	if err != nil {
		return err
	}
	defer os.RemoveAll(f.dir)
	zipping := fmt.Sprintf("quotas: zipping %s, %s on disk", text.Count(n, "function"), megabytes(int64(n)*1_700_000))
	if err := b.once(ctx, zipping, b.tool(f, nil, "zip")); err != nil {
		return err
	}

	what := fmt.Sprintf("deploy, %s, AWS's quotas, settle delay %s, once", text.Count(n, "function"), seconds(settle))
	b.progress.Notef("quotas: to create them takes %s each time", seconds(atRate(n, awsclient.DefaultCalls)))
	var complaints, throttled int
	alone := onCloud(dualboot, f.names, emulator.AWSQuotas(), func(ctx context.Context, c *cloud) (time.Duration, error) {
		before := c.Throttled()
		u, err := b.tool(f, c.Environment(), "deployProd").run(ctx)
		complaints, throttled = countThrottling(u.stderr), c.Throttled()-before
		if err != nil {
			return 0, err
		}
		return u.took, c.migrated(ctx)
	})
	alone.runs = 1
	r := b.turns(ctx, what, alone)[0]
	none := row{what: "throttling errors reported by it", ours: r.cell(), goal: "0"}
	if len(r.took) > 0 {
		none.ours, none.missed = fmt.Sprintf("%d (%d calls throttled)", complaints, throttled), complaints > 0
	}
	b.add(versus(what, r, updates(n, 1), within(1.15)), none)

	what = "the same while another client asks for half of the quotas, once"
	beside := onCloud(dualboot, f.names, emulator.AWSQuotas(), func(ctx context.Context, c *cloud) (time.Duration, error) {
		other := c.disturb(ctx)
		u, err := b.tool(f, c.Environment(), "deployProd").run(ctx)
		if err := errors.Join(err, other.stop()); err != nil {
			return 0, err
		}
		return u.took, c.migrated(ctx)
	})
	beside.runs = 1
	r = b.turns(ctx, what, beside)[0]
	shared := versus(what, r, updates(n, 0.5), goal{})
	shared.goal, shared.missed = "no error", len(r.took) == 0
	b.add(shared)
	return nil
}

// countThrottling counts the lines that complain of throttling.
func countThrottling(stderr string) (n int) {
	complaint := regexp.MustCompile(`(?i)throttl|TooManyRequests|rate exceeded`)
	for line := range strings.Lines(stderr) {
		if complaint.MatchString(line) {
			n++
		}
	}
	return n
}

// client is another user of the account, who does not care for others.
type client struct {
	cancel context.CancelFunc
	calls  sync.WaitGroup

	mu  sync.Mutex
	err error // the first
}

// disturb asks for half of both quotas until it is stopped.
func (c *cloud) disturb(ctx context.Context) *client {
	api := lambda.NewFromConfig(c.Config(), func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
	ctx, cancel := context.WithCancel(ctx)
	other := &client{cancel: cancel}
	q := emulator.AWSQuotas()
	other.every(ctx, q.ControlPlane/2, func() error {
		_, err := api.ListFunctions(ctx, nil)
		return err
	})
	other.every(ctx, q.GetFunction/2, func() error {
		_, err := api.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(prefix + c.names[0])})
		return err
	})
	return other
}

// every calls so many times a second, whatever comes of it.
func (o *client) every(ctx context.Context, perSecond float64, call func() error) {
	limiter := rate.NewLimiter(rate.Limit(perSecond), 1)
	o.calls.Go(func() {
		for limiter.Wait(ctx) == nil {
			o.calls.Go(func() { o.keep(ctx, call()) })
		}
	})
}

// keep keeps the error of a call, unless it was throttled or stopped.
func (o *client) keep(ctx context.Context, err error) {
	if _, ok := errors.AsType[*types.TooManyRequestsException](err); ok || ctx.Err() != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = cmp.Or(o.err, err)
}

func (o *client) stop() error {
	o.cancel()
	o.calls.Wait()
	if o.err != nil {
		return fmt.Errorf("the other client: %w", o.err)
	}
	return nil
}
