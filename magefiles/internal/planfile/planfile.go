// Package planfile stores the plan of a deploy, so that a later deploy does what
// was shown or nothing. A file has no secrets: it names functions, revisions and
// digests.
package planfile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
)

// Format is the version of the format. Another one is refused.
const Format = 1

// Plan is the plan of a deploy.
type Plan struct {
	Format      int
	Environment string
	Account     string
	Region      string
	Functions   []Function // in the order of the manifest
}

// Function is the plan of one function.
type Function struct {
	Name         string
	FunctionName string
	RevisionID   string   // of the function as it was read
	CodeSha256   string   // of its deployed zip
	Zip          string   // CodeSha256 of the zip to deploy, or "" if the code stays
	Settle       string   // settle delay; where it is waited for depends on the time
	Steps        []string // what else to do, as plan shows it
}

// New returns the plan of functions in an environment.
func New(environment, account, region string, functions []*fleet.Function) *Plan {
	p := &Plan{Format: Format, Environment: environment, Account: account, Region: region}
	for _, f := range functions {
		p.Functions = append(p.Functions, entry(f))
	}
	return p
}

func entry(f *fleet.Function) Function {
	e := Function{Name: f.Function.Name, FunctionName: f.FunctionName, RevisionID: f.Observed.RevisionID, CodeSha256: f.Observed.CodeSha256, Settle: f.Settle.String(), Steps: []string{}}
	for _, step := range f.Plan {
		if step.Kind == fleet.Settle {
			continue
		}
		e.Steps = append(e.Steps, step.String())
		if step.Kind == fleet.UpdateCode {
			e.Zip = step.Package.CodeSha256
		}
	}
	return e
}

// Write writes the plan to a file, which appears only when it is complete.
func (p *Plan) Write(path string) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.Replace(path, append(data, '\n')); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}

// largest is the size of a file that is surely no plan.
const largest = 64 << 20

// Read reads a plan from a regular file.
func Read(path string) (*Plan, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // opening a pipe would wait
		return nil, fmt.Errorf("reading the plan: %s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, largest))
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	var version struct{ Format int }
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("%s is not a plan: %w", path, err)
	}
	if version.Format != Format {
		return nil, fmt.Errorf("%s has the format %d, and this version of dualboot reads %d", path, version.Format, Format)
	}
	p := &Plan{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("%s is not a plan: %w", path, err)
	}
	if len(p.Functions) == 0 {
		return nil, fmt.Errorf("%s has no functions", path)
	}
	return p, nil
}

// Names returns the names of the functions in lambdas.json.
func (p *Plan) Names() []string {
	var names []string
	for _, f := range p.Functions {
		names = append(names, f.Name)
	}
	return names
}

// Compare returns an error that lists what differs from another plan, which was
// made later.
func (p *Plan) Compare(now *Plan) error {
	if p.Environment != now.Environment || p.Account != now.Account || p.Region != now.Region {
		return fmt.Errorf("it is for environment %q of account %s in %s, and this is %q of account %s in %s",
			p.Environment, p.Account, p.Region, now.Environment, now.Account, now.Region)
	}
	var all differences
	later := now.byName()
	for _, f := range p.Functions {
		if f.done(later[f.Name]) {
			continue
		}
		if reason, detail := f.differs(later[f.Name]); reason != "" {
			all.add(f.FunctionName, reason, detail)
		}
	}
	planned := p.byName()
	for _, f := range now.Functions {
		if planned[f.Name].Name == "" {
			all.add(f.FunctionName, "it is not in the plan", "")
		}
	}
	return all.join()
}

// Done returns the function names of those that are as this plan would leave them,
// by another one that was made later. Compare accepts them.
func (p *Plan) Done(now *Plan) (names []string) {
	later := now.byName()
	for _, f := range p.Functions {
		if len(f.Steps) > 0 && f.done(later[f.Name]) {
			names = append(names, f.FunctionName)
		}
	}
	return names
}

// byName returns the functions by their names in lambdas.json.
func (p *Plan) byName() map[string]Function {
	functions := map[string]Function{}
	for _, f := range p.Functions {
		functions[f.Name] = f
	}
	return functions
}

// done reports whether a function is as its plan would leave it, by a later plan.
// One without steps means that runtime and handler are those to which every deploy
// leads, that the code is what it deploys now, and that no update is in progress or
// has failed. That this code is the plan's is compared here. A plan that does not
// know its steps yet does not know its code.
func (f Function) done(now Function) bool {
	known := !slices.Contains(f.Steps, fleet.Step{Kind: fleet.Inspect}.String())
	return now.FunctionName == f.FunctionName && len(now.Steps) == 0 && known && now.CodeSha256 == cmp.Or(f.Zip, f.CodeSha256)
}

// differs describes how the plan of a function differs from a later one, in general
// and in detail, or returns "".
func (f Function) differs(now Function) (reason, detail string) {
	switch {
	case now.Name == "":
		return "lambdas.json does not have it any more", ""
	case f.FunctionName != now.FunctionName:
		return "its function name is now " + now.FunctionName, ""
	case f.RevisionID != now.RevisionID || f.CodeSha256 != now.CodeSha256:
		return "somebody has changed it", fmt.Sprintf("RevisionId %s, CodeSha256 %s", text.Change(f.RevisionID, now.RevisionID), text.Change(f.CodeSha256, now.CodeSha256))
	case f.Zip != now.Zip && f.Zip != "" && now.Zip != "":
		return "its zip is another one, because sources, lambdas.json or the Go version have changed", "CodeSha256 " + text.Change(f.Zip, now.Zip)
	case f.Settle != now.Settle:
		return fmt.Sprintf("its settle delay is another one (%s)", text.Change(f.Settle, now.Settle)), ""
	case f.Zip != now.Zip || !slices.Equal(f.Steps, now.Steps):
		return fmt.Sprintf("its steps would be others: %s; the plan has: %s", list(now.Steps), list(f.Steps)), ""
	}
	return "", ""
}

func list(steps []string) string {
	if len(steps) == 0 {
		return "none"
	}
	return strings.Join(steps, ", ")
}
