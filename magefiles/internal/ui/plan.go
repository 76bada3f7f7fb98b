package ui

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/dualboot/magefiles/internal/rollout"
)

// Plan is what would be done to one function.
type Plan struct {
	FunctionName string
	Before       *Side `json:",omitempty"` // nil where the function could not be read
	After        *Side `json:",omitempty"` // nil where nothing can be done, or it depends on what the zip holds
	Steps        []string
	Error        string `json:",omitempty"`

	Err error `json:"-"` // why nothing can be done
}

// Side is how a function stands before or after a plan.
type Side struct {
	Runtime      string
	Handler      string
	Architecture string
	CodeSha256   string
	CodeSize     int64    // of the zip, in bytes
	Files        []string `json:",omitempty"` // in the zip, where that is known
}

// NewPlan plans the way to a goal.
func NewPlan(g rollout.Goal) Plan {
	p := Plan{FunctionName: g.Function, Steps: []string{}}
	if g.From.CodeSha256 != "" {
		p.Before = side(g.From)
	}
	steps, after, err := g.Preview()
	if err != nil {
		p.Err, p.Error = err, err.Error()
		return p
	}
	p.After = side(after)
	for _, s := range steps {
		p.Steps = append(p.Steps, s.String())
		if s.Kind == rollout.Inspect {
			p.After = nil
		}
	}
	return p
}

func side(s rollout.State) *Side {
	return &Side{s.Runtime, s.Handler, s.Architecture, s.CodeSha256, s.CodeSize, s.Files}
}

// PrintPlans writes plans for people.
func PrintPlans(w io.Writer, plans []Plan) {
	apart := false // whether the plan before has several lines
	for i, p := range plans {
		several := p.Err == nil && len(p.Steps) > 0
		if i > 0 && (several || apart) {
			fmt.Fprintln(w)
		}
		apart = several
		switch {
		case p.Err != nil:
			fmt.Fprintf(w, "%s: %s\n", p.FunctionName, reason(p.Err))
		case len(p.Steps) == 0:
			fmt.Fprintf(w, "%s: nothing to do\n", p.FunctionName)
		default:
			p.print(w)
		}
	}
}

func (p Plan) print(w io.Writer) {
	fmt.Fprintf(w, "%s:\n", p.FunctionName)
	row := func(name, value string) { fmt.Fprintf(w, "  %-14s%s\n", name, value) }
	if p.After != nil {
		row("runtime", change(p.Before.Runtime, p.After.Runtime))
		row("handler", change(p.Before.Handler, p.After.Handler))
		row("architecture", change(p.Before.Architecture, p.After.Architecture))
		code := "the same"
		if p.Before.CodeSha256 != p.After.CodeSha256 {
			code = "new"
		}
		row("code", code)
		row("zip", change(p.Before.zip(), p.After.zip()))
	}
	name := "steps"
	for i, step := range p.Steps {
		row(name, fmt.Sprintf("%d. %s", i+1, step))
		name = ""
	}
}

// zip describes the deployed zip.
func (s Side) zip() string {
	size := fmt.Sprintf("%.1f MB", float64(s.CodeSize)/1e6)
	if s.Files == nil {
		return size
	}
	return strings.Join(s.Files, " + ") + ", " + size
}

func change(before, after string) string {
	if before == after {
		return after
	}
	return before + " → " + after
}

// reason is an error without the name of its function.
func reason(err error) string {
	if f, ok := errors.AsType[*rollout.FunctionError](err); ok {
		return f.Doing + ": " + f.Err.Error()
	}
	return err.Error()
}

// SumPlans counts plans in words.
func SumPlans(plans []Plan) string {
	var todo, failed int
	for _, p := range plans {
		switch {
		case p.Err != nil:
			failed++
		case len(p.Steps) > 0:
			todo++
		}
	}
	if todo+failed == 0 {
		return "nothing to do"
	}
	return fmt.Sprintf("%d to change, %d with nothing to do, %d failed or refused", todo, len(plans)-todo-failed, failed)
}
