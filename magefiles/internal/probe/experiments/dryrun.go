package experiments

import (
	"context"
	"crypto/sha256"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
)

// dried is a function before and after an update with DryRun.
type dried struct {
	CodeSha256            string // of the zip that was sent
	Before, Answer, After lab.Answer
}

// dryRun asks what DryRun changes and answers.
func dryRun() probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:      "dryrun",
		Question:  "What does UpdateFunctionCode with DryRun change and answer?",
		Functions: 1,
		Takes:     quick,
	}, func(ctx context.Context, l *lab.Lab) (d dried, err error) {
		err = d.record(ctx, l)
		return d, err
	}, judgeDryRun)
}

func (d *dried) record(ctx context.Context, l *lab.Lab) error {
	before, err := l.Zip(lab.Code("A")...)
	if err != nil {
		return err
	}
	after, err := l.Zip(lab.Code("B")...)
	if err != nil {
		return err
	}
	d.CodeSha256 = lambda.CodeSha256(sha256.Sum256(after))
	f, err := l.Create(ctx, lab.Spec{Zip: before})
	if err != nil {
		return err
	}
	d.Before = f.Creation.End()
	if d.Answer, err = f.UpdateCode(ctx, after, func(in *sdk.UpdateFunctionCodeInput) { in.DryRun = true }); err != nil {
		return err
	}
	d.After, err = f.Read(ctx)
	return err
}

func judgeDryRun(d dried) []probe.Finding {
	changes := probe.Fact{
		Statement: "DryRun changes nothing.",
		Assumed:   "it validates only, as AWS documents",
		Matters:   "the emulator; dualboot does not use it",
	}
	answers := probe.Fact{
		Statement: "What the answer to DryRun describes.",
		Assumed:   unknown,
		Matters:   "the emulator, which answers with the result",
	}
	same := d.Before.Function.RevisionId == d.After.Function.RevisionId && d.Before.Function.CodeSha256 == d.After.Function.CodeSha256
	described := "the function as it is"
	switch {
	case d.Answer.Refused():
		described = refusal(d.Answer)
	case d.Answer.Function.CodeSha256 == d.CodeSha256:
		described = "the result: it has the CodeSha256 of the zip that was sent"
	}
	return []probe.Finding{
		changes.Check(same, fmt.Sprintf("revision and CodeSha256 stay the same: %t", same), "Correct the emulator."),
		answers.Settle(described, ""),
	}
}
