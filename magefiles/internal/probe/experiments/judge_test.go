package experiments

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
	"example.com/dualboot/magefiles/internal/probe/mark"
)

// want checks findings: for each the class, and a part of what it says.
func want(t *testing.T, got []probe.Finding, lines ...string) {
	t.Helper()
	if len(got) != len(lines) {
		t.Fatalf("%d findings, want %d: %+v", len(got), len(lines), got)
	}
	for i, line := range lines {
		class, part, _ := strings.Cut(line, ": ")
		f := got[i]
		if string(f.Class) != class || !strings.Contains(f.Observed+" | "+f.Change, part) {
			t.Errorf("finding %d is %s: %s | %s\nwant %s", i, f.Class, f.Observed, f.Change, line)
		}
		if f.Class == probe.Differs && f.Change == "" {
			t.Errorf("finding %d differs, and says nothing to change: %s", i, f.Statement)
		}
		if f.Statement == "" || f.Assumed == "" || f.Matters == "" || f.Observed == "" {
			t.Errorf("finding %d is incomplete: %+v", i, f)
		}
	}
}

var began = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return began.Add(time.Duration(seconds * float64(time.Second)))
}

// call is a sample whose answer takes 10 ms.
func call(seconds float64, first, second string) sample {
	return sample{Sent: at(seconds), Took: 10 * time.Millisecond, Parts: parts{first, second}}
}

// ends is an update that is accepted at the one time and ends at the other.
func ends(accepted, end float64) lab.Update {
	read := func(seconds float64, status string) lab.Answer {
		return lab.Answer{Sent: at(seconds - 0.001), Received: at(seconds), Function: lab.State{LastUpdateStatus: status}}
	}
	return lab.Update{
		Accepted: lab.Answer{Sent: at(accepted - 0.001), Received: at(accepted)},
		Reads:    []lab.Answer{read(end-0.2, "InProgress"), read(end, "Successful")},
	}
}

// codeFirst is a sequence in which the code changes at 1 s, and the configuration
// at 3 s.
func codeFirst(settles bool, samples ...sample) sequence {
	return sequence{
		Order: []string{"code", "configuration"}, Settles: settles,
		Updates: []lab.Update{ends(0.5, 1), ends(2.5, 3)}, Samples: samples,
	}
}

func TestJudgeWindow(t *testing.T) {
	early := call(0.6, "A", "1") // while the update is in progress
	for name, test := range map[string]struct {
		list []sequence
		want []string
	}{
		"as assumed": {
			[]sequence{codeFirst(false, early, call(1.5, "A", "1"), call(2, "B", "1"), call(3.5, "B", "1"), call(4, "B", "2"))},
			[]string{
				"agrees: it served 1 of 4 calls, the last one 500ms", "agrees: it served 1 of 2 calls, the last one 500ms",
				"agrees: answered 0 of 1 call", "agrees: none", "settled: no mixture", "agrees: 0 of 5 calls failed",
			},
		},
		"longer": {
			[]sequence{codeFirst(false, early, call(3.4, "A", "1"), call(3.9, "B", "1"), call(4.5, "B", "2"))},
			[]string{
				`differs: Set "settle" to at least 3s`, "agrees: 900ms",
				"agrees: ", "agrees: none", "settled: no mixture", "agrees: ",
			},
		},
		"to the end": {
			[]sequence{codeFirst(false, early, call(3.4, "B", "1"), call(9, "B", "1"))},
			[]string{
				"differs: it served none of 2 calls", "differs: when the watch ended",
				"agrees: ", "agrees: none", "settled: no mixture", "agrees: ",
			},
		},
		"none": {
			[]sequence{codeFirst(false, early, call(1.5, "B", "1"), call(3.5, "B", "2"))},
			[]string{
				"differs: the settle delay may be unnecessary", "differs: the settle delay may be unnecessary",
				"agrees: ", "agrees: none", "settled: no reason to drop", "agrees: ",
			},
		},
		"mixed": {
			[]sequence{
				codeFirst(false, early, call(3.5, "A", "2"), call(3.6, "A", "2"), call(3.7, "B", "1")),
				codeFirst(true, call(1.5, "A", "1")),
			},
			[]string{
				`differs: Set "settle"`, "agrees: ",
				"agrees: ", "agrees: none", "settled: they mix: code, configuration: 2 calls of A with 2", "agrees: ",
			},
		},
		"mixed in spite of the settle delay": {
			[]sequence{codeFirst(true, early, call(3.5, "A", "2"), call(3.7, "B", "1"))},
			[]string{
				`differs: Set "settle"`, "agrees: ",
				"agrees: ", `differs: code, settle, configuration: 1 call of A with 2 | Set "settle" to at least 3s`, "settled: ", "agrees: ",
			},
		},
		"early": {
			[]sequence{codeFirst(false, call(0.6, "B", "1"), call(1.5, "A", "1"), call(3.5, "B", "1"))},
			[]string{
				"agrees: ", "agrees: ",
				"differs: answered 1 of 1 call", "agrees: none", "settled: ", "agrees: ",
			},
		},
		"failures": {
			[]sequence{codeFirst(false, early, call(1.5, "A", "1"), call(3.5, "B", "1"),
				sample{Sent: at(4), Error: "Runtime.ExitError: exit status 1"}, sample{Sent: at(5), Error: "Rate exceeded", Throttled: true})},
			[]string{
				"agrees: ", "agrees: ", "agrees: ", "agrees: none", "settled: ",
				"differs: 1 of 5 calls failed: Runtime.ExitError: exit status 1; 1 more were throttled",
			},
		},
		"nothing": {
			[]sequence{codeFirst(false)},
			[]string{"not seen: ", "not seen: ", "not seen: ", "agrees: ", "settled: ", "agrees: "},
		},
	} {
		t.Run(name, func(t *testing.T) { want(t, judgeWindow(test.list, time.Second), test.want...) })
	}
}

// In a sequence that begins with the configuration, other pairs are deployed.
func TestJudgeWindowConfigurationFirst(t *testing.T) {
	s := codeFirst(false, call(0.6, "A", "1"), call(1.5, "A", "2"), call(3.5, "B", "1"))
	s.Order = []string{"configuration", "code"}
	got := judgeMixtures([]sequence{s}, 0, time.Second)
	want(t, got, "agrees: none", "settled: they mix: configuration, code: 1 call of B with 1")
}

func TestJudgeSwitch(t *testing.T) {
	const al2, al2023 = "Amazon Linux 2", "Amazon Linux 2023"
	for name, test := range map[string]struct {
		samples []sample
		want    string
	}{
		"together": {[]sample{call(1, "bootstrap", al2), call(2, "switched", al2023)}, "agrees: every call"},
		"apart":    {[]sample{call(1, "bootstrap", al2), call(2, "switched", al2), call(3, "switched", al2023)}, "differs: 1 call of switched with Amazon Linux 2"},
		"emulator": {[]sample{call(1, "bootstrap", al2), call(2, "switched", al2)}, "not seen: both runtimes"},
	} {
		t.Run(name, func(t *testing.T) { want(t, judgeSwitch(switched{Samples: test.samples}), "agrees: 0 of", test.want) })
	}
}

// state returns the state of a function.
func state(status, revision, modified, digest string) lab.Answer {
	return lab.Answer{Sent: began, Received: at(1), Function: lab.State{LastUpdateStatus: status, RevisionId: revision, LastModified: modified, CodeSha256: digest}}
}

func TestJudgeUpdate(t *testing.T) {
	assumed := func() updated {
		return updated{
			CodeSha256: "new",
			Creation:   lab.Update{Reads: []lab.Answer{state("Successful", "0", "t0", "old")}},
			First:      lab.Update{Accepted: state("InProgress", "1", "t1", "new"), Reads: []lab.Answer{state("InProgress", "1", "t1", "new"), state("Successful", "2", "t1", "new")}},
			Again:      lab.Update{Accepted: state("InProgress", "3", "t2", "new"), Reads: []lab.Answer{state("Successful", "4", "t2", "new")}},
			Downloaded: "new", DownloadedMarked: true,
		}
	}
	for name, test := range map[string]struct {
		change func(*updated)
		want   [7]string
	}{
		"as assumed":            {func(u *updated) {}, [7]string{}},
		"at once":               {func(u *updated) { u.First.Accepted.Function.LastUpdateStatus = "Successful" }, [7]string{0: "differs: the answer says Successful"}},
		"old digest meanwhile":  {func(u *updated) { u.First.Reads[0].Function.CodeSha256 = "old" }, [7]string{0: "differs: the previous CodeSha256"}},
		"one revision":          {func(u *updated) { u.First.Reads[1].Function.RevisionId = "1" }, [7]string{1: "differs: changes at the end: false"}},
		"modified at the end":   {func(u *updated) { u.First.Reads[1].Function.LastModified = "t3" }, [7]string{2: "differs: t1 in the answer, t3 at the end"}},
		"slow":                  {func(u *updated) { u.First.Reads[1].Received = at(121) }, [7]string{3: "differs: 2m1s"}},
		"same zip is ignored":   {func(u *updated) { u.Again = lab.Update{Accepted: u.First.Reads[1], Reads: u.First.Reads[1:]} }, [7]string{4: "differs: the revision changes: false"}},
		"same zip, no revision": {func(u *updated) { u.Again.Reads[0].Function.RevisionId = "2" }, [7]string{4: "differs: it is InProgress, and the revision changes: false"}},
		"not modified":          {func(u *updated) { u.Creation.Reads[0].Function.LastModified = "t1" }, [7]string{2: "differs: t1 in the answer, t1 at the end, t1 before"}},
		"other digest":          {func(u *updated) { u.Downloaded = "other" }, [7]string{5: "differs: of what Lambda returns: false"}},
		"no comment":            {func(u *updated) { u.DownloadedMarked = false }, [7]string{6: "differs: comment: false"}},
	} {
		t.Run(name, func(t *testing.T) {
			u := assumed()
			test.change(&u)
			for i := range test.want {
				if test.want[i] == "" {
					test.want[i] = "agrees: "
				}
			}
			want(t, judgeUpdate(u), test.want[:]...)
		})
	}
}

func refusedWith(status int, code, message string) lab.Answer {
	return lab.Answer{Status: status, Code: code, Message: message}
}

func TestJudgeConflict(t *testing.T) {
	busy := refusedWith(http.StatusConflict, "ResourceConflictException", "in progress")
	stale := refusedWith(http.StatusPreconditionFailed, "PreconditionFailedException", "stale")
	other := refusedWith(http.StatusBadRequest, "Other", "text")
	want(t, judgeConflict(conflicts{During: busy, Stale: stale}), "agrees: 409", "agrees: 412")
	want(t, judgeConflict(conflicts{Stale: lab.Answer{}}), "not seen: had ended", "differs: accepted")
	want(t, judgeConflict(conflicts{During: other, Stale: other}), "differs: 400 Other: text", "differs: 400 Other: text")
}

func TestJudgeArchitecture(t *testing.T) {
	leaves := func(architecture, status string) lab.Update {
		return lab.Update{Reads: []lab.Answer{{Function: lab.State{Architectures: []string{architecture}, LastUpdateStatus: status}}}}
	}
	want(t, judgeArchitecture(moved{leaves("arm64", "Successful"), leaves("x86_64", "Successful")}), "settled: arm64", "agrees: x86_64")
	want(t, judgeArchitecture(moved{leaves("x86_64", "Successful"), leaves("arm64", "Successful")}), "settled: x86_64", "differs: arm64")
	want(t, judgeArchitecture(moved{leaves("x86_64", "Successful"), leaves("x86_64", "Failed")}), "settled: x86_64", "differs: x86_64")
}

func TestJudgeDryRun(t *testing.T) {
	old, result := state("Successful", "1", "t", "old"), state("Successful", "1", "t", "new")
	want(t, judgeDryRun(dried{"new", old, result, old}), "agrees: true", "settled: the result")
	want(t, judgeDryRun(dried{"new", old, old, old}), "agrees: true", "settled: as it is")
	want(t, judgeDryRun(dried{"new", old, result, result}), "differs: false", "settled: the result")
	want(t, judgeDryRun(dried{"new", old, refusedWith(400, "Other", "text"), old}), "agrees: true", "settled: 400 Other: text")
}

func TestJudgeFailed(t *testing.T) {
	before := state("Successful", "1", "t", "old")
	ended := func(status, digest string) []lab.Answer {
		a := state(status, "2", "t", digest)
		a.Function.LastUpdateStatusReasonCode = "InvalidZipFileException"
		return []lab.Answer{a}
	}
	code := func(c string) lab.Call { return lab.Call{Mark: mark.Mark{Code: c}} }
	want(t, judgeFailed(failure{Before: before, Accepted: refusedWith(400, "Other", "text")}), "settled: 400 Other", "not seen: refused", "not seen: refused")
	want(t, judgeFailed(failure{Before: before, Reads: ended("Successful", "new"), Call: code("B")}), "settled: it is accepted", "not seen: Successful", "not seen: Successful")
	want(t, judgeFailed(failure{Before: before, Reads: ended("Failed", "old"), Call: code("A")}), "settled: Failed, InvalidZipFileException", "agrees: code A", "settled: serving")
	want(t, judgeFailed(failure{Before: before, Reads: ended("Failed", "new"), Call: code("B")}), "settled: Failed", "differs: code B", "settled: attempted")
	want(t, judgeFailed(failure{Before: before, Reads: ended("Failed", "new"), Call: lab.Call{Error: "Broken"}}), "settled: Failed", "differs: Broken", "settled: attempted")
}

func TestJudgeLink(t *testing.T) {
	want(t, judgeLink([]linked{
		{Target: "app", Call: lab.Call{Mark: mark.Mark{Executable: "/var/task/app"}}},
		{Target: "bin/app", Call: lab.Call{Error: "Runtime.InvalidEntrypoint: none"}},
		{Target: "bin/app", Answer: refusedWith(400, "Other", "text")},
	}), "agrees: /var/task/app", "differs: Runtime.InvalidEntrypoint", "differs: 400 Other")
}

func TestJudgeLayer(t *testing.T) {
	starts := func(path string) lab.Call { return lab.Call{Mark: mark.Mark{Executable: path}} }
	want(t, judgeLayer([]layered{
		{Runtime: "provided.al2023", Call: starts("/var/task/app")},
		{Runtime: "provided.al2", Call: lab.Call{Error: "Runtime.InvalidEntrypoint: none"}},
		{Runtime: "provided.al2023", Both: true, Call: starts("/var/task/bootstrap")},
		{Runtime: "provided.al2023", Both: true, Call: starts("/var/task/app")},
	}), "agrees: /var/task/app", "differs: Runtime.InvalidEntrypoint", "agrees: bootstrap", "differs: /var/task/app")
}

func TestJudgeRollback(t *testing.T) {
	done := state("Successful", "1", "t", "x")
	want(t, judgeRollback([]returned{
		{Runtime: lambda.ProvidedAL2023, End: done},
		{Runtime: lambda.ProvidedAL2, Answer: refusedWith(400, "InvalidParameterValueException", "no longer supported")},
		{Runtime: lambda.Go1x, Answer: refusedWith(400, "InvalidParameterValueException", "enum")},
		{Runtime: lambda.Go1x, End: done},
		{Runtime: lambda.Go1x, End: done, Call: lab.Call{Error: "Broken"}},
		{Runtime: lambda.Go1x, End: state("Failed", "1", "t", "x")},
	}), "agrees: accepted", "differs: no longer supported", "settled: it does not: 400", "settled: AWS accepts a rollback", "settled: it does not: accepted, but", "settled: it does not: the update is Failed")
}

func TestJudgeSize(t *testing.T) {
	large := refusedWith(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "Zipped size")
	want(t, judgeSize([]upload{{lambda.MaxZipped - 1, lab.Answer{}}, {lambda.MaxZipped, large}, {lambda.MaxZipped + 1, large}}), "agrees: accepted", "agrees: 413", "agrees: 413")
	want(t, judgeSize([]upload{{lambda.MaxZipped - 1, large}, {lambda.MaxZipped, lab.Answer{}}, {lambda.MaxZipped + 1, refusedWith(400, "Other", "text")}}), "differs: 413", "differs: accepted", "differs: 400 Other")
}

func TestJudgeQuota(t *testing.T) {
	control := flood{Operation: "GetFunctionConfiguration", Quota: 15, Sent: 120, Offered: 30, Burst: 6, Steady: 15.5, Refusal: "TooManyRequestsException"}
	reads := flood{Operation: "GetFunction", Quota: 100, Sent: 800, Offered: 200, Burst: 34, Steady: 60, Refusal: "TooManyRequestsException"}
	want(t, judgeQuota([]flood{control, reads}), "agrees: 15.5 a second of 30", "settled: 6 before", "differs: less than 60", "settled: 34 before")
	control.Refusal, reads.Refusal = "", ""
	want(t, judgeQuota([]flood{control, reads}), `differs: Raise "calls"`, "not seen: ", "differs: getFunctions", "not seen: ")
	control.Offered, reads.Offered = 15, 100
	want(t, judgeQuota([]flood{control, reads}), "not seen: only 15 a second", "not seen: ", "not seen: only 100 a second", "not seen: ")
}
