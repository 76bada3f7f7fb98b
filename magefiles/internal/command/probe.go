package command

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/experiments"
	"example.com/dualboot/magefiles/internal/probe/lab"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/ui"
)

// ProbeOptions are the options of Probe.
type ProbeOptions struct {
	Region  string
	Account string // twelve digits; the credentials must belong to it
	Role    string // ARN of the execution role of the functions

	Yes    bool           // run the experiments, or with Clean delete
	Clean  bool           // find what runs have left instead
	Quotas bool           // run also the experiments that use up quotas
	Only   *string        // experiments, by name or pattern; default all
	Settle *time.Duration // assumed settle delay; default manifest.DefaultSettle
	Out    string         // directory of the results; default bin/probe
}

// probeCalls is the limit of control-plane calls a second: a third of the quota
// is left to others.
const probeCalls = 10

// Probe runs experiments with functions of its own, compares the results with
// what dualboot assumes, and writes a page and the evidence. Without Yes it says
// what it would create and returns ErrChanges, as it does if a result differs.
func (w Workspace) Probe(ctx context.Context, o ProbeOptions) (err error) {
	w, end := w.begin(ctx, "probe", o.Region)
	defer end(&err)
	o.Out = cmp.Or(o.Out, filepath.Join("bin", "probe"))
	chosen, skipped, err := o.experiments()
	if err != nil {
		return err
	}
	p := &prober{Workspace: w, options: o}
	if err := p.connect(ctx); err != nil {
		return err
	}
	switch {
	case o.Clean:
		return p.clean(ctx)
	case !o.Yes:
		if err := p.UI.ProbePlan(chosen, o.Region, o.Account); err != nil {
			return err
		}
		return ErrChanges
	}
	return p.run(ctx, chosen, skipped)
}

func (o ProbeOptions) settle() time.Duration {
	if o.Settle == nil {
		return manifest.DefaultSettle
	}
	return *o.Settle
}

// experiments checks the options and returns the experiments to run, and those
// that need a consent.
func (o ProbeOptions) experiments() (chosen, skipped []probe.Experiment, err error) {
	role := regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):role/\S+$`).FindStringSubmatch(o.Role)
	switch {
	case !regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`).MatchString(o.Region):
		return nil, nil, fmt.Errorf("region %q does not look like an AWS region, such as us-east-1", o.Region)
	case !regexp.MustCompile(`^\d{12}$`).MatchString(o.Account):
		return nil, nil, fmt.Errorf("account %q is not twelve digits", o.Account)
	case role == nil:
		return nil, nil, fmt.Errorf("role %q is not the ARN of a role, such as arn:aws:iam::%s:role/NAME", o.Role, o.Account)
	case role[1] != o.Account:
		return nil, nil, fmt.Errorf("role %q is in another account than %s", o.Role, o.Account)
	case o.settle() <= 0 || o.settle() > 15*time.Minute:
		return nil, nil, fmt.Errorf("-settle is %v; pass a time above 0 and up to 15m", o.settle())
	}
	pattern, err := manifest.Pattern(o.Only)
	if err != nil {
		return nil, nil, err
	}
	choice, err := manifest.Choose(pattern)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, e := range experiments.All(experiments.Options{Settle: o.settle()}) {
		names = append(names, e.Name)
		switch {
		case !choice.Has(e.Name):
		case e.Quotas && !o.Quotas:
			skipped = append(skipped, e)
		default:
			chosen = append(chosen, e)
		}
	}
	if unused := choice.Unused(); unused != "" {
		return nil, nil, fmt.Errorf("-only: no experiment matches %q; there are %s", unused, strings.Join(names, ", "))
	}
	if len(chosen) == 0 && !o.Clean {
		return nil, nil, fmt.Errorf("experiment %s takes calls from everyone in the account and region; to run it, pass -quotas as well", skipped[0].Name)
	}
	return chosen, skipped, nil
}

// prober is a connection to the account of a probe.
type prober struct {
	Workspace
	options ProbeOptions
	config  aws.Config // without limits
	client  *awsclient.Client
	lambda  *sdk.Client
}

// connect connects and checks that the account is the given one.
func (p *prober) connect(ctx context.Context) error {
	access := awsclient.Access{Environment: "probe", Region: p.options.Region, Calls: probeCalls}
	load := p.AWS
	if load == nil {
		load = awsclient.Load
	}
	var err error
	if p.config, err = load(ctx, access); err != nil {
		return err
	}
	p.client = awsclient.New(p.config, access)
	if err := p.client.Identify(ctx, access); err != nil {
		return err
	}
	if p.client.Account != p.options.Account {
		return fmt.Errorf("the credentials belong to AWS account %s, not to %s; nothing was read or created; use other credentials, or pass the other account", p.client.Account, p.options.Account)
	}
	p.lambda = sdk.NewFromConfig(p.client.Config)
	p.UI.Notef("probe: account %s in %s, as %s%s", p.client.Account, p.options.Region, p.client.ARN, p.endpoint(", endpoint "))
	return nil
}

// endpoint returns the endpoint with a prefix, or "" if it is AWS's.
func (p *prober) endpoint(prefix string) string {
	if p.config.BaseEndpoint == nil {
		return ""
	}
	return prefix + *p.config.BaseEndpoint
}

// clean lists what runs have left, and deletes it with Yes.
func (p *prober) clean(ctx context.Context) error {
	o := p.options
	found, err := lab.Find(ctx, p.lambda, o.Out, o.Account, o.Region)
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, r := range found {
		fmt.Fprintln(&list, r)
	}
	err = p.UI.Text(list.String())
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		p.UI.Notef("probe: nothing is left")
	case !o.Yes:
		p.UI.Notef("probe: %s left, or in use by a run that has not ended; run the same command with -yes to delete", text.Are(len(found), "resource"))
		return ErrChanges
	default:
		if err := lab.Clean(ctx, p.lambda, o.Out, o.Account, o.Region, found); err != nil {
			return err
		}
		p.UI.Notef("probe: deleted %s", text.Count(len(found), "resource"))
	}
	p.UI.Notef("probe: calls: %s", text.Counts(p.client.Calls()))
	return nil
}

// run runs the experiments and writes what they found.
func (p *prober) run(ctx context.Context, chosen, skipped []probe.Experiment) error {
	o := p.options
	program, err := p.handler(ctx)
	if err != nil {
		return err
	}
	run, err := lab.New(lab.Options{
		Client: p.lambda,
		Unpaced: sdk.NewFromConfig(p.config, func(o *sdk.Options) {
			o.Retryer = aws.NopRetryer{}
		}),
		Role: o.Role, Program: program, Journal: o.Out, Account: o.Account, Region: o.Region,
		Poll: min(200*time.Millisecond, o.settle()/20),
	})
	if err != nil {
		return err
	}
	report := &probe.Report{Region: o.Region, Endpoint: p.endpoint(""), Settle: o.settle().String()}
	report.Run(ctx, run, chosen, func(format string, args ...any) { p.UI.Notef("probe: "+format, args...) })
	for _, e := range skipped {
		report.Experiments = append(report.Experiments, probe.Outcome{Name: e.Name, Question: e.Question, NotRun: "it needs -quotas"})
	}
	if err := p.write(report); err != nil {
		return errors.Join(err, report.Err())
	}
	switch err := report.Err(); {
	case ctx.Err() != nil:
		return errors.Join(fleet.ErrInterrupted, err)
	case err != nil:
		return err
	case report.Differs():
		return ErrChanges
	}
	return nil
}

// write writes the page and the evidence to files, and the page to stdout. What
// cannot be written does not keep the rest from being written: a run takes long.
func (p *prober) write(report *probe.Report) error {
	page := probe.Mask(ui.ProbePage(report), p.options.Account)
	errs := []error{p.UI.Text(page), os.MkdirAll(p.options.Out, 0o755)}
	evidence, err := report.JSON(p.options.Account)
	if errs = append(errs, err); err == nil {
		errs = append(errs, atomicfile.Replace(filepath.Join(p.options.Out, "probe.json"), evidence))
	}
	errs = append(errs, atomicfile.Replace(filepath.Join(p.options.Out, "probe.md"), []byte(page)))
	p.UI.Notef("probe: calls: %s", text.Counts(p.client.Calls()))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	p.UI.Notef("probe: findings: %s; written to %s and probe.json there", text.Counts(report.Counts()), filepath.Join(p.options.Out, "probe.md"))
	return nil
}

// handlerPackage is the package of the function that experiments deploy.
const handlerPackage = "example.com/dualboot/magefiles/internal/probe/handler"

// handler builds the function that experiments deploy, for linux/amd64, and
// returns the path of the binary.
func (p *prober) handler(ctx context.Context) (string, error) {
	dir, err := p.handlerDir(ctx)
	if err != nil {
		return "", err
	}
	binary := build.Binary{Kind: build.Legacy, Architecture: lambda.X86_64}
	f := &build.Function{Name: "probe", Package: dir, Binaries: []build.Binary{binary}}
	p.UI.Notef("probe: building its function")
	if err := build.Build(ctx, build.Options{Go: p.Go, Out: filepath.Join("bin", ".build")}, []*build.Function{f}); err != nil {
		return "", err
	}
	return f.Files[binary], f.Err
}

// handlerDir returns the directory of the handler's package: in this module, in a
// dependency of it, or in one of a module in magefiles.
func (p *prober) handlerDir(ctx context.Context) (string, error) {
	var problem error
	for _, dir := range []string{".", "magefiles"} {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, cmp.Or(p.Go, "go"), "-C", dir, "list", "-f", "{{.Dir}}", handlerPackage)
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err == nil {
			return strings.TrimSpace(string(out)), nil
		}
		problem = cmp.Or(problem, fmt.Errorf("finding the package %s: %w: %s; run it in a checkout of dualboot", handlerPackage, err, strings.TrimSpace(stderr.String())))
	}
	return "", problem
}
