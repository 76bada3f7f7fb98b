package audit

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/internal/awsclient"
)

// latest is the version that can be changed.
const latest = "$LATEST"

// concurrency limits the ListAliases calls in flight.
const concurrency = 8

// function is what Lambda reports about a function.
type function struct {
	name     string
	latest   types.FunctionConfiguration
	versions []types.FunctionConfiguration // published ones
	mappings []types.EventSourceMappingConfiguration
	aliases  []types.AliasConfiguration
}

// listFunctions returns the selected functions by name, with their versions. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
func listFunctions(ctx context.Context, client Client, o Options) (map[string]*function, error) {
	functions, listed := map[string]*function{}, 0
	pages := sdk.NewListFunctionsPaginator(client, &sdk.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll})
	err := eachPage(ctx, "the functions", pages, func(page *sdk.ListFunctionsOutput) {
		for _, c := range page.Functions {
			name := aws.ToString(c.FunctionName)
			if o.Only != nil && !o.Only(name) {
				continue
			}
			f := functions[name]
			if f == nil {
				f = &function{name: name}
				functions[name] = f
			}
			if aws.ToString(c.Version) == latest {
				f.latest = c
			} else {
				f.versions = append(f.versions, c)
			}
		}
		if listed += len(page.Functions); o.Listed != nil {
			o.Listed(listed)
		}
	})
	return functions, err
}

// addPointers adds the event source mappings and aliases of the functions. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html
func addPointers(ctx context.Context, client Client, functions []*function) error {
	if len(functions) == 0 {
		return nil
	}
	mappings := map[string][]types.EventSourceMappingConfiguration{}
	pages := sdk.NewListEventSourceMappingsPaginator(client, &sdk.ListEventSourceMappingsInput{})
	err := eachPage(ctx, "the event source mappings", pages, func(page *sdk.ListEventSourceMappingsOutput) {
		for _, m := range page.EventSourceMappings {
			name, _ := target(m)
			mappings[name] = append(mappings[name], m)
		}
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	for _, f := range functions {
		f.mappings = mappings[f.name]
		if len(f.versions) == 0 && !slices.ContainsFunc(f.mappings, forAlias) {
			continue
		}
		group.Go(func() error {
			pages := sdk.NewListAliasesPaginator(client, &sdk.ListAliasesInput{FunctionName: &f.name})
			return eachPage(ctx, fmt.Sprintf("the aliases of %q", f.name), pages, func(page *sdk.ListAliasesOutput) {
				f.aliases = append(f.aliases, page.Aliases...)
			})
		})
	}
	return group.Wait()
}

// paginator is one of the SDK's paginators.
type paginator[Page any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*sdk.Options)) (Page, error)
}

func eachPage[Page any](ctx context.Context, what string, pages paginator[Page], do func(Page)) error {
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("listing %s: %w", what, awsclient.Explain(err, ""))
		}
		do(page)
	}
	return nil
}
