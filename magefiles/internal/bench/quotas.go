package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/text"
)

// quotas measures deploys of 20 times as many tiny functions under AWS's quotas,
// first alone and then beside another client.
func (b *bench) quotas(ctx context.Context) error {
	n := 20 * b.n
	settle := min(time.Minute, time.Duration(n)*time.Minute/1000)
	f := b.newFleet("quotas", n, 1, settle)
	f.writeSource(0, "_files/tiny/main.go", "")
	defer os.RemoveAll(f.dir)
	b.Progress("quotas: zipping %s", text.Count(n, "function"))
	if _, err := b.tool(f, "zip").run(ctx); err != nil {
		return err
	}
	b.Progress("quotas: creating the functions takes %.3g s each time", float64(n)/awsclient.DefaultCalls)
	deploy := b.tool(f, "deployProd")

	what := fmt.Sprintf("deploy, %s, AWS's quotas, settle delay %s, once", text.Count(n, "function"), text.Duration(settle))
	alone := b.measureOurs(ctx, 1, what, onCloud(f.names, emulator.AWSQuotas(), func(ctx context.Context, c *cloud) (sample, error) {
		before := c.Throttled()
		x, err := c.migrate(ctx, deploy)
		x.count = int64(throttlingErrors(x.stderr))
		x.counted = fmt.Sprintf("%d (%s throttled)", x.count, text.Count(c.Throttled()-before, "call"))
		return x, err
	}))
	b.row(what, alone, calculated(updates(n, 1)), wall, within(1.15))
	b.row("throttling errors reported by it", alone, side{}, count, exactly(0, "0"))

	what = "the same while another client asks for half of the quotas, once"
	beside := b.measureOurs(ctx, 1, what, onCloud(f.names, emulator.AWSQuotas(), func(ctx context.Context, c *cloud) (sample, error) {
		stop := c.disturb(ctx, f.names[0])
		x, err := deploy.with(c.Environment()...).run(ctx)
		if err := errors.Join(err, stop()); err != nil {
			return x, err
		}
		return x, c.check(ctx, x)
	}))
	b.row(what, beside, calculated(updates(n, 0.5)), wall, goal{"no error", ratio, func(ours, _ float64) bool { return math.IsNaN(ours) }})
	return nil
}

// throttlingErrors counts the lines that report throttling.
func throttlingErrors(stderr string) int {
	return len(regexp.MustCompile(`(?im)^.*(throttl|TooManyRequests|rate exceeded).*$`).FindAllString(stderr, -1))
}

// disturb calls for half of both quotas, throttled or not, until stop is called.
// stop returns the first error other than throttling.
func (c *cloud) disturb(ctx context.Context, name string) (stop func() error) {
	api := lambda.NewFromConfig(c.Config(), func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
	ctx, cancel := context.WithCancel(ctx)
	var calls errgroup.Group
	every := func(perSecond float64, call func() error) {
		limiter := rate.NewLimiter(rate.Limit(perSecond), 1)
		calls.Go(func() error {
			for limiter.Wait(ctx) == nil {
				calls.Go(func() error {
					err := call()
					if _, throttled := errors.AsType[*types.TooManyRequestsException](err); throttled || ctx.Err() != nil {
						return nil
					}
					return err
				})
			}
			return nil
		})
	}
	q := emulator.AWSQuotas()
	every(q.ControlPlane/2, func() error {
		_, err := api.ListFunctions(ctx, nil)
		return err
	})
	every(q.GetFunction/2, func() error {
		_, err := api.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(prefix + name)})
		return err
	})
	return func() error {
		cancel()
		if err := calls.Wait(); err != nil {
			return fmt.Errorf("calling as another client: %w", err)
		}
		return nil
	}
}
