package experiments

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
)

// bridge is the bootstrap of the layer: it starts what the handler names.
const bridge = "#!/bin/sh\nexec \"$LAMBDA_TASK_ROOT/$_HANDLER\"\n"

// layered is a function with the layer.
type layered struct {
	Runtime string
	Both    bool       // the zip has a bootstrap, too
	Answer  lab.Answer // to CreateFunction
	Call    lab.Call
}

// layer asks whether a bootstrap in a layer starts.
func layer() probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:        "layer",
		Question:    "Does Lambda start a bootstrap in a layer, and which one if the zip has one, too?",
		Functions:   3,
		Layers:      1,
		Invocations: 3,
		Takes:       2 * quick,
	}, func(ctx context.Context, l *lab.Lab) ([]layered, error) {
		zip, err := l.Zip(lab.Entry{Name: "bootstrap", Content: bridge, Executable: true})
		if err != nil {
			return nil, err
		}
		arn, err := l.CreateLayer(ctx, zip)
		if err != nil {
			return nil, err
		}
		list := []layered{{Runtime: lambda.ProvidedAL2023}, {Runtime: lambda.ProvidedAL2}, {Runtime: lambda.ProvidedAL2023, Both: true}}
		for i := range list {
			if err := list[i].record(ctx, l, arn); err != nil {
				return list[:i+1], err
			}
		}
		return list, nil
	}, judgeLayer)
}

func (r *layered) record(ctx context.Context, l *lab.Lab, arn string) error {
	entries := []lab.Entry{{Name: "app", Program: true}}
	if r.Both {
		entries = append(entries, lab.Entry{Name: "bootstrap", Program: true})
	}
	zip, err := l.Zip(entries...)
	if err != nil {
		return err
	}
	r.Answer, r.Call, err = try(ctx, l, lab.Spec{Zip: zip, Runtime: r.Runtime, Handler: "app", Layers: []string{arn}})
	return err
}

func judgeLayer(list []layered) (findings []probe.Finding) {
	for _, r := range list {
		started, observed := outcome(r.Answer, r.Call)
		if r.Both {
			fact := probe.Fact{
				Statement: "A bootstrap in the zip takes precedence over one in a layer.",
				Assumed:   "it does, as AWS documents",
				Matters:   "the way out once go1.x is blocked, which deploy ends",
			}
			own := strings.HasSuffix(r.Call.Mark.Executable, "/bootstrap") // the script would start app
			holds := started && own
			findings = append(findings, fact.Check(holds, observed, "Remove the layer before the zip has a bootstrap."))
			continue
		}
		fact := probe.Fact{
			Statement: fmt.Sprintf("%s starts a bootstrap in a layer, and the script there starts what the handler names.", r.Runtime),
			Assumed:   "it does, as AWS documents",
			Matters:   "the way out once go1.x is blocked",
		}
		findings = append(findings, fact.Check(started, observed, "Remove the way out from docs/reference.md."))
	}
	return findings
}

// refused returns the refusal that an error is, unless it is one by the emulator
// of what it does not implement.
func refused(err error) (lab.Answer, bool) {
	r, ok := errors.AsType[*lab.Refusal](err)
	if _, unsupported := lab.Unsupported(err); !ok || unsupported {
		return lab.Answer{}, false
	}
	return r.Answer, true
}
