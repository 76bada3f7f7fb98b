package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"example.com/dualboot/magefiles/internal/terraform"
)

// Terraform shows as a diff what the Terraform files in dir, or where that is
// empty in the environment's directory, must become for the functions of an
// environment, so that the next apply does not undo the migration. With rewrite
// it changes the files. What it is not sure of it only tells. It returns
// ErrChanges if something is left to change or to look at.
func Terraform(env, dir string, rewrite bool, o Options) error {
	m, only, err := o.load()
	if err != nil {
		return err
	}
	targets, err := m.Select(env, only)
	if err != nil {
		return err
	}
	s := &session{Options: o, manifest: m, env: targets[0].Environment, targets: targets}
	s.Progress = o.progress()
	if dir = cmp.Or(dir, s.env.Terraform); dir == "" {
		return fmt.Errorf(`which directory has the Terraform files of environment %q? give -dir=, or name it as "terraform" in lambdas.json`, env)
	}
	found, err := terraform.Read(dir, s.names())
	if err != nil {
		return err
	}
	if _, err := io.WriteString(s.stdout(), found.Diff()); err != nil {
		return fmt.Errorf("writing the diff: %w", err)
	}
	for _, note := range found.Notes() {
		s.printf("%s", note)
	}
	left := len(found.Unsure) > 0
	switch {
	case len(found.Changes) > 0 && !rewrite:
		s.printf("nothing was written; -write makes these changes")
		left = true
	case len(found.Changes) > 0:
		if err := found.Write(); err != nil {
			return err
		}
		s.printf("written; apply it after the functions are deployed, not before")
	}
	if left {
		return ErrChanges
	}
	return nil
}

// warnOfTerraform says which functions the next apply would put back on a
// runtime that starts lambda, which cleanup drops.
func (s *session) warnOfTerraform() {
	if s.env.Terraform == "" {
		return
	}
	found, err := terraform.Read(s.env.Terraform, s.names())
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w; correct %q in lambdas.json", err, "terraform")
		}
		s.printf("WARNING: %v", err)
		return
	}
	for _, f := range found.Found {
		if f.Undoes() {
			s.printf("WARNING: %s:%d: %s says %s; the next terraform apply undoes the migration of %s, and without lambda that is an outage; run: mage terraform -env=%s -write",
				f.File, f.Line, f.Address, f.Runtime, f.Name, s.env.Name)
		}
	}
	if missing := found.Missing(); len(missing) > 0 {
		s.printf("WARNING: %s has no resource for %s; look where they are managed", s.env.Terraform, strings.Join(missing, ", "))
	}
	for _, u := range found.Unsure {
		s.printf("WARNING: look at %v", u)
	}
}
