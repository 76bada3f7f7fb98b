package experiments

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
)

// conflicts are answers to updates that should not be accepted.
type conflicts struct {
	Update lab.Answer // that was in progress
	During lab.Answer // to another update right after it
	Stale  lab.Answer // to an update with an old revision
}

// conflict asks how Lambda refuses concurrent updates.
func conflict() probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:      "conflict",
		Question:  "How does Lambda refuse an update during another one, and one with an old revision?",
		Functions: 1,
		Takes:     quick,
	}, func(ctx context.Context, l *lab.Lab) (c conflicts, err error) {
		err = c.record(ctx, l)
		return c, err
	}, judgeConflict)
}

func (c *conflicts) record(ctx context.Context, l *lab.Lab) error {
	zip, err := l.Zip(lab.Code("A")...)
	if err != nil {
		return err
	}
	f, err := l.Create(ctx, lab.Spec{Zip: zip})
	if err != nil {
		return err
	}
	old := f.Creation.Accepted.Function.RevisionId
	c.Update, err = f.UpdateCode(ctx, zip, nil)
	if err != nil {
		return err
	}
	if c.During, err = f.Configure(ctx, lab.Marked("2")); err != nil {
		return err
	}
	if _, err := f.Finish(ctx, c.Update, nil); err != nil {
		return err
	}
	c.Stale, err = f.UpdateCode(ctx, zip, func(in *sdk.UpdateFunctionCodeInput) { in.RevisionId = aws.String(old) })
	return err
}

func judgeConflict(c conflicts) []probe.Finding {
	during := probe.Fact{
		Statement: "An update during another one is refused.",
		Assumed:   "409 ResourceConflictException",
		Matters:   "deploy waits for the end of the other update",
	}
	stale := probe.Fact{
		Statement: "An update with an old RevisionId is refused.",
		Assumed:   "412 PreconditionFailedException",
		Matters:   "deploy notices that somebody else has changed the function",
	}
	second := during.Unseen("the first update had ended before the second one came")
	if c.During.Refused() {
		second = during.Check(is(c.During, http.StatusConflict, "ResourceConflictException"), refusal(c.During),
			"Wait for this error as well in rollout/errors.go.")
	}
	return []probe.Finding{
		second,
		stale.Check(is(c.Stale, http.StatusPreconditionFailed, "PreconditionFailedException"), refusal(c.Stale),
			"Recognize this answer in rollout/errors.go, or two deploys can overwrite each other."),
	}
}

// is reports whether an answer is a refusal with the status and the code.
func is(a lab.Answer, status int, code string) bool { return a.Status == status && a.Code == code }

// refusal describes how a call was answered.
func refusal(a lab.Answer) string {
	if !a.Refused() {
		return "accepted"
	}
	return fmt.Sprintf("%d %s: %s", a.Status, a.Code, a.Message)
}
