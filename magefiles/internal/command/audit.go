package command

import (
	"context"
	"errors"
	"fmt"
	"os"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/audit"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/ui"
)

// AuditOptions are the options of Audit.
type AuditOptions struct {
	Selection
}

// Audit writes which functions of an environment's account and region are on a
// runtime that AWS has deprecated or soon blocks, and what points to them. Without
// lambdas.json it uses the AWS configuration of the process.
func (w Workspace) Audit(ctx context.Context, o AuditOptions) (err error) {
	w, end := w.begin(ctx, "audit", o.Env)
	defer end(&err)
	choice, err := o.choice()
	if err != nil {
		return err
	}
	s, err := w.survey(ctx, o.Env)
	if err != nil {
		return err
	}
	reading := s.UI.Stage("reading the account", "version", 0)
	covered := map[string]string{}
	for _, f := range s.functions {
		covered[f.FunctionName] = f.Function.Name
	}
	found, err := audit.Run(ctx, sdk.NewFromConfig(s.client.Config), audit.Options{
		Covered: covered,
		Only:    func(name string) bool { return choice.Has(name, covered[name]) },
		Listed:  func(n int) { reading.Set(n, 0) },
	})
	reading.End()
	switch {
	case ctx.Err() != nil:
		return fleet.ErrInterrupted
	case err != nil:
		return err
	case choice.Unused() != "":
		return s.noFunction(choice)
	}
	if err := s.UI.Audit(found); err != nil {
		return err
	}
	for _, note := range ui.AuditNotes(found) {
		s.notef("%s", note)
	}
	s.notef("calls: %s", s.calls())
	return nil
}

// noFunction reports that a pattern of the choice matches nothing.
func (s *session) noFunction(c *manifest.Choice) error {
	return fmt.Errorf("no function of account %s in %s matches %q", s.client.Account, s.client.Config.Region, c.Unused())
}

// survey opens a session about everything in the account and region of an
// environment. It needs no lambdas.json.
func (w Workspace) survey(ctx context.Context, env string) (*session, error) {
	if err := w.UI.CheckFormat(); err != nil {
		return nil, err
	}
	s := &session{Workspace: w, env: manifest.Environment{Name: env}}
	m, functions, err := w.selected(Selection{Env: env})
	switch {
	case err == nil:
		s.manifest, s.functions, s.env = m, functions, functions[0].Environment
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	return s, s.connect(ctx, "all functions")
}
