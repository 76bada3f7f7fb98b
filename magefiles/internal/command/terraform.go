package command

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/terraform"
	"example.com/dualboot/magefiles/internal/text"
	"example.com/dualboot/magefiles/internal/ui"
)

// TerraformOptions are the options of Terraform.
type TerraformOptions struct {
	Selection
	Dir      string // of the Terraform files; default the environment's "terraform"
	Write    bool   // change the files
	Var      string // values of variables as of terraform's -var: NAME=VALUE, comma-separated
	VarFiles string // paths as of terraform's -var-file, comma-separated, after those in the manifest
}

// Terraform writes a diff of the Terraform files that keeps the next apply from
// undoing the migration of an environment's functions, and changes the files on
// request. It notes what it is not sure of. It returns ErrChanges if something is
// left to change or to look at.
func (w Workspace) Terraform(o TerraformOptions) (err error) {
	defer func() {
		if err != ErrChanges {
			err = w.UI.Fit(err)
		}
	}()
	m, functions, err := w.selected(o.Selection)
	if err != nil {
		return err
	}
	s := &session{Workspace: w, manifest: m, env: functions[0].Environment, functions: functions}
	dir := cmp.Or(o.Dir, s.env.Terraform)
	if dir == "" {
		return fmt.Errorf(`which directory has the Terraform files of environment %q? pass -dir=, or add it as "terraform" to %s`, o.Env, File)
	}
	variables := s.terraformVariables(dir)
	variables.Files = append(variables.Files, commaSeparated(o.VarFiles)...)
	variables.Values = commaSeparated(o.Var)
	found, err := terraform.Read(dir, s.wanted(), variables)
	if err != nil {
		return s.explainTerraform(dir, err)
	}
	if err := s.UI.Text(found.Diff()); err != nil {
		return err
	}
	for _, note := range ui.TerraformNotes(found) {
		s.notef("%s", note)
	}
	if len(variables.Files)+len(variables.Values) > 0 && len(found.Changes) > 0 {
		s.notef("other environments that use the same *.tf files get the changes too; apply them there after their functions are deployed")
	}
	left := len(found.Unsure) > 0
	switch {
	case len(found.Changes) > 0 && !o.Write:
		s.notef("nothing was written; -write makes these changes")
		left = true
	case len(found.Changes) > 0:
		if err := found.Write(); err != nil {
			return err
		}
		s.notef("written; apply it after the functions are deployed, not before")
	}
	if left {
		return ErrChanges
	}
	return nil
}

// terraformVariables returns the variables of the environment for the Terraform
// files in dir.
func (s *session) terraformVariables(dir string) terraform.Variables {
	v := terraform.Variables{Environ: os.Environ()}
	for _, file := range s.env.TerraformVarFiles {
		v.Files = append(v.Files, filepath.Join(dir, filepath.FromSlash(file)))
	}
	return v
}

// explainTerraform adds which member of the manifest names a file or directory that
// does not exist.
func (s *session) explainTerraform(dir string, err error) error {
	missing, ok := errors.AsType[*fs.PathError](err)
	if !ok || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	switch name := missing.Path; {
	case s.env.Terraform != "" && filepath.Clean(name) == filepath.Clean(s.env.Terraform):
		return fmt.Errorf("%w; correct %q in %s", err, "terraform", File)
	case slices.Contains(s.terraformVariables(dir).Files, name):
		return fmt.Errorf("%w; correct %q in %s", err, "terraformVarFiles", File)
	}
	return err
}

// commaSeparated returns the elements of a list, which may be empty.
func commaSeparated(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// wanted returns what the Terraform files must say about the functions. Before a
// function is clean, an architecture in the manifest may not be its own yet.
func (s *session) wanted() []terraform.Wanted {
	wanted := make([]terraform.Wanted, len(s.functions))
	for i, f := range s.functions {
		wanted[i] = terraform.Wanted{Function: f.FunctionName, Architecture: f.Architecture, KeepHandler: f.RollbackTo != lambda.Go1x}
		if f.Dual && f.Architecture == lambda.ARM64 {
			wanted[i].Architecture = ""
		}
	}
	return wanted
}

// warnOfTerraform names the functions that the next apply would return to a
// runtime that starts lambda, which cleanup drops.
func (s *session) warnOfTerraform() {
	if s.env.Terraform == "" {
		return
	}
	found, err := terraform.Read(s.env.Terraform, s.wanted(), s.terraformVariables(s.env.Terraform))
	if err != nil {
		s.warnf("%v", s.explainTerraform(s.env.Terraform, err))
		return
	}
	for _, f := range found.Found {
		if f.Undoes() {
			s.warnf("%s:%d: %s says %s; the next terraform apply undoes the migration of %s, which without lambda is an outage; run: %s",
				f.At.Filename, f.At.Line, f.Address, f.Runtime, f.Name, s.Program.Command("terraform", "-env="+s.env.Name, "-write"))
		}
	}
	if missing := found.Missing(); len(missing) > 0 {
		s.warnf("%s has no resource for %s; look where they are managed", s.env.Terraform, strings.Join(missing, ", "))
	}
	if n := len(found.Uploads); n > 0 {
		s.notef("WARNING: terraform apply may upload the code of %s, and a zip without bootstrap is an outage; run: %s",
			text.Count(n, "function"), s.Program.Command("terraform", "-env="+s.env.Name))
	}
	for _, u := range found.Unsure {
		s.warnf("look at %s", ui.TerraformUnsure(u))
	}
	if slices.ContainsFunc(found.Unsure, func(u terraform.Unsure) bool { return strings.Contains(u.Hint, "-varfile=") }) {
		s.notef("add the files of -varfile= as %q to the environment in %s, and every command reads them", "terraformVarFiles", File)
	}
}
