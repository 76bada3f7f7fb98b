package command

import (
	"context"
	"fmt"
	"os"
	"strings"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
)

// inspectRollback reads the functions, and checks what go1.x is to start in the zips
// of other tools. Of these, the name of a file is all that is known otherwise.
func (s *session) inspectRollback(ctx context.Context) {
	s.inspect(ctx)
	fleet.Each(s.functions, defaultConcurrency, func(f *fleet.Function) {
		name := foreignProgram(f)
		if name == "" {
			return
		}
		if err := s.checkForeign(ctx, f, name); err != nil {
			fail(ctx, f, fleet.Planning, "checking the deployed zip of", err)
		}
	})
}

// foreignProgram returns the file that go1.x is to start after the rollback of a
// function whose zip another tool made, or "".
func foreignProgram(f *fleet.Function) string {
	s := f.Observed
	if f.Err != nil || !f.Dual || f.Previous != lambda.Go1x || s.Runtime == lambda.Go1x || s.Contents == nil || s.Contents.Made {
		return ""
	}
	name := s.Legacy(f.Function.LegacyName())
	if !s.Contents.Executable(name) { // the plan says so
		return ""
	}
	return name
}

// checkForeign returns an error unless the program is known to start on go1.x.
func (s *session) checkForeign(ctx context.Context, f *fleet.Function, name string) error {
	path, err := s.rollout.Download(ctx, f, s.packer)
	if err != nil {
		return err
	}
	d, err := bundle.OpenDeployed(path, f.Observed.CodeSha256, f.Observed.Architecture)
	if err != nil {
		return err
	}
	defer d.Close()
	return s.packer.Scratch(ctx, func(file *os.File) error {
		var program build.Program
		err := d.Extract(name, file)
		if err == nil {
			program, err = build.CheckDeployed(file, lambda.X86_64, lambda.Go1x)
		}
		if err == nil && len(program.Libraries) > 0 {
			err = fmt.Errorf("it needs %s", strings.Join(program.Libraries, ", "))
		}
		if err != nil {
			return fmt.Errorf("another tool made it, and its %s cannot be shown to start on %s: %w; deploy the function first", name, lambda.Go1x, err)
		}
		return nil
	})
}
