package ui

import (
	"fmt"
	"io"
	"slices"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// plan is what a program reads about the plan of one function.
type plan struct {
	FunctionName string
	Before       *side `json:",omitempty"` // nil if the function was not read
	After        *side `json:",omitempty"` // nil if it is refused, or depends on the zip's contents
	Steps        []string
	// CleanupArchitecture is the architecture to which a later cleanup moves it.
	CleanupArchitecture string `json:",omitempty"`
	Error               string `json:",omitempty"`

	layers []string // that keep cleanup from that
	steps  []fleet.Step
	err    error
}

// side is a function before or after a plan.
type side struct {
	Runtime      string
	Handler      string
	Architecture string
	CodeSha256   string
	CodeSize     int64    // of the zip, in bytes
	Files        []string `json:",omitempty"` // in the zip, if known

	contents *lambda.Contents
}

func newPlan(f *fleet.Function) plan {
	p := plan{FunctionName: f.FunctionName, Steps: []string{}, err: f.Err}
	if f.Observed.CodeSha256 != "" {
		p.Before = newSide(f.Observed)
	}
	if f.Err != nil {
		p.Error = f.Err.Error()
		return p
	}
	p.After = newSide(f.Planned)
	if f.Action == fleet.Deploy && f.Architecture != "" && f.Architecture != f.Planned.Architecture {
		p.CleanupArchitecture = f.Architecture
		if !slices.Contains(f.LayerArchitectures, f.Architecture) {
			p.layers = f.Planned.Layers
		}
	}
	p.steps = f.Plan
	for _, s := range f.Plan {
		p.Steps = append(p.Steps, s.String())
		if s.Kind == fleet.Inspect {
			p.After = nil
		}
	}
	return p
}

func newSide(s lambda.State) *side {
	return &side{s.Runtime, s.Handler, s.Architecture, s.CodeSha256, s.CodeSize, s.Contents.Names(), s.Contents}
}

// Plans writes the plans of functions.
func (u *UI) Plans(functions []*fleet.Function) error {
	plans := make([]plan, len(functions))
	for i, f := range functions {
		plans[i] = newPlan(f)
	}
	groups := groupPlans(functions, plans)
	return u.publish(document{
		summary:  PlanSummary(functions),
		rows:     anys(plans),
		text:     func(w io.Writer, width int) error { return writeGroups(w, groups, width) },
		markdown: func(w io.Writer) error { return writeMarkdownTable(w, groupTable(groups)) },
	})
}

func (p plan) architecture() string {
	change := text.Change(p.Before.Architecture, p.After.Architecture)
	if p.CleanupArchitecture != "" {
		change += "; " + p.later()
	}
	return change
}

// code says whether the code changes.
func (p plan) code() string {
	if p.Before.CodeSha256 != p.After.CodeSha256 {
		return "new"
	}
	return "unchanged"
}

// later says what cleanup does to the architecture.
func (p plan) later() string {
	if len(p.layers) > 0 {
		return fmt.Sprintf(`cleanup refuses to move it to %s until "layerArchitectures" has that`, p.CleanupArchitecture)
	}
	return "cleanup moves it to " + p.CleanupArchitecture
}

// PlanSummary counts the plans: "2 to change, 1 with nothing to do, 0 failed or
// refused".
func PlanSummary(functions []*fleet.Function) string {
	var change, failed int
	for _, f := range functions {
		switch {
		case f.Err != nil:
			failed++
		case len(f.Plan) > 0:
			change++
		}
	}
	if change+failed == 0 {
		return "nothing to do"
	}
	return fmt.Sprintf("%d to change, %d with nothing to do, %d failed or refused", change, len(functions)-change-failed, failed)
}
