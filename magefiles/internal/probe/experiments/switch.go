package experiments

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
	"example.com/dualboot/magefiles/internal/probe/mark"
)

// switchHandler is the handler after the switch.
const switchHandler = "switched"

// switched is a function that was watched during a switch.
type switched struct {
	Update  lab.Update
	Samples []sample // handler and operating system of each call
}

// runtimeSwitch asks whether runtime and handler change together.
func runtimeSwitch(o Options) probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:        "switch",
		Question:    "Do runtime and handler change together, from provided.al2 to provided.al2023?",
		Functions:   1,
		Invocations: o.invocations(o.watched(atLeast)),
		Takes:       o.watched(atLeast),
	}, func(ctx context.Context, l *lab.Lab) (s switched, err error) {
		err = s.record(ctx, l, o)
		return s, err
	}, judgeSwitch)
}

func (s *switched) record(ctx context.Context, l *lab.Lab, o Options) error {
	zip, err := l.Zip(lab.Code("A")...)
	if err != nil {
		return err
	}
	f, err := l.Create(ctx, lab.Spec{Zip: zip, Runtime: lambda.ProvidedAL2})
	if err != nil {
		return err
	}
	w := watch(ctx, f, o.Rate, func(m mark.Mark) parts { return parts{m.Handler, m.System} })
	defer func() { s.Samples = w.end() }()
	if err := lab.Sleep(ctx, warm(o.Settle)); err != nil {
		return err
	}
	accepted, err := f.Configure(ctx, sdk.UpdateFunctionConfigurationInput{Runtime: types.RuntimeProvidedal2023, Handler: aws.String(switchHandler)})
	if s.Update, err = f.Finish(ctx, accepted, err); err != nil {
		return err
	}
	after := f.Invoke(ctx).Mark
	return w.settled(ctx, parts{switchHandler, after.System}, s.Update.End().Received, o.Settle)
}

func judgeSwitch(s switched) []probe.Finding {
	fact := probe.Fact{
		Statement: "Runtime and handler of one UpdateFunctionConfiguration change together.",
		Assumed:   "they do",
		Matters:   "the switch sends both in one call",
	}
	var before, after string // operating systems: of the first call, and of the last one
	for _, c := range s.Samples {
		if c.Error != "" {
			continue
		}
		if before == "" {
			before = c.Parts[1]
		}
		after = c.Parts[1]
	}
	findings := []probe.Finding{judgeFailures(s.Samples)}
	if before == after {
		return append(findings, fact.Unseen(fmt.Sprintf("both runtimes answer from %q", after)))
	}
	found := mixtures(s.Samples, []parts{{lambda.Bootstrap, before}, {switchHandler, after}})
	observed := "every call met both old or both new"
	if found != "" {
		observed = found
	}
	return append(findings, fact.Check(found == "", observed,
		"Keep a handler that works on both runtimes during the switch."))
}
