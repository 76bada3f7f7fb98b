package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/awsclient"
)

// Kind is the kind of a resource.
type Kind string

const (
	FunctionKind Kind = "function"
	LayerKind    Kind = "layer"
)

// Resource is something that a run creates.
type Resource struct {
	Kind Kind
	Name string
}

func (r Resource) String() string { return string(r.Kind) + " " + r.Name }

// ours matches the names that runs give.
var ours = regexp.MustCompile(`^` + Prefix + `[a-z2-7]{8}-[a-z]+-\d+$`)

// Find returns what runs have left in the account and region, sorted: what lists
// contain under a name that runs give, and what journals in the directory name.
func Find(ctx context.Context, client *sdk.Client, dir, account, region string) ([]Resource, error) {
	written, err := journals(dir, account, region)
	if err != nil {
		return nil, err
	}
	var found []Resource
	for _, j := range written {
		found = append(found, j.list.Resources...)
	}
	functions := sdk.NewListFunctionsPaginator(client, &sdk.ListFunctionsInput{})
	for functions.HasMorePages() {
		page, err := functions.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing functions: %w", awsclient.Explain(err, ""))
		}
		for _, f := range page.Functions {
			found = append(found, Resource{FunctionKind, aws.ToString(f.FunctionName)})
		}
	}
	layers, err := listLayers(ctx, client)
	if err != nil {
		return nil, err
	}
	found = append(found, layers...)
	found = slices.DeleteFunc(found, func(r Resource) bool { return !ours.MatchString(r.Name) })
	slices.SortFunc(found, func(a, b Resource) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Name, b.Name))
	})
	return slices.Compact(found), nil
}

func listLayers(ctx context.Context, client *sdk.Client) (found []Resource, err error) {
	layers := sdk.NewListLayersPaginator(client, &sdk.ListLayersInput{})
	for layers.HasMorePages() {
		page, err := layers.NextPage(ctx)
		if unsupported(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing layers: %w", awsclient.Explain(err, ""))
		}
		for _, l := range page.Layers {
			found = append(found, Resource{LayerKind, aws.ToString(l.LayerName)})
		}
	}
	return found, nil
}

// Clean deletes resources and the journals that name them. The error names what
// is left.
func Clean(ctx context.Context, client *sdk.Client, dir, account, region string, resources []Resource) error {
	written, err := journals(dir, account, region)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range resources {
		if err := r.delete(ctx, client, time.Second); err != nil {
			errs = append(errs, err)
			continue
		}
		for _, j := range written {
			errs = append(errs, j.remove(r))
		}
	}
	return errors.Join(errs...)
}

// delete deletes a resource, which need not exist. It tries again at intervals
// while AWS answers that something else is in progress.
func (r Resource) delete(ctx context.Context, client *sdk.Client, interval time.Duration) error {
	for {
		err := r.deleteOnce(ctx, client)
		if awsclient.Code(err) == "ResourceConflictException" && Sleep(ctx, interval) == nil {
			continue
		}
		if err != nil {
			return fmt.Errorf("deleting %v: %w", r, awsclient.Explain(err, ""))
		}
		return nil
	}
}

func (r Resource) deleteOnce(ctx context.Context, client *sdk.Client) error {
	var err error
	if r.Kind == LayerKind {
		err = deleteLayer(ctx, client, r.Name)
	} else {
		_, err = client.DeleteFunction(ctx, &sdk.DeleteFunctionInput{FunctionName: &r.Name})
	}
	if awsclient.Code(err) == "ResourceNotFoundException" || unsupported(err) {
		return nil
	}
	return err
}

// deleteLayer deletes all versions of a layer.
func deleteLayer(ctx context.Context, client *sdk.Client, name string) error {
	versions := sdk.NewListLayerVersionsPaginator(client, &sdk.ListLayerVersionsInput{LayerName: &name})
	for versions.HasMorePages() {
		page, err := versions.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, v := range page.LayerVersions {
			if _, err := client.DeleteLayerVersion(ctx, &sdk.DeleteLayerVersionInput{LayerName: &name, VersionNumber: &v.Version}); err != nil {
				return err
			}
		}
	}
	return nil
}

// unsupported reports whether an error says that dualboot's emulator has no such
// operation, and so no such resource.
func unsupported(err error) bool { return awsclient.Code(err) == "UnknownOperationException" }
