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
	"example.com/dualboot/magefiles/internal/lambda"
)

// latest is the version that can be changed.
const latest = "$LATEST"

// concurrency is how many functions are asked for their aliases at once.
const concurrency = 8

// function is all that Lambda says of one function.
type function struct {
	name     string
	latest   types.FunctionConfiguration
	versions []types.FunctionConfiguration // those published
	mappings []types.EventSourceMappingConfiguration
	aliases  []types.AliasConfiguration
}

// due reports whether anything of the function is on a runtime that is due.
func (f *function) due(o Options) bool {
	return o.due(f.latest.Runtime) || slices.ContainsFunc(f.versions, func(v types.FunctionConfiguration) bool { return o.due(v.Runtime) })
}

// due reports whether the plan has the runtime as deprecated or soon blocked.
func (o Options) due(runtime types.Runtime) bool {
	r, _ := o.Plan.Lookup(string(runtime))
	return r.Due(o.Today, o.Within)
}

// unknown returns the runtimes of the function that the plan does not have.
func (f *function) unknown(p *lambda.Lifecycle) []string {
	var names []string
	for _, c := range append([]types.FunctionConfiguration{f.latest}, f.versions...) {
		if _, ok := p.Lookup(string(c.Runtime)); !ok && c.Runtime != "" {
			names = append(names, string(c.Runtime))
		}
	}
	return names
}

// listFunctions returns the functions that are chosen, with their versions.
// Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
func listFunctions(ctx context.Context, client Client, only func(string) bool) (map[string]*function, error) {
	functions := map[string]*function{}
	pages := sdk.NewListFunctionsPaginator(client, &sdk.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the functions: %w", awsclient.Explain(err, ""))
		}
		for _, c := range page.Functions {
			name := aws.ToString(c.FunctionName)
			if only != nil && !only(name) {
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
	}
	return functions, nil
}

// addPointers adds to the functions what points at them: event source mappings
// and aliases.
func addPointers(ctx context.Context, client Client, functions []*function) error {
	if len(functions) == 0 {
		return nil
	}
	mappings, err := listMappings(ctx, client)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	for _, f := range functions {
		f.mappings = mappings[f.name]
		if len(f.versions) == 0 && !slices.ContainsFunc(f.mappings, readsForAlias) {
			continue
		}
		group.Go(func() error {
			var err error
			f.aliases, err = listAliases(ctx, client, f.name)
			return err
		})
	}
	return group.Wait()
}

// listMappings returns the event source mappings of the region by the name of
// their function. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html
func listMappings(ctx context.Context, client Client) (map[string][]types.EventSourceMappingConfiguration, error) {
	mappings := map[string][]types.EventSourceMappingConfiguration{}
	pages := sdk.NewListEventSourceMappingsPaginator(client, &sdk.ListEventSourceMappingsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the event source mappings: %w", awsclient.Explain(err, ""))
		}
		for _, m := range page.EventSourceMappings {
			name, _ := target(m)
			mappings[name] = append(mappings[name], m)
		}
	}
	return mappings, nil
}

func listAliases(ctx context.Context, client Client, name string) ([]types.AliasConfiguration, error) {
	var aliases []types.AliasConfiguration
	pages := sdk.NewListAliasesPaginator(client, &sdk.ListAliasesInput{FunctionName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the aliases of %q: %w", name, awsclient.Explain(err, ""))
		}
		aliases = append(aliases, page.Aliases...)
	}
	return aliases, nil
}
