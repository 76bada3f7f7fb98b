package probe

import (
	"context"
	"time"

	"example.com/dualboot/magefiles/internal/probe/lab"
)

// Experiment is one question to AWS. See [Define].
type Experiment struct {
	Name     string // lower-case letters, part of the names on AWS
	Question string

	// What it needs: how many functions and layers it creates, about how many
	// invocations it makes and how long it takes.
	Functions, Layers int
	Invocations       int
	Takes             time.Duration

	// Quotas says that the experiment uses up quotas of the account, which needs a
	// consent of its own.
	Quotas bool

	// run returns what it recorded, also with an error, and what that says, unless
	// there is an error.
	run func(context.Context, *lab.Lab) (any, []Finding, error)
}

// Define returns the experiment e with its two parts: run records evidence, and
// judge, a pure function, says what complete evidence means.
func Define[E any](e Experiment, run func(context.Context, *lab.Lab) (E, error), judge func(E) []Finding) Experiment {
	e.run = func(ctx context.Context, l *lab.Lab) (any, []Finding, error) {
		evidence, err := run(ctx, l)
		if err != nil {
			return evidence, nil, err
		}
		return evidence, judge(evidence), nil
	}
	return e
}
