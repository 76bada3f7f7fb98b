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
	opts.Check = func(ctx context.Context, state lambda.State) error {
		path, err := s.rollout.Fetch(ctx, state, s.packer)
		if err == nil {
			err = s.checkProgram(ctx, path, state)
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
}

// checkBeforeSwitch checks the program that go1.x starts in the deployed zip of a
// function to which no code is sent before the switch.
func (s *session) checkBeforeSwitch(ctx context.Context, f *fleet.Function) {
	path, err := s.rollout.Download(ctx, f, s.packer)
	if err == nil {
		err = s.checkProgram(ctx, path, f.Observed)
	}
	if err != nil {
		fail(ctx, f, fleet.Planning, fleet.Step{Kind: fleet.Check}.Doing(), err)
		return
	}
	f.Observed.Checked = f.Observed.Handler
}

// checkProgram returns an error unless the program that go1.x starts in the deployed zip
// at that path is known to start on provided.al2023 too, before new code is sent.
func (s *session) checkProgram(ctx context.Context, path string, state lambda.State) error {
	d, err := bundle.OpenDeployed(path, state.CodeSha256, state.Architecture)
	if err != nil {
		return err
	}
	defer d.Close()
	found, err := s.check(ctx, d, state)
	if err == nil {
		err = startsAlone(state, found)
	}
	if err != nil {
		return fmt.Errorf("no code can be sent before the switch, and %w; to migrate it with an interruption, set its runtime to %s on AWS and deploy it at once", err, lambda.ProvidedAL2023)
	}
	return nil
}

// startsAlone returns an error if a bootstrap that go1.x starts lacks time zones on
// provided.al2023, where it starts without the bridge.
func startsAlone(s lambda.State, found program) error {
	if s.Program() != lambda.Bootstrap || !found.lacksZones {
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
