package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/semaphore"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// bridge is the layer that functions have for a while. They share one version of it.
type bridge struct {
	publishing *semaphore.Weighted // one function finds or publishes the version, and others wait for it

	mu   sync.Mutex
	arn  string          // of the version to attach, or ""
	used map[string]bool // names of the layers that this run publishes or detaches
}

func (b *bridge) version() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.arn
}

func (b *bridge) setVersion(arn string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.arn = arn
}

// use records that this run publishes or detaches a version of a layer.
func (b *bridge) use(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used[name] = true
}

// layerVersion returns the version of the bridge to attach: the newest one that has the
// content, or a new one. Two runs at the same time may publish one each.
func (r *Rollout) layerVersion(ctx context.Context) (arn string, err error) {
	if r.bridge.publishing.Acquire(ctx, 1) != nil {
		return "", fleet.ErrInterrupted
	}
	defer r.bridge.publishing.Release(1)
	if arn := r.bridge.version(); arn != "" {
		return arn, nil
	}
	layer, err := r.opts.Bridge(ctx)
	if err != nil {
		return "", err
	}
	if arn, err = r.published(ctx, layer); err == nil && arn == "" {
		arn, err = r.publishNew(ctx, layer)
	}
	if err == nil {
		r.bridge.setVersion(arn)
	}
	return arn, err
}

// published returns the newest version of a layer that has its content, or "".
func (r *Rollout) published(ctx context.Context, layer bundle.Layer) (arn string, err error) {
	versions, err := r.versions(ctx, layer.Name)
	if err != nil {
		return "", err
	}
	for _, v := range versions {
		in := &sdk.GetLayerVersionInput{LayerName: &layer.Name, VersionNumber: &v.Version}
		err := r.layerCall(ctx, "reading", layer.Name, func(ctx context.Context) error {
			out, err := r.client.GetLayerVersion(ctx, in, r.bound)
			if err == nil && out.Content != nil && aws.ToString(out.Content.CodeSha256) == layer.CodeSha256 {
				arn = aws.ToString(out.LayerVersionArn)
			}
			return err
		})
		if lambda.IsBridge(arn) || err != nil && awsclient.Code(err) != "ResourceNotFoundException" { // somebody has deleted it
			return arn, err
		}
	}
	return "", nil
}

// versions returns the versions of a layer, the newest first.
func (r *Rollout) versions(ctx context.Context, name string) (list []types.LayerVersionsListItem, err error) {
	pages := sdk.NewListLayerVersionsPaginator(r.client, &sdk.ListLayerVersionsInput{LayerName: &name})
	for pages.HasMorePages() {
		err := r.layerCall(ctx, "listing the versions of", name, func(ctx context.Context) error {
			page, err := pages.NextPage(ctx, r.bound)
			if err == nil {
				list = append(list, page.LayerVersions...)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (r *Rollout) publishNew(ctx context.Context, layer bundle.Layer) (arn string, err error) {
	r.bridge.use(layer.Name)
	in := &sdk.PublishLayerVersionInput{
		LayerName:   &layer.Name,
		Description: aws.String("dualboot: starts the handler of " + lambda.Go1x + " on " + lambda.ProvidedAL2023),
		Content:     &types.LayerVersionContentInput{ZipFile: layer.Zip},
	}
	err = r.layerCall(ctx, "publishing", layer.Name, func(ctx context.Context) error {
		out, err := r.client.PublishLayerVersion(ctx, in, r.bound)
		if err != nil {
			return err
		}
		if arn = aws.ToString(out.LayerVersionArn); !lambda.IsBridge(arn) {
			return errProxy
		}
		return nil
	})
	return arn, err
}

// layerCall makes one call to AWS for a layer.
func (r *Rollout) layerCall(ctx context.Context, doing, name string, do func(context.Context) error) error {
	err := r.finish(ctx, do)
	if err != nil && !errors.Is(err, fleet.ErrInterrupted) {
		err = fmt.Errorf("%s the layer %s: %w", doing, name, awsclient.Explain(err, ""))
	}
	return err
}

// mostDeleted is how often a version of the bridge is published again because another
// run has deleted the one to attach.
const mostDeleted = 3

// attach attaches the bridge to a function, after its other layers.
func (r *Rollout) attach(ctx context.Context, in *sdk.UpdateFunctionConfigurationInput, state lambda.State, begun func()) error {
	for tries := 1; ; tries++ {
		arn, err := r.layerVersion(ctx)
		if err != nil {
			return err
		}
		in.Layers = append(slices.Clone(state.Layers), arn)
		err = r.configure(ctx, in, begun)
		if awsclient.Code(err) != "InvalidParameterValueException" || !strings.Contains(err.Error(), arn+" does not exist") || tries == mostDeleted {
			return err
		}
		r.bridge.setVersion("")
	}
}

// Tidy deletes the versions of the layers that this run has published or detached, if
// no function has them, and returns their names. A function that another run attaches
// one to meanwhile keeps it. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/creating-deleting-layers.html
func (r *Rollout) Tidy(ctx context.Context) (deleted []string, err error) {
	if len(r.bridge.used) == 0 || ctx.Err() != nil {
		return nil, nil
	}
	used, err := r.attached(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(r.bridge.used)) {
		versions, err := r.versions(ctx, name)
		if err != nil {
			return deleted, err
		}
		for _, v := range versions {
			if arn := aws.ToString(v.LayerVersionArn); used[arn] || lambda.LayerName(arn) != name {
				continue
			}
			err := r.layerCall(ctx, "deleting", name, func(ctx context.Context) error {
				_, err := r.client.DeleteLayerVersion(ctx, &sdk.DeleteLayerVersionInput{LayerName: &name, VersionNumber: &v.Version}, r.bound)
				return err
			})
			if err != nil {
				return deleted, err
			}
			deleted = append(deleted, fmt.Sprintf("%s:%d", name, v.Version))
		}
	}
	return deleted, nil
}

// attached returns the ARNs of the layer versions that the functions of the region
// have, with all their versions.
func (r *Rollout) attached(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	pages := sdk.NewListFunctionsPaginator(r.client, &sdk.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll})
	for pages.HasMorePages() {
		err := r.call(ctx, func(ctx context.Context) error {
			page, err := pages.NextPage(ctx, r.bound)
			if err != nil {
				return err
			}
			for _, f := range page.Functions {
				for _, layer := range f.Layers {
					used[aws.ToString(layer.Arn)] = true
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("listing the functions: %w", err)
		}
	}
	return used, nil
}
