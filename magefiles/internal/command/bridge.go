package command

import (
	"context"
	"errors"
	"fmt"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/text"
)

// overBridge sets what a rollout needs to move functions whose code AWS rejects.
func (s *session) overBridge(opts *rollout.Options) {
	opts.Check = func(ctx context.Context, state lambda.State, file string) error {
		path, err := s.rollout.Fetch(ctx, state, s.packer)
		if err == nil {
			err = s.checkProgram(ctx, path, state, file)
		}
		return err
	}
	opts.Bridge = func(ctx context.Context) (bundle.Layer, error) {
		zones, err := build.ZoneInfo(ctx, s.Go)
		if err != nil {
			return bundle.Layer{}, err
		}
		return bundle.Bridge(zones)
	}
	opts.Rejected = func(runtime string) {
		s.notef("AWS rejects code for functions on %s, so they are switched to %s before their code is updated; a function whose zip does not start there gets the layer %s meanwhile, which takes two settle delays of %v",
			runtime, lambda.ProvidedAL2023, lambda.BridgeLayer, s.env.Settle)
	}
}

// checkBeforeSwitch checks the program that provided.al2023 is to start in the deployed
// zip of a function to which no code is sent before the switch.
func (s *session) checkBeforeSwitch(ctx context.Context, f *fleet.Function) {
	file := rollout.NeedsCheck(f)
	if f.Err != nil || file == "" {
		return
	}
	path, err := s.rollout.Download(ctx, f, s.packer)
	if err == nil {
		err = s.checkProgram(ctx, path, f.Observed, file)
	}
	if err != nil {
		fail(ctx, f, fleet.Planning, fleet.Step{Kind: fleet.Check}.Doing(), err)
		return
	}
	f.Observed.Checked = file
}

// checkProgram returns an error unless a program in the deployed zip at that path is
// known to start on provided.al2023, before new code is sent.
func (s *session) checkProgram(ctx context.Context, path string, state lambda.State, file string) error {
	d, err := bundle.OpenDeployed(path, state.CodeSha256, state.Architecture)
	if err != nil {
		return err
	}
	defer d.Close()
	found, err := s.check(ctx, d, state, file)
	if err == nil && state.Runtime == lambda.Go1x {
		err = startsAlone(file, found)
	}
	if err != nil {
		return fmt.Errorf("no code can be sent before the switch, and %w; to migrate it with an interruption, set its runtime to %s on AWS and deploy it at once", err, lambda.ProvidedAL2023)
	}
	return nil
}

// startsAlone returns an error if a bootstrap lacks time zones on provided.al2023, where
// it starts without the bridge.
func startsAlone(file string, found program) error {
	if file != lambda.Bootstrap || !found.lacksZones {
		return nil
	}
	return fmt.Errorf("its %s has no time zone database, and neither has %s; if it needs none, set its environment variable %s to any path",
		lambda.Bootstrap, lambda.ProvidedAL2023, lambda.ZonesVariable)
}

// tidy deletes the layers that functions no longer have. It never fails.
func (s *session) tidy(ctx context.Context) {
	tidying := s.UI.Stage("looking for unused layers", "", 0)
	deleted, err := s.rollout.Tidy(ctx)
	tidying.End()
	if len(deleted) > 0 {
		s.notef("deleted %s that no function has: %s", text.Count(len(deleted), "layer version"), text.List(deleted, 20))
	}
	if err != nil && !errors.Is(err, fleet.ErrInterrupted) {
		s.notef("layers %s-* that no function has may be left: %v", lambda.BridgeLayer, err)
	}
}
