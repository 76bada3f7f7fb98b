package command

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/match"
	"example.com/dualboot/magefiles/internal/text"
)

// InitOptions are the options of Init.
type InitOptions struct {
	Selection
}

// Init writes a first lambdas.json: the functions in the account that the AWS
// configuration of the process leads to, as the environment o.Env, matched by
// name with the packages of the module. It omits and notes what it is not sure
// of, and never overwrites a file.
func (w Workspace) Init(ctx context.Context, o InitOptions) error {
	if _, err := os.Lstat(File); err == nil {
		return fmt.Errorf("%s already exists, and init only writes the first one; edit it, or move it away", File)
	}
	if err := manifest.CheckEnvironment(o.Env); err != nil {
		return err
	}
	packages, left, err := match.Packages(ctx, w.Go, ".")
	if err != nil {
		return err
	}
	choice, err := o.choice()
	if err != nil {
		return err
	}
	s, err := w.survey(ctx, o.Env)
	if err != nil {
		return err
	}
	deployed, err := s.list(ctx, choice)
	if err != nil {
		return err
	}
	found := match.Match(o.Env, deployed, packages)
	for _, u := range append(left, found.Unmatched...) {
		s.notef("left out %s: %s", u.Name, u.Reason)
	}
	if choice.Unused() != "" {
		return s.noFunction(choice)
	}
	if len(found.Functions) == 0 {
		return fmt.Errorf("none of %s in account %s in %s matches one of the module's %d packages that import aws-lambda-go; nothing was written",
			text.Count(len(deployed), "function"), s.client.Account, s.client.Config.Region, len(packages))
	}
	m := &manifest.Manifest{
		Schema: "./" + manifest.SchemaFile,
		Environments: map[string]manifest.Environment{o.Env: {
			Profile: cmp.Or(os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE")),
			Region:  s.client.Config.Region,
			Prefix:  found.Prefix,
			Account: s.client.Account,
			Dual:    true,
			Settle:  manifest.DefaultSettle,
		}},
		Functions: found.Functions,
	}
	if err := manifest.Create(File, m); err != nil {
		return err
	}
	if _, err := manifest.WriteSchema("."); err != nil {
		return err
	}
	s.notef("%s written with %s; read it before you deploy", File, text.Count(len(found.Functions), "function"))
	return nil
}

// list returns the functions of the account and region that are chosen.
func (s *session) list(ctx context.Context, choice *manifest.Choice) ([]match.Deployed, error) {
	var list []match.Deployed
	pages := sdk.NewListFunctionsPaginator(sdk.NewFromConfig(s.client.Config), &sdk.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the functions: %w", awsclient.Explain(err, ""))
		}
		for _, f := range page.Functions {
			if name := aws.ToString(f.FunctionName); choice.Has(name) {
				list = append(list, match.Deployed{Name: name, Runtime: string(f.Runtime)})
			}
		}
	}
	return list, nil
}
