package bench

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/emulator"
)

// cloud is an emulator with functions as they stood before any migration.
type cloud struct {
	*emulator.Server
	names  []string       // of the functions
	client *lambda.Client // keeps below the quotas
}

// calls are how many reads and writes of functions there were.
type calls struct{ reads, writes int }

func (c calls) String() string { return fmt.Sprintf("%d writes, %d reads", c.writes, c.reads) }

// openCloud starts one and creates the functions, on go1.x.
func openCloud(ctx context.Context, names []string, quotas emulator.Quotas) (_ *cloud, err error) {
	server, err := emulator.Start(emulator.Options{
		UpdateTime:   time.Second,
		Quotas:       quotas,
		HostBinaries: true, // nothing is invoked
	})
	if err != nil {
		return nil, err
	}
	c := &cloud{Server: server, names: names}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	cfg := server.Config()
	if quotas != (emulator.Quotas{}) {
		awsclient.Limit(&cfg, 0)
	}
	c.client = lambda.NewFromConfig(cfg)
	code, err := smallZip()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		_, err := c.client.CreateFunction(ctx, &lambda.CreateFunctionInput{
			FunctionName: aws.String(prefix + name),
			Runtime:      types.RuntimeGo1x,
			Handler:      aws.String("lambda"),
			Role:         aws.String("arn:aws:iam::" + server.Account() + ":role/functions"),
			Code:         &types.FunctionCode{ZipFile: code},
		})
		if err != nil {
			return nil, fmt.Errorf("creating a function on the emulator: %w", err)
		}
	}
	// The last to be created is the last to become active.
	waiter := lambda.NewFunctionActiveV2Waiter(c.client, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 200*time.Millisecond
	})
	if err := waiter.Wait(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(prefix + names[len(names)-1])}, time.Minute); err != nil {
		return nil, fmt.Errorf("waiting for a function on the emulator: %w", err)
	}
	return c, nil
}

// smallZip is what is deployed before. It is never started.
func smallZip() ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	header := &zip.FileHeader{Name: "lambda"}
	header.SetMode(0o755)
	file, err := w.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write([]byte("before")); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func (c *cloud) count() calls {
	n := c.Calls()
	return calls{
		reads:  n["GetFunction"] + n["GetFunctionConfiguration"],
		writes: n["UpdateFunctionCode"] + n["UpdateFunctionConfiguration"],
	}
}

// run runs a command that migrates the functions, and returns the calls that it
// has made.
func (c *cloud) run(ctx context.Context, cmd command) (usage, calls, error) {
	before := c.count()
	u, err := cmd.run(ctx)
	if err != nil {
		return u, calls{}, err
	}
	after := c.count()
	if err := c.migrated(ctx); err != nil {
		return u, calls{}, fmt.Errorf("%w\n%s", err, tail(u.stderr))
	}
	return u, calls{after.reads - before.reads, after.writes - before.writes}, nil
}

// migrated is an error unless all functions are on provided.al2023 now.
func (c *cloud) migrated(ctx context.Context) error {
	pages := lambda.NewListFunctionsPaginator(c.client, nil)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, f := range page.Functions {
			if f.Runtime != types.RuntimeProvidedal2023 {
				return fmt.Errorf("afterwards %s is still on %s", aws.ToString(f.FunctionName), f.Runtime)
			}
		}
	}
	return nil
}

// onCloud is a side that is measured on an emulator of its own, each time.
func onCloud(name string, functions []string, quotas emulator.Quotas, measure func(context.Context, *cloud) (time.Duration, error)) side {
	return side{name: name, run: func(ctx context.Context) (time.Duration, error) {
		c, err := openCloud(ctx, functions, quotas)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		return measure(ctx, c)
	}}
}
