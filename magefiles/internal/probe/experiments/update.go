package experiments

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
	"example.com/dualboot/magefiles/internal/text"
)

// slowest is how long dualboot assumes an update to take at most; see
// rollout/plan.go.
const slowest = 2 * time.Minute

// updated is what Lambda reported about two updates of the code: to another zip,
// and to the same zip again.
type updated struct {
	CodeSha256       string // of the other zip, as dualboot computes it
	Creation         lab.Update
	First, Again     lab.Update
	Downloaded       string // CodeSha256 of the zip that Lambda returns
	DownloadedMarked bool   // it ends with the comment that was sent
}

// update asks what Lambda reports during an update.
func update() probe.Experiment {
	return probe.Define(probe.Experiment{
		Name:      "update",
		Question:  "Which states, revisions and times does Lambda report during an update?",
		Functions: 1,
		Takes:     quick,
	}, func(ctx context.Context, l *lab.Lab) (u updated, err error) {
		err = u.record(ctx, l)
		return u, err
	}, judgeUpdate)
}

func (u *updated) record(ctx context.Context, l *lab.Lab) error {
	before, err := l.Zip(lab.Code("A")...)
	if err != nil {
		return err
	}
	after, err := l.Zip(lab.Code("B")...)
	if err != nil {
		return err
	}
	u.CodeSha256 = lambda.CodeSha256(sha256.Sum256(after))
	f, err := l.Create(ctx, lab.Spec{Zip: before})
	if err != nil {
		return err
	}
	u.Creation = f.Creation
	for _, result := range []*lab.Update{&u.First, &u.Again} {
		accepted, err := f.UpdateCode(ctx, after, nil)
		if *result, err = f.Finish(ctx, accepted, err); err != nil {
			return err
		}
	}
	_, location, err := f.Locate(ctx)
	if err != nil {
		return err
	}
	zip, err := download(ctx, location)
	u.Downloaded, u.DownloadedMarked = lambda.CodeSha256(sha256.Sum256(zip)), lab.HasComment(zip)
	return err
}

// download reads a zip from a presigned URL.
func download(ctx context.Context, location lambda.Secret) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, string(location), nil)
	if err != nil {
		return nil, fmt.Errorf("downloading the deployed zip: its URL is malformed")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("downloading the deployed zip failed") // the error has the URL, which is a credential
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("downloading the deployed zip: HTTP status %s", response.Status)
	}
	return io.ReadAll(response.Body)
}

func judgeUpdate(u updated) []probe.Finding {
	return []probe.Finding{
		judgeStates(u), judgeRevisions(u), judgeTimes(u), judgeDuration(u), judgeSame(u), judgeDigest(u), judgeComment(u),
	}
}

// progress returns the reads of an update while it was in progress.
func progress(u lab.Update) (reads []lab.Answer) {
	for _, a := range u.Reads {
		if a.Function.LastUpdateStatus == "InProgress" {
			reads = append(reads, a)
		}
	}
	return reads
}

func judgeStates(u updated) probe.Finding {
	fact := probe.Fact{
		Statement: "An update is InProgress first, and GetFunction shows the new CodeSha256 meanwhile.",
		Assumed:   "as recorded",
		Matters:   "deploy waits while InProgress",
	}
	answered := u.First.Accepted.Function
	if answered.LastUpdateStatus != "InProgress" || answered.CodeSha256 != u.CodeSha256 {
		return fact.Check(false, fmt.Sprintf("the answer says %s, CodeSha256 %s", answered.LastUpdateStatus, answered.CodeSha256),
			"Read the function after an update, whatever its answer says.")
	}
	for _, read := range progress(u.First) {
		if read.Function.CodeSha256 != u.CodeSha256 {
			return fact.Check(false, "while InProgress, GetFunction shows the previous CodeSha256",
				"Do not compare CodeSha256 while an update is in progress.")
		}
	}
	return fact.Check(true, "the answer says InProgress and has the new CodeSha256, as have "+text.Count(len(progress(u.First)), "read"), "")
}

func judgeRevisions(u updated) probe.Finding {
	fact := probe.Fact{
		Statement: "The end of an update is a revision of its own.",
		Assumed:   "as recorded",
		Matters:   "dualboot reads the revision again before its next update",
	}
	answered, end := u.First.Accepted.Function.RevisionId, u.First.End().Function.RevisionId
	during := "no read while InProgress"
	if reads := progress(u.First); len(reads) > 0 {
		during = "while InProgress it is another one than the answer's"
		if reads[0].Function.RevisionId == answered {
			during = "while InProgress it is the answer's"
		}
	}
	return fact.Check(answered != end, fmt.Sprintf("the revision changes at the end: %t; %s", answered != end, during),
		"None is needed, because dualboot reads the revision again; correct the emulator.")
}

func judgeTimes(u updated) probe.Finding {
	fact := probe.Fact{
		Statement: "LastModified is the time at which an update began.",
		Assumed:   "it does not change until the next update",
		Matters:   "rollout/plan.go decides by it whether a window may be open",
	}
	begin, end := u.First.Accepted.Function.LastModified, u.First.End().Function.LastModified
	changed := u.Creation.End().Function.LastModified != begin
	return fact.Check(begin == end && changed,
		fmt.Sprintf("%s in the answer, %s at the end, %s before", begin, end, u.Creation.End().Function.LastModified),
		"Correct slowest in rollout/plan.go, and what it says about LastModified.")
}

func judgeDuration(u updated) probe.Finding {
	fact := probe.Fact{
		Statement: "An update takes a limited time.",
		Assumed:   fmt.Sprintf("at most %v", slowest),
		Matters:   "rollout/plan.go skips the settle delay for a function that has not changed for longer",
	}
	took := u.First.End().Received.Sub(u.First.Accepted.Sent)
	return fact.Check(took <= slowest, text.Duration(took), "Raise slowest in rollout/plan.go.")
}

func judgeSame(u updated) probe.Finding {
	fact := probe.Fact{
		Statement: "An update with the same zip is an update like any other.",
		Assumed:   "as recorded",
		Matters:   "deploy sends no zip that is deployed already",
	}
	first, again := u.First.End().Function, u.Again.End().Function
	return fact.Check(u.Again.Accepted.Function.LastUpdateStatus == "InProgress" && first.RevisionId != again.RevisionId,
		fmt.Sprintf("it is %s, and the revision changes: %t", u.Again.Accepted.Function.LastUpdateStatus, first.RevisionId != again.RevisionId),
		"None is needed; correct the emulator.")
}

func judgeDigest(u updated) probe.Finding {
	fact := probe.Fact{
		Statement: "CodeSha256 is the SHA-256 of the bytes of the zip, in base64.",
		Assumed:   "it is, and Lambda keeps the zip as it was sent",
		Matters:   "deploy recognizes by it what is deployed",
	}
	end := u.First.End().Function.CodeSha256
	return fact.Check(end == u.CodeSha256 && u.Downloaded == end,
		fmt.Sprintf("equal to the digest of what was sent: %t; of what Lambda returns: %t", end == u.CodeSha256, end == u.Downloaded),
		"Compute CodeSha256 as AWS does in lambda.CodeSha256; until then every deploy sends every function.")
}

func judgeComment(u updated) probe.Finding {
	fact := probe.Fact{
		Statement: "Lambda accepts a zip with a comment and keeps the comment.",
		Assumed:   "it does",
		Matters:   "dualboot recognizes its own zips by it, and notes the legacy binary there",
	}
	return fact.Check(u.DownloadedMarked, fmt.Sprintf("the returned zip has the comment: %t", u.DownloadedMarked),
		"Note the legacy binary in a file of the zip instead.")
}
