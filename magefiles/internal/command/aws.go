package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	smithymiddleware "github.com/aws/smithy-go/middleware"

	"example.com/dualboot/magefiles/internal/awserror"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/ui"
)

// LoadAWS returns the AWS configuration of an environment: its profile and
// region, and for everything else what every AWS tool does. A profile that is
// named is used even when the process has credentials of its own.
func LoadAWS(ctx context.Context, env manifest.Environment) (aws.Config, error) {
	// The SDK has things to say about its search for credentials.
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if env.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(env.Profile))
	}
	if env.Region != "" {
		options = append(options, config.WithRegion(env.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return cfg, fmt.Errorf("there is no AWS profile %q, which environment %q uses; run: aws configure --profile %[1]s (or: aws configure sso --profile %[1]s)", missing.Profile, env.Name)
	}
	if err != nil {
		return cfg, fmt.Errorf("loading the AWS configuration of environment %q: %w", env.Name, err)
	}
	if cfg.Region == "" {
		return cfg, fmt.Errorf("no AWS region for environment %q; run: export AWS_REGION=NAME, or name its region in lambdas.json", env.Name)
	}
	return cfg, nil
}

// patient lets the SDK retry for as long as a fleet may need when others use up
// the quotas; package quota waits before each attempt. Attempts and mode of the
// user's own configuration win.
func patient(cfg *aws.Config) {
	if cfg.RetryMode == aws.RetryModeAdaptive {
		return
	}
	attempts := cmp.Or(cfg.RetryMaxAttempts, 10)
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			o.RateLimiter = ratelimit.None
		})
	}
}

// checkCredentials returns whose the credentials are. It stops a run that has
// none, or would go to another account than the manifest says.
func checkCredentials(ctx context.Context, cfg aws.Config, env manifest.Environment) (*sts.GetCallerIdentityOutput, error) {
	way := "run: export AWS_PROFILE=NAME, or name a profile in lambdas.json"
	if profile := cmp.Or(env.Profile, os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE")); profile != "" {
		way = fmt.Sprintf("run: aws sso login --profile %s (or: aws configure --profile %[1]s)", profile)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("no AWS credentials for environment %q; %s (%w)", env.Name, way, err)
	}
	// Who cannot reach AWS is to know it soon.
	client := sts.NewFromConfig(cfg, func(o *sts.Options) { o.RetryMaxAttempts = 3 })
	who, err := client.GetCallerIdentity(ctx, nil)
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() == http.StatusForbidden {
		return nil, fmt.Errorf("AWS refuses the credentials of environment %q; %s (%w)", env.Name, way, awserror.Explain(err, ""))
	}
	if err != nil {
		return nil, fmt.Errorf("asking AWS whose the credentials of environment %q are: %w", env.Name, awserror.Explain(err, ""))
	}
	if got := aws.ToString(who.Account); env.Account != "" && got != env.Account {
		return nil, fmt.Errorf("the credentials belong to AWS account %s, and environment %q is account %s; nothing was read or changed; use other credentials, or correct \"account\" in lambdas.json", got, env.Name, env.Account)
	}
	return who, nil
}

// calls counts the requests sent to AWS by operation, retries included.
type calls struct {
	mu    sync.Mutex
	count map[string]int
}

func (c *calls) watch(cfg *aws.Config) {
	c.count = map[string]int{}
	count := smithymiddleware.FinalizeMiddlewareFunc("CountCalls", func(ctx context.Context, in smithymiddleware.FinalizeInput, next smithymiddleware.FinalizeHandler) (smithymiddleware.FinalizeOutput, smithymiddleware.Metadata, error) {
		c.mu.Lock()
		c.count[middleware.GetOperationName(ctx)]++
		c.mu.Unlock()
		return next.HandleFinalize(ctx, in)
	})
	cfg.APIOptions = append(cfg.APIOptions, func(stack *smithymiddleware.Stack) error {
		return stack.Finalize.Insert(count, "Retry", smithymiddleware.After)
	})
}

func (c *calls) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ui.Counts(c.count)
}
