package experiments

import (
	"context"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
)

// moved is a function on arm64 whose code is updated without an architecture, and
// then with another one. It is never invoked.
type moved struct{ Omitted, Given lab.Update }

// architecture asks what an update without Architectures does.
func architecture() probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:      "architecture",
		Question:  "Which architecture does an UpdateFunctionCode without Architectures leave?",
		Functions: 1,
		Takes:     quick,
	}, func(ctx context.Context, l *lab.Lab) (m moved, err error) {
		err = m.record(ctx, l)
		return m, err
	}, judgeArchitecture)
}

func (m *moved) record(ctx context.Context, l *lab.Lab) error {
	zip, err := l.Zip(lab.Code("A")...)
	if err != nil {
		return err
	}
	f, err := l.Create(ctx, lab.Spec{Zip: zip, Architecture: lambda.ARM64})
	if err != nil {
		return err
	}
	accepted, err := f.UpdateCode(ctx, zip, func(in *sdk.UpdateFunctionCodeInput) { in.Architectures = nil })
	if m.Omitted, err = f.Finish(ctx, accepted, err); err != nil {
		return err
	}
	accepted, err = f.UpdateCode(ctx, zip, nil)
	m.Given, err = f.Finish(ctx, accepted, err)
	return err
}

func judgeArchitecture(m moved) []probe.Finding {
	omitted := probe.Fact{
		Statement: "What UpdateFunctionCode without Architectures does to a function on arm64.",
		Assumed:   unknown + "; dualboot always sends the architecture",
		Matters:   "tools that do not send it",
	}
	given := probe.Fact{
		Statement: "Code and architecture change in one UpdateFunctionCode.",
		Assumed:   "they do, and the update is one",
		Matters:   "a move to arm64 without a moment with the wrong binary",
	}
	kept, changed := architectures(m.Omitted), architectures(m.Given)
	return []probe.Finding{
		omitted.Settle("it leaves "+kept, ""),
		given.Check(changed == lambda.X86_64 && m.Given.End().Function.LastUpdateStatus == "Successful", "it leaves "+changed,
			"Do not offer a change of architecture."),
	}
}

func architectures(u lab.Update) string { return strings.Join(u.End().Function.Architectures, " ") }
