package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/audit"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
)

// Audit writes which functions of an environment's account and region are on a
// runtime that AWS has deprecated or is soon to block, in lambdas.json or not,
// and what points to them. Without lambdas.json it looks where the AWS
// configuration of the process leads.
func Audit(ctx context.Context, env string, o Options) error {
	choice, err := o.choice()
	if err != nil {
		return err
	}
	s, err := o.survey(ctx, env)
	if err != nil {
		return err
	}
	covered := map[string]string{}
	for _, t := range s.targets {
		covered[t.FunctionName] = t.Function.Name
	}
	found, err := audit.Run(ctx, lambda.NewFromConfig(s.cfg), audit.Options{
		Covered: covered,
		Only:    func(name string) bool { return choice.Has(name, covered[name]) },
	})
	switch {
	case ctx.Err() != nil:
		return rollout.ErrInterrupted
	case err != nil:
		return err
	case choice.Unused() != "":
		return s.noFunction(choice)
	}
	if err := write(s.stdout(), found.Findings, func(w io.Writer, _ []audit.Finding) { found.Print(w) }); err != nil {
		return err
	}
	for _, note := range found.Notes() {
		s.printf("%s", note)
	}
	s.printf("calls: %v", s.calls)
	return nil
}

// noFunction says that a pattern of the choice has matched nothing.
func (s *session) noFunction(c *manifest.Choice) error {
	return fmt.Errorf("no function of account %s in %s matches %q", s.account, s.cfg.Region, c.Unused())
}

// survey opens a session about everything that is in the account and region of
// an environment. There need not be a lambdas.json.
func (o Options) survey(ctx context.Context, env string) (*session, error) {
	s := &session{Options: o, manifest: o.Manifest, calls: &calls{}, env: manifest.Environment{Name: env}}
	s.Progress = o.progress()
	if s.manifest == nil {
		m, err := manifest.Load(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		s.manifest = m
	}
	if s.manifest != nil {
		var err error
		if s.targets, err = s.manifest.Select(env, ""); err != nil {
			return nil, err
		}
		s.env = s.targets[0].Environment
	}
	return s, s.connect(ctx, "all functions")
}
