package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/internal/audit"
	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/ui"
)

// AuditOptions are the options of Audit.
type AuditOptions struct {
	Selection
	Places
}

// Audit writes which functions of an environment's account and region, or of several,
// are on a runtime that AWS has deprecated or soon blocks, and what points to them.
// Without lambdas.json it uses the AWS configuration of the process. If only some
// accounts and regions can be read, it writes those and then fails.
func (w Workspace) Audit(ctx context.Context, o AuditOptions) (err error) {
	w, end := w.begin(ctx, "audit", o.Env)
	defer end(&err)
	choice, err := o.choice()
	if err != nil {
		return err
	}
	places, err := o.Places.parse()
	if err != nil {
		return err
	}
	if err := w.UI.CheckFiles(); err != nil {
		return err
	}
	s, err := w.survey(ctx, o.Env)
	if err != nil {
		return err
	}
	found, err := s.audit(ctx, places, choice)
	switch {
	case ctx.Err() != nil:
		return fleet.ErrInterrupted
	case err != nil:
		return err
	case choice.Unused() != "" && len(found.Unread) == 0:
		if places.several() {
			return fmt.Errorf("no function of these accounts and regions matches %q", choice.Unused())
		}
		return s.noFunction(choice)
	}
	notes := ui.AuditNotes(found)
	if places.several() { // the table may be long
		s.notef("%s", notes[0])
		notes = notes[1:]
	}
	if err := s.UI.Audit(found); err != nil {
		return err
	}
	for _, note := range notes {
		s.notef("%s", note)
	}
	s.notef("calls: %s", s.calls())
	return ui.AuditError(found)
}

// audit audits the places. What cannot be read of several places is part of the
// report; otherwise it is the error.
func (s *session) audit(ctx context.Context, places *places, choice *manifest.Choice) (*audit.Report, error) {
	if !places.several() {
		reading := s.UI.Stage("reading the account", "version", 0)
		defer reading.End()
		return s.auditPlace(ctx, s.client, choice.Has, func(n int) { reading.Set(n, 0) })
	}
	clients, unread := s.clients(ctx, places)
	reading := s.UI.Stage("reading", "region", len(clients))
	defer reading.End()
	var mu sync.Mutex
	has := func(names ...string) bool {
		mu.Lock()
		defer mu.Unlock()
		return choice.Has(names...)
	}
	reports := make([]*audit.Report, len(clients), len(clients)+1)
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, client := range clients {
		group.Go(func() (err error) {
			defer reading.Done()
			reports[i], err = s.auditPlace(ctx, client, has, nil)
			if err != nil {
				reports[i] = &audit.Report{Unread: []audit.Unread{{Account: client.Account, Region: client.Config.Region, Error: err.Error()}}}
			}
			return nil
		})
	}
	_ = group.Wait() // errors are in the reports
	return audit.Merge(append(reports, &audit.Report{Unread: unread})), nil
}

// auditPlace audits the account and region of a client.
func (s *session) auditPlace(ctx context.Context, client *awsclient.Client, has func(...string) bool, listed func(int)) (*audit.Report, error) {
	covered := map[string]*manifest.Function{}
	if client.Account == s.client.Account && client.Config.Region == s.client.Config.Region {
		for _, f := range s.functions {
			covered[f.FunctionName] = &f.Function
		}
	}
	return audit.Run(ctx, sdk.NewFromConfig(client.Config), audit.Options{
		Account: client.Account,
		Region:  client.Config.Region,
		Covered: covered,
		Metrics: cloudwatch.NewFromConfig(client.Config),
		Only: func(name string) bool {
			if f := covered[name]; f != nil {
				return has(name, f.Name)
			}
			return has(name, "")
		},
		Listed: listed,
	})
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
