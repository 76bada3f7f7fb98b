package command

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/awserror"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/match"
	"example.com/dualboot/magefiles/internal/ui"
)

// Init writes a first lambdas.json: the functions of the account that the AWS
// configuration of the process leads to, as the environment called env, matched
// by name with the packages of the module. What it is not sure of it leaves out
// and tells. It never overwrites a file.
func Init(ctx context.Context, env string, o Options) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s is there already, and init only writes a first one; edit it, or move it away", file)
	}
	if err := manifest.CheckEnvironment(env); err != nil {
		return err
	}
	packages, left, err := match.Packages(ctx, o.Go, ".")
	if err != nil {
		return err
	}
	choice, err := o.choice()
	if err != nil {
		return err
	}
	s, err := o.survey(ctx, env)
	if err != nil {
		return err
	}
	deployed, err := listFunctions(ctx, s.cfg, choice)
	if err != nil {
		return err
	}
	found := match.Match(env, deployed, packages)
	for _, u := range append(left, found.Unmatched...) {
		s.printf("left out %s%s: %s", u.Function, u.Package, u.Reason)
	}
	if choice.Unused() != "" {
		return s.noFunction(choice)
	}
	if len(found.Functions) == 0 {
		return fmt.Errorf("none of %s in account %s in %s goes with one of the module's %d packages that import aws-lambda-go; nothing was written",
			ui.Functions(len(deployed)), s.account, s.cfg.Region, len(packages))
	}
	m := &manifest.Manifest{
		Schema: "./" + manifest.SchemaFile,
		Environments: map[string]manifest.Environment{env: {
			Profile: cmp.Or(os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE")),
			Region:  s.cfg.Region,
			Prefix:  found.Prefix,
			Account: s.account,
			Dual:    true,
			Settle:  manifest.DefaultSettle,
		}},
		Functions: found.Functions,
	}
	if err := manifest.Create(file, m); err != nil {
		return err
	}
	if _, err := manifest.WriteSchema("."); err != nil {
		return err
	}
	s.printf("%s written with %s; read it before you deploy", file, ui.Functions(len(found.Functions)))
	return nil
}

// listFunctions lists the functions of the account and region that are chosen.
func listFunctions(ctx context.Context, cfg aws.Config, choice *manifest.Choice) ([]match.Deployed, error) {
	var list []match.Deployed
	pages := lambda.NewListFunctionsPaginator(lambda.NewFromConfig(cfg), &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the functions: %w", awserror.Explain(err, ""))
		}
		for _, f := range page.Functions {
			if name := aws.ToString(f.FunctionName); choice.Has(name) {
				list = append(list, match.Deployed{Name: name, Runtime: string(f.Runtime), PackageType: string(f.PackageType)})
			}
		}
	}
	return list, nil
}
