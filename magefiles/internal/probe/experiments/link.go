package experiments

import (
	"context"
	"fmt"

	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
)

// linked is a function whose bootstrap is a symbolic link.
type linked struct {
	Target string
	Answer lab.Answer // to CreateFunction
	Call   lab.Call
}

// link asks whether Lambda starts a bootstrap that is a symbolic link.
func link() probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:        "link",
		Question:    "Does Lambda start a bootstrap that is a symbolic link in the zip?",
		Functions:   2,
		Invocations: 2,
		Takes:       quick,
	}, func(ctx context.Context, l *lab.Lab) (list []linked, err error) {
		for _, target := range []string{"app", "bin/app"} {
			r := linked{Target: target}
			err := r.record(ctx, l)
			list = append(list, r)
			if err != nil {
				return list, err
			}
		}
		return list, nil
	}, judgeLink)
}

func (r *linked) record(ctx context.Context, l *lab.Lab) error {
	zip, err := l.Zip(lab.Entry{Name: r.Target, Program: true}, lab.Entry{Name: "bootstrap", Content: r.Target, Link: true})
	if err != nil {
		return err
	}
	r.Answer, r.Call, err = try(ctx, l, lab.Spec{Zip: zip})
	return err
}

// try creates a function and invokes it once. A refusal of the creation is an
// answer.
func try(ctx context.Context, l *lab.Lab, spec lab.Spec) (lab.Answer, lab.Call, error) {
	f, err := l.Create(ctx, spec)
	if r, ok := refused(err); ok {
		return r, lab.Call{}, nil
	}
	if err != nil {
		return lab.Answer{}, lab.Call{}, err
	}
	call := f.Invoke(ctx)
	return f.Creation.Accepted, call, ctx.Err()
}

func judgeLink(list []linked) (findings []probe.Finding) {
	for _, r := range list {
		fact := probe.Fact{
			Statement: fmt.Sprintf("provided.al2023 starts a bootstrap that is a symbolic link to %s.", r.Target),
			Assumed:   "it does; users report that Lambda keeps links",
			Matters:   `functions with "single": true`,
		}
		started, observed := outcome(r.Answer, r.Call)
		findings = append(findings, fact.Check(started, observed, `Refuse "single" in lambdas.json, or write two files.`))
	}
	return findings
}

// outcome says whether a function was created and started, and how.
func outcome(created lab.Answer, c lab.Call) (started bool, observed string) {
	switch {
	case created.Refused():
		return false, refusal(created)
	case c.Error != "":
		return false, "it does not start: " + c.Error
	}
	return true, "it starts " + c.Mark.Executable
}
