package command

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/quota"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/ui"
)

// session is one environment, with the functions that are selected and a way
// to its AWS account.
type session struct {
	Options
	manifest *manifest.Manifest
	env      manifest.Environment
	targets  []manifest.Target
	cfg      aws.Config
	account  string
	calls    *calls
	rollout  *rollout.Rollout
}

// open reads the manifest, and makes sure that the account is the one that the
// manifest means.
func (o Options) open(ctx context.Context, env string) (*session, error) {
	m, only, err := o.load()
	if err != nil {
		return nil, err
	}
	targets, err := m.Select(env, only)
	if err != nil {
		return nil, err
	}
	if o.Rollout.Concurrency < 0 {
		return nil, fmt.Errorf("-concurrency is %d; give a number above 0", o.Rollout.Concurrency)
	}
	if ways := []string{"", "go1.x", "provided.al2", "provided"}; !slices.Contains(ways, o.Previous) {
		return nil, fmt.Errorf("-runtime is %q; give one of %s", o.Previous, strings.Join(ways[1:], ", "))
	}
	s := &session{Options: o, manifest: m, env: targets[0].Environment, targets: targets, calls: &calls{}}
	s.Progress = o.progress()
	if err := s.connect(ctx, ui.Functions(len(targets))); err != nil {
		return nil, err
	}
	return s, nil
}

// connect finds the way to the account of the environment, and says which it
// is.
func (s *session) connect(ctx context.Context, what string) (err error) {
	load := s.AWS
	if load == nil {
		load = LoadAWS
	}
	if s.cfg, err = load(ctx, s.env); err != nil {
		return err
	}
	patient(&s.cfg)
	s.calls.watch(&s.cfg)
	quota.Limit(&s.cfg, s.env.Calls)
	s.printf("%s in %s%s", what, s.cfg.Region, via(s.cfg, s.env))
	identity, err := checkCredentials(ctx, s.cfg, s.env)
	if err != nil {
		return err
	}
	s.account = aws.ToString(identity.Account)
	s.printf("account %s, as %s", s.account, aws.ToString(identity.Arn))

	s.Rollout.Events = s.Progress.Step
	if s.cfg.HTTPClient != nil {
		s.Rollout.HTTP = s.cfg.HTTPClient
	}
	s.rollout = rollout.New(lambda.NewFromConfig(s.cfg), s.Rollout)
	return nil
}

// via says what leads to the account besides the region.
func via(cfg aws.Config, e manifest.Environment) (text string) {
	if e.Profile != "" {
		text += ", profile " + e.Profile
	}
	if cfg.BaseEndpoint != nil {
		text += ", endpoint " + *cfg.BaseEndpoint
	}
	return text
}

// printf writes a line of progress about the environment.
func (s *session) printf(format string, args ...any) {
	s.Progress.Printf("%s: %s", s.env.Name, fmt.Sprintf(format, args...))
}

// whole reports whether all functions of the environment are selected.
func (s *session) whole() bool { return len(s.targets) == len(s.manifest.Functions) }

// names are the functions' names on AWS.
func (s *session) names() []string {
	names := make([]string, len(s.targets))
	for i, t := range s.targets {
		names[i] = t.FunctionName
	}
	return names
}

func (o Options) progress() *ui.Progress {
	if o.Progress != nil {
		return o.Progress
	}
	return ui.NewProgress(os.Stderr)
}
