package experiments

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
)

// returned is a change of the runtime by configuration.
type returned struct {
	Runtime string
	Answer  lab.Answer // to UpdateFunctionConfiguration
	End     lab.Answer // of GetFunction at the end of the update, if it was accepted
	Call    lab.Call   // after that
}

// rollback asks whether a function can return to an older runtime.
func rollback() probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:        "rollback",
		Question:    "Can a function return to provided.al2 and to go1.x by configuration?",
		Functions:   1,
		Invocations: 3,
		Takes:       quick,
	}, func(ctx context.Context, l *lab.Lab) (list []returned, err error) {
		zip, err := l.Zip(lab.Code("A")...)
		if err != nil {
			return nil, err
		}
		f, err := l.Create(ctx, lab.Spec{Zip: zip, Runtime: lambda.ProvidedAL2})
		if err != nil {
			return nil, err
		}
		for _, runtime := range []string{lambda.ProvidedAL2023, lambda.ProvidedAL2, lambda.Go1x} {
			r := returned{Runtime: runtime}
			err := r.record(ctx, f)
			list = append(list, r)
			if err != nil {
				return list, err
			}
		}
		return list, nil
	}, judgeRollback)
}

func (r *returned) record(ctx context.Context, f *lab.Function) error {
	var err error
	r.Answer, err = f.Configure(ctx, sdk.UpdateFunctionConfigurationInput{Runtime: types.Runtime(r.Runtime), Handler: aws.String(lambda.Bootstrap)})
	if err != nil || r.Answer.Refused() {
		return err
	}
	u, err := f.Finish(ctx, r.Answer, nil)
	if err != nil {
		return err
	}
	r.End, r.Call = u.End(), f.Invoke(ctx)
	return ctx.Err()
}

func judgeRollback(list []returned) []probe.Finding {
	facts := map[string]probe.Fact{
		lambda.ProvidedAL2023: {
			Statement: "A function on provided.al2 moves to provided.al2023 by configuration.",
			Assumed:   "it does",
			Matters:   `deploy of functions with "dual": false`,
		},
		lambda.ProvidedAL2: {
			Statement: "A function on provided.al2023 returns to provided.al2 by configuration.",
			Assumed:   "it does, until AWS blocks updates",
			Matters:   "rollback -runtime=provided.al2",
		},
	}
	toGo := probe.Fact{
		Statement: "Whether a function moves to go1.x by configuration.",
		Assumed:   unknown,
		Matters:   "rollback of a migration",
	}
	var findings []probe.Finding
	for _, r := range list {
		accepted, observed := r.outcome()
		switch {
		case r.Runtime != lambda.Go1x:
			findings = append(findings, facts[r.Runtime].Check(accepted, observed, "Say in docs/reference.md that AWS refuses it, and refuse it in plan."))
		case accepted:
			findings = append(findings, toGo.Settle("it does: "+observed, "Say in the README and in docs/reference.md that AWS accepts a rollback to go1.x."))
		default:
			findings = append(findings, toGo.Settle("it does not: "+observed, "Say in the README and in docs/reference.md that there is no rollback to go1.x, and warn in plan and deploy."))
		}
	}
	return findings
}

// outcome says whether the function is on the runtime, and answers.
func (r returned) outcome() (accepted bool, observed string) {
	switch {
	case r.Answer.Refused():
		return false, refusal(r.Answer)
	case r.End.Function.LastUpdateStatus != "Successful":
		return false, "the update is " + r.End.Function.LastUpdateStatus + ": " + r.End.Function.LastUpdateStatusReason
	case r.Call.Error != "":
		return false, "accepted, but an invocation fails: " + r.Call.Error
	}
	return true, "accepted, and an invocation succeeds"
}
