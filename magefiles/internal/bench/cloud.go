package bench

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/text"
)

// cloud is an emulator with functions to migrate.
type cloud struct {
	*emulator.Server
	client *lambda.Client // stays below the quotas
}

// openCloud starts an emulator and creates the functions on go1.x.
func openCloud(ctx context.Context, names []string, quotas emulator.Quotas) (*cloud, error) {
	server, err := emulator.Start(emulator.Options{
		UpdateTime:   time.Second,
		Quotas:       quotas,
		HostBinaries: true, // no function is invoked
	})
	if err != nil {
		return nil, err
	}
	cfg := server.Config()
	if quotas != (emulator.Quotas{}) {
		awsclient.Limit(&cfg, 0)
	}
	c := &cloud{server, lambda.NewFromConfig(cfg)}
	if err := c.create(ctx, names); err != nil {
		return nil, errors.Join(fmt.Errorf("creating functions on the emulator: %w", err), c.Close())
	}
	return c, nil
}

// create creates functions on go1.x that cannot be started.
func (c *cloud) create(ctx context.Context, names []string) error {
	var code bytes.Buffer
	w := zip.NewWriter(&code)
	_, err := w.Create("lambda")
	err = errors.Join(err, w.Close())
	for _, name := range names {
		if err != nil {
			return err
		}
		_, err = c.client.CreateFunction(ctx, &lambda.CreateFunctionInput{
			FunctionName: aws.String(prefix + name),
			Runtime:      types.RuntimeGo1x,
			Handler:      aws.String("lambda"),
			Role:         aws.String("arn:aws:iam::" + c.Account() + ":role/functions"),
			Code:         &types.FunctionCode{ZipFile: code.Bytes()},
		})
	}
	// The function that is created last becomes active last.
	waiter := lambda.NewFunctionActiveV2Waiter(c.client, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 200*time.Millisecond
	})
	last := aws.String(prefix + names[len(names)-1])
	return errors.Join(err, waiter.Wait(ctx, &lambda.GetFunctionInput{FunctionName: last}, time.Minute))
}

// migrate runs a script that migrates all functions, and counts its calls.
func (c *cloud) migrate(ctx context.Context, s script) (sample, error) {
	before := c.Calls()
	x, err := s.with(c.Environment()...).run(ctx)
	if err != nil {
		return x, err
	}
	after := c.Calls()
	calls := func(first, second string) int64 {
		return int64(after[first] + after[second] - before[first] - before[second])
	}
	x.count = calls("UpdateFunctionCode", "UpdateFunctionConfiguration")
	x.counted = text.Count(x.count, "write") + ", " + text.Count(calls("GetFunction", "GetFunctionConfiguration"), "read")
	return x, c.check(ctx, x)
}

// check returns an error unless all functions are on provided.al2023 after a
// run.
func (c *cloud) check(ctx context.Context, x sample) error {
	pages := lambda.NewListFunctionsPaginator(c.client, nil)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, f := range page.Functions {
			if f.Runtime != types.RuntimeProvidedal2023 {
				return fmt.Errorf("%s is still on %s\n%s", aws.ToString(f.FunctionName), f.Runtime, tail(x.stderr))
			}
		}
	}
	return nil
}

// onCloud returns a run that has an emulator of its own each time.
func onCloud(names []string, quotas emulator.Quotas, run func(context.Context, *cloud) (sample, error)) run {
	return func(ctx context.Context) (sample, error) {
		c, err := openCloud(ctx, names, quotas)
		if err != nil {
			return sample{}, err
		}
		defer c.Close()
		return run(ctx, c)
	}
}

// migration returns a run in which a script migrates the functions.
func migration(names []string, quotas emulator.Quotas, s script) run {
	return onCloud(names, quotas, func(ctx context.Context, c *cloud) (sample, error) { return c.migrate(ctx, s) })
}
