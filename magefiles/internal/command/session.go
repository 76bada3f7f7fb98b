package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/upload"
)

// session is one environment, the functions that are selected, and the connection
// to its AWS account.
type session struct {
	Workspace
	manifest  *manifest.Manifest
	env       manifest.Environment
	functions []*fleet.Function
	client    *awsclient.Client
	rollout   *rollout.Rollout
	packer    *bundle.Packer
}

// open reads the manifest, connects, and checks that the account is the one that
// the manifest names.
func (w Workspace) open(ctx context.Context, selection Selection) (*session, error) {
	if err := w.UI.CheckFormat(); err != nil {
		return nil, err
	}
	m, functions, err := w.selected(selection)
	if err != nil {
		return nil, err
	}
	if err := w.UI.CheckFiles(); err != nil {
		return nil, err
	}
	s := &session{Workspace: w, manifest: m, env: functions[0].Environment, functions: functions}
	return s, s.connect(ctx, text.Count(len(functions), "function"))
}

// connect connects to the account of the environment and notes which it is.
func (s *session) connect(ctx context.Context, what string) error {
	access := awsclient.Access{
		Environment: s.env.Name, Profile: s.env.Profile, Region: s.env.Region, Account: s.env.Account, Calls: s.env.Calls,
	}
	load := s.AWS
	if load == nil {
		load = awsclient.Load
	}
	cfg, err := load(ctx, access)
	if err != nil {
		return err
	}
	s.client = awsclient.New(cfg, access)
	s.notef("%s in %s%s", what, cfg.Region, s.via())
	connecting := s.UI.Stage("connecting", "", 0)
	defer connecting.End()
	if err := s.client.Identify(ctx, access); err != nil {
		return err
	}
	s.notef("account %s, as %s", s.client.Account, s.client.ARN)
	s.UI.Connected(s.client.Account, cfg.Region, aws.ToString(cfg.BaseEndpoint))

	opts := s.Rollout
	opts.Events = s.UI.Event
	s.UI.Meter(s.client.Sent)
	if s.env.Bucket != "" {
		opts.Upload = upload.New(s.client.Config, s.env.Bucket).Put
	}
	if cfg.HTTPClient != nil {
		opts.HTTP = cfg.HTTPClient
	}
	s.packer = bundle.NewPacker(s.zips())
	s.overBridge(&opts)
	s.rollout = rollout.New(sdk.NewFromConfig(s.client.Config), opts)
	return nil
}

// inspect reads the functions and the directories of their zips.
func (s *session) inspect(ctx context.Context) {
	reading := s.UI.Stage("reading", "function", len(s.functions))
	fleet.Each(s.functions, defaultConcurrency, func(f *fleet.Function) {
		defer reading.Done()
		s.rollout.Observe(ctx, f)
		s.rollout.Inspect(ctx, f)
	})
}

// warnOfHandlers names the functions whose handler on go1.x is not the one in the
// manifest, which does not count there.
func (s *session) warnOfHandlers() {
	for _, f := range s.functions {
		if h := f.Function.Handler; h != "" && f.Observed.Runtime == lambda.Go1x && f.Observed.Handler != h {
			s.warnf("%s has the handler %q, and %s says %q: correct %[3]s", f.FunctionName, f.Observed.Handler, File, h)
		}
	}
}

// via describes how the account is reached, besides the region.
func (s *session) via() string {
	var b strings.Builder
	if s.env.Profile != "" {
		fmt.Fprintf(&b, ", profile %s", s.env.Profile)
	}
	if endpoint := s.client.Config.BaseEndpoint; endpoint != nil {
		fmt.Fprintf(&b, ", endpoint %s", *endpoint)
	}
	return b.String()
}

// notef notes something about the environment.
func (s *session) notef(format string, args ...any) {
	s.UI.Notef("%s: %s", s.env.Name, fmt.Sprintf(format, args...))
}

// warnf warns of something about the environment.
func (s *session) warnf(format string, args ...any) {
	s.UI.Warnf(s.env.Name, format, args...)
}

// calls lists the calls that were sent to AWS.
func (s *session) calls() string { return text.Counts(s.client.Calls()) }

// whole reports whether all functions of the environment are selected.
func (s *session) whole() bool { return len(s.functions) == len(s.manifest.Functions) }
