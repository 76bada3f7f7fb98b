package command

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/match"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/ui"
)

// InitOptions are the options of Init.
type InitOptions struct {
	Selection
	Deployed bool // also write the functions that match no package, without sources
}

// Init writes a first lambdas.json: the functions in the account that the AWS
// configuration of the process leads to, as the environment o.Env, matched by
// name with the packages of the module, and with Deployed also those that are like no
// package. It omits and notes what it is not sure of, and never overwrites a file.
func (w Workspace) Init(ctx context.Context, o InitOptions) (err error) {
	w, end := w.begin(ctx, "init", o.Env)
	defer end(&err)
	if _, err := os.Lstat(File); err == nil {
		return fmt.Errorf("%s already exists, and init only writes the first one; edit it, or move it away", File)
	}
	if err := manifest.CheckEnvironment(o.Env); err != nil {
		return err
	}
	looking := w.UI.Stage("looking for packages", "", 0)
	packages, left, err := match.Packages(ctx, w.Go, ".")
	looking.End()
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
	var orphans []manifest.Function
	if o.Deployed {
		orphans = found.Orphans(o.Env, deployed)
	}
	for _, note := range ui.LeftOut(append(left, found.Unmatched...), w.Program.Command("audit", "-env="+o.Env)) {
		s.notef("%s", note)
	}
	if choice.Unused() != "" {
		return s.noFunction(choice)
	}
	if len(found.Functions)+len(orphans) == 0 {
		s.noteExample(found.Example)
		return fmt.Errorf("found %s in account %s in %s, but none matches one of the module's %d packages that import aws-lambda-go; nothing was written",
			text.Count(len(deployed), "function"), s.client.Account, s.client.Config.Region, len(packages))
	}
	if err := s.readZips(ctx, found); err != nil {
		return err
	}
	if len(orphans) > 0 {
		s.notef("%s without sources: deploy makes their zips from the deployed ones", text.Count(len(orphans), "function"))
	}
	found.Functions = append(found.Functions, orphans...)
	if err := s.create(o.Env, found); err != nil {
		return err
	}
	s.noteExample(found.Example)
	s.notef("%s written with %s; read it before you deploy", File, text.Count(len(found.Functions), "function"))
	return nil
}

// create writes the manifest of one environment, and the schema.
func (s *session) create(env string, found match.Matching) error {
	m := &manifest.Manifest{
		Schema:       "./" + manifest.SchemaFile,
		Architecture: found.Architecture,
		Environments: map[string]manifest.Environment{env: {
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
	written, err := manifest.WriteSchema(".")
	if written {
		s.notef("%s written, with which editors check and complete %s", manifest.SchemaFile, File)
	}
	return err
}

// noteExample shows how to add a function that was left out.
func (s *session) noteExample(example *manifest.Function) {
	if example == nil {
		return
	}
	if line, err := manifest.Line(*example); err == nil {
		s.notef("to add a function that was left out, write a line such as this to \"functions\" in %s, with the directory of its package:", File)
		s.notef("  %s", line)
	}
}

// list returns the functions of the account and region that are chosen.
func (s *session) list(ctx context.Context, choice *manifest.Choice) ([]match.Deployed, error) {
	var list []match.Deployed
	listing, listed := s.UI.Stage("listing the functions", "function", 0), 0
	defer listing.End()
	pages := sdk.NewListFunctionsPaginator(sdk.NewFromConfig(s.client.Config), &sdk.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the functions: %w", awsclient.Explain(err, ""))
		}
		for _, f := range page.Functions {
			if name := aws.ToString(f.FunctionName); choice.Has(name) {
				d := match.Deployed{Name: name, Runtime: string(f.Runtime), Handler: aws.ToString(f.Handler)}
				if len(f.Architectures) > 0 {
					d.Architecture = string(f.Architectures[0])
				}
				list = append(list, d)
			}
		}
		listed += len(page.Functions)
		listing.Set(listed, 0)
	}
	return list, nil
}

// readZips reads the directories of the zips of the functions that were found, and
// adds to the functions what these tell: the files besides the binaries, and
// whether a function on provided.* comes from go1.x. It notes the files that the
// package directories lack, and the zips that it could not read.
func (s *session) readZips(ctx context.Context, found match.Matching) error {
	env := manifest.Environment{Name: s.env.Name, Prefix: found.Prefix}
	functions := make([]*fleet.Function, len(found.Functions))
	for i, f := range found.Functions {
		functions[i] = &fleet.Function{Target: manifest.Target{Function: f, Environment: env, FunctionName: env.FunctionName(f)}}
	}
	s.functions = functions
	s.inspect(ctx)
	if ctx.Err() != nil {
		return fleet.ErrInterrupted
	}
	for i, f := range functions {
		if f.Err != nil {
			s.warnf("%v; add the files besides its binary to \"include\" of %q", f.Err, f.Function.Name)
			continue
		}
		legacy := f.Observed.Legacy(f.Function.LegacyName())
		if f.Observed.Runtime != lambda.Go1x && manifest.CheckHandler(legacy) == nil {
			found.Functions[i].Dual = true
			if legacy != lambda.LegacyBinary {
				found.Functions[i].Handler = legacy
			}
		}
		patterns, missing, err := include(f)
		if err != nil {
			return err
		}
		found.Functions[i].Include = patterns
		if f.Observed.CodeSize >= lambda.MaxZipped {
			s.notef("the zip of %s has %s: add %q to the environment, through which larger zips go", f.FunctionName, text.Size(f.Observed.CodeSize), "bucket")
		}
		if len(missing) > 0 {
			s.notef("the zip of %s has files that %s lacks: %s; put them there and add them to \"include\", or add them to \"drop\"",
				f.FunctionName, f.Function.Package, text.List(missing, 20))
		}
	}
	return nil
}

// include proposes the files to include, and returns those that are missing.
func include(f *fleet.Function) (patterns, missing []string, err error) {
	root, err := os.OpenRoot(filepath.FromSlash(f.Function.Package))
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	patterns, missing = match.Include(root.FS(), others(f))
	return patterns, missing, nil
}

// others returns the files of a function's deployed zip besides its binaries.
func others(f *fleet.Function) (names []string) {
	if f.Observed.Contents == nil {
		return nil
	}
	for _, name := range f.Observed.Contents.Names() {
		if name != lambda.Bootstrap && name != f.Observed.Legacy(f.Function.LegacyName()) {
			names = append(names, name)
		}
	}
	return names
}
