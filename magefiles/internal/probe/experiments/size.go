package experiments

import (
	"context"
	"fmt"
	"net/http"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
	"example.com/dualboot/magefiles/internal/text"
)

// upload is an update with a zip of a certain size.
type upload struct {
	Size   int // of the zip, in bytes
	Answer lab.Answer
}

// size asks how large a zip in a request may be.
func size() probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:      "size",
		Question:  "Does a request take a zip of a byte less than 50 MB, of 50 MB, and of a byte more?",
		Functions: 1,
		Takes:     8 * quick,
	}, func(ctx context.Context, l *lab.Lab) (list []upload, err error) {
		zip, err := l.Zip(lab.Code("A")...)
		if err != nil {
			return nil, err
		}
		f, err := l.Create(ctx, lab.Spec{Zip: zip})
		if err != nil {
			return nil, err
		}
		for _, size := range []int{lambda.MaxZipped - 1, lambda.MaxZipped, lambda.MaxZipped + 1} {
			r := upload{Size: size}
			err := r.record(ctx, l, f)
			list = append(list, r)
			if err != nil {
				return list, err
			}
		}
		return list, nil
	}, judgeSize)
}

func (r *upload) record(ctx context.Context, l *lab.Lab, f *lab.Function) error {
	zip, err := l.Sized(r.Size)
	if err != nil {
		return err
	}
	if r.Answer, err = f.UpdateCode(ctx, zip, nil); err != nil || r.Answer.Refused() {
		return err
	}
	_, err = f.Finish(ctx, r.Answer, nil)
	return err
}

func judgeSize(list []upload) (findings []probe.Finding) {
	for _, r := range list {
		fact := probe.Fact{
			Statement: fmt.Sprintf("A zip of %s in a request.", text.Count(r.Size, "byte")),
			Assumed:   "it is accepted",
			Matters:   "deploy sends larger zips through S3",
		}
		holds := !r.Answer.Refused()
		if r.Size >= lambda.MaxZipped {
			fact.Assumed = "it is refused, 413 RequestEntityTooLargeException"
			holds = is(r.Answer, http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException")
		}
		findings = append(findings, fact.Check(holds, refusal(r.Answer), "Correct lambda.MaxZipped."))
	}
	return findings
}
