package experiments

import (
	"context"
	"fmt"

	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
)

// failure is an update with a damaged zip.
type failure struct {
	Before   lab.Answer
	Accepted lab.Answer
	Reads    []lab.Answer // after the update, if it was accepted
	Call     lab.Call     // after that
}

// damagedCode returns the entries of ordinary code with a wrong checksum.
func damagedCode() []lab.Entry {
	entries := lab.Code("B")
	entries[0].Damaged = true
	return entries
}

// failed asks with a zip of the entries what Lambda reports after a failed update, and what serves. Users
// report that an update with a damaged zip can end with the reason code
// InvalidZipFileException: https://github.com/anomalyco/sst/issues/6804
func failed(entries []lab.Entry) probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:        "failed",
		Question:    "What does Lambda report after an update that failed, and what serves then?",
		Functions:   1,
		Invocations: 1,
		Takes:       quick,
	}, func(ctx context.Context, l *lab.Lab) (f failure, err error) {
		err = f.record(ctx, l, entries)
		return f, err
	}, judgeFailed)
}

func (r *failure) record(ctx context.Context, l *lab.Lab, entries []lab.Entry) error {
	good, err := l.Zip(lab.Code("A")...)
	if err != nil {
		return err
	}
	bad, err := l.Zip(entries...)
	if err != nil {
		return err
	}
	f, err := l.Create(ctx, lab.Spec{Zip: good})
	if err != nil {
		return err
	}
	r.Before = f.Creation.End()
	if r.Accepted, err = f.UpdateCode(ctx, bad, nil); err != nil || r.Accepted.Refused() {
		return err
	}
	u, err := f.Finish(ctx, r.Accepted, nil)
	if r.Reads = u.Reads; err != nil {
		return err
	}
	r.Call = f.Invoke(ctx)
	return ctx.Err()
}

func judgeFailed(r failure) []probe.Finding {
	damaged := probe.Fact{
		Statement: "What happens to an update with a damaged zip.",
		Assumed:   unknown,
		Matters:   "the emulator, which refuses it at once",
	}
	serves := probe.Fact{
		Statement: "After a failed update the previous version serves.",
		Assumed:   "it does, as AWS documents",
		Matters:   "a failed update changes nothing for callers",
	}
	reports := probe.Fact{
		Statement: "After a failed update Lambda reports the serving or the attempted code.",
		Assumed:   unknown + "; dualboot sends the code again in both cases",
		Matters:   "rollout/plan.go, State.MayServeLegacy",
	}
	if r.Accepted.Refused() {
		reason := "the damaged zip was refused at once, so no update failed"
		return []probe.Finding{damaged.Settle(refusal(r.Accepted), ""), serves.Unseen(reason), reports.Unseen(reason)}
	}
	end := r.Reads[len(r.Reads)-1].Function
	if end.LastUpdateStatus != "Failed" {
		reason := "the update is " + end.LastUpdateStatus
		return []probe.Finding{damaged.Settle("it is accepted, and "+reason, ""), serves.Unseen(reason), reports.Unseen(reason)}
	}
	reported := "the attempted code"
	if end.CodeSha256 == r.Before.Function.CodeSha256 {
		reported = "the serving code"
	}
	answer := "code " + r.Call.Mark.Code
	if r.Call.Error != "" {
		answer = r.Call.Error
	}
	return []probe.Finding{
		damaged.Settle(fmt.Sprintf("it ends Failed, %s: %s", end.LastUpdateStatusReasonCode, end.LastUpdateStatusReason), ""),
		serves.Check(r.Call.Error == "" && r.Call.Mark.Code == "A", "an invocation meets "+answer, "Treat a failed update as a change that may serve."),
		reports.Settle("it reports "+reported, ""),
	}
}
