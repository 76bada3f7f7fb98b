// Package awsclient connects to one AWS account and region: it loads the
// configuration, checks the identity, keeps below the quotas, counts calls and
// explains errors.
package awsclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	smithymiddleware "github.com/aws/smithy-go/middleware"
)

// Access says how to reach the account and region of an environment.
type Access struct {
	Environment string  // its name, for errors
	Profile     string  // AWS profile; default: what every AWS tool finds
	Region      string  // default: what every AWS tool finds
	Account     string  // twelve digits that the identity must match; default: any
	Calls       float64 // control-plane calls a second; default [DefaultCalls]
}

// Client is a connection to one account and region.
type Client struct {
	Config  aws.Config
	Account string // from GetCallerIdentity
	ARN     string // of the caller

	base      aws.Config // without what connect adds
	rate      float64    // see Access.Calls
	calls     *calls
	explainer explainer
}

// Calls returns the number of requests that were sent so far, by operation.
// Retries count.
func (c *Client) Calls() map[string]int {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	return maps.Clone(c.calls.count)
}

// Sent returns the number of requests that were sent so far, and of the bytes in
// their bodies. Retries count.
func (c *Client) Sent() (requests int, bytes int64) {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	for _, n := range c.calls.count {
		requests += n
	}
	return requests, c.calls.bytes
}

// Load returns the AWS configuration of an environment. A profile that is named
// wins over credentials in the environment of the process.
func Load(ctx context.Context, a Access) (aws.Config, error) {
	// The SDK logs its search for credentials.
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if a.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(a.Profile))
	}
	if a.Region != "" {
		options = append(options, config.WithRegion(a.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return cfg, fmt.Errorf("there is no AWS profile %q, which environment %q uses; run: aws configure --profile %[1]s (or: aws configure sso --profile %[1]s)", missing.Profile, a.Environment)
	}
	if err != nil {
		return cfg, fmt.Errorf("loading the AWS configuration of environment %q: %w", a.Environment, err)
	}
	if cfg.Region == "" {
		return cfg, fmt.Errorf("no AWS region for environment %q; run: export AWS_REGION=NAME, or add its region to lambdas.json", a.Environment)
	}
	return cfg, checkEndpoint(aws.ToString(cfg.BaseEndpoint))
}

// checkEndpoint returns an error if a configured endpoint is not a URL of a server.
func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case endpoint == "", err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return nil
	case strings.Contains(endpoint, "//"):
		return fmt.Errorf("the endpoint %q is not a URL; correct AWS_ENDPOINT_URL, such as to https://HOST:PORT", endpoint)
	}
	return fmt.Errorf("the endpoint %q is not a URL; correct AWS_ENDPOINT_URL: write http://%[1]s or https://%[1]s", endpoint)
}

// New returns a client with the configuration. It sends nothing.
func New(cfg aws.Config, a Access) *Client {
	cfg.APIOptions = slices.Clip(cfg.APIOptions) // so that clients do not share what they append
	c := &Client{base: cfg, rate: a.Calls, calls: &calls{count: map[string]int{}}, explainer: newExplainer(cfg, a)}
	c.connect()
	return c
}

// connect sets Config: base with what watches and limits the calls.
func (c *Client) connect() {
	c.Config = c.base.Copy()
	retryLong(&c.Config)
	c.explainer.watch(&c.Config)
	guard(&c.Config)
	c.calls.watch(&c.Config)
	c.calls.weigh(&c.Config)
	Limit(&c.Config, c.rate)
}

// retryLong makes the SDK retry for as long as a fleet may need while others use
// up the quotas. [Limit] waits before each attempt. The user's own retry mode and
// number of attempts win.
func retryLong(cfg *aws.Config) {
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

// Identify calls GetCallerIdentity and sets Account and ARN. It fails if there
// are no valid credentials, or if they belong to another account than a names.
func (c *Client) Identify(ctx context.Context, a Access) error {
	if err := c.retrieve(ctx, a); err != nil {
		return err
	}
	// Fail fast when AWS is unreachable.
	client := sts.NewFromConfig(c.Config, func(o *sts.Options) { o.RetryMaxAttempts = 3 })
	caller, err := client.GetCallerIdentity(ctx, nil)
	response, answered := errors.AsType[*awshttp.ResponseError](err)
	switch {
	case answered && response.HTTPStatusCode() == http.StatusForbidden && Code(err) != "" && !wrongRegion(err):
		return fmt.Errorf("AWS refuses the credentials of environment %q; %s (%w)", a.Environment, c.fix(a), Explain(err, ""))
	case err != nil:
		return fmt.Errorf("calling GetCallerIdentity for environment %q: %w", a.Environment, Explain(err, ""))
	case aws.ToString(caller.Account) == "":
		return fmt.Errorf("calling GetCallerIdentity for environment %q: the answer names no account; is there a proxy in between?", a.Environment)
	}
	c.Account, c.ARN = aws.ToString(caller.Account), aws.ToString(caller.Arn)
	if a.Account != "" && c.Account != a.Account {
		return fmt.Errorf("the credentials belong to AWS account %s, but environment %q is in account %s; nothing was read or changed; use other credentials, or correct \"account\" in lambdas.json", c.Account, a.Environment, a.Account)
	}
	return nil
}

// retrieving limits the time in which credentials are retrieved: it is what the
// SDK grants a credential_process.
const retrieving = time.Minute

// retrieve retrieves the credentials.
func (c *Client) retrieve(ctx context.Context, a Access) error {
	limited, cancel := context.WithTimeout(ctx, retrieving)
	defer cancel()
	_, err := c.Config.Credentials.Retrieve(limited)
	if err == nil {
		return nil
	}
	// If nothing is configured, the SDK has looked for the role of a machine, and
	// that there is none is no problem of the network.
	if text := c.explainer.unreachable(err); text != "" && c.explainer.renewal != "" {
		return fmt.Errorf("no AWS credentials for environment %q: %w", a.Environment, &explained{err: err, text: text})
	}
	return fmt.Errorf("no AWS credentials for environment %q; %s (%w)", a.Environment, c.fix(a), err)
}

// fix says how to get valid credentials.
func (c *Client) fix(a Access) string {
	if c.explainer.renewal != "" {
		return c.explainer.renewal
	}
	if profile := cmp.Or(a.Profile, os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE")); profile != "" {
		return fmt.Sprintf("run: aws sso login --profile %s (or: aws configure --profile %[1]s)", profile)
	}
	return "run: export AWS_PROFILE=NAME, or add a profile to lambdas.json"
}

// calls counts the requests sent to AWS by operation.
type calls struct {
	mu    sync.Mutex
	count map[string]int
	bytes int64
}

func (c *calls) watch(cfg *aws.Config) {
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
