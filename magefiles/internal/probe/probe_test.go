package probe

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/probe/lab"
)

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"account 123456789012": "account 000000000000",
		"arn:aws:lambda:us-east-1:123456789012:function:dualboot-probe-a":         "arn:aws:lambda:us-east-1:000000000000:function:dualboot-probe-a",
		"User: arn:aws:sts::123456789012:assumed-role/dev/jane@example.com is no": "User: arn:aws:sts::000000000000:masked is no",
		`"arn:aws-cn:iam::210987654321:role/secret/name"`:                         `"arn:aws:iam::000000000000:masked"`,
		"nothing": "nothing",
	} {
		if got := Mask(text, "123456789012"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// testRun returns a run that reaches no AWS.
func testRun(t *testing.T) *lab.Run {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	run, err := lab.New(lab.Options{Program: program, Journal: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// answering returns an experiment that records 1 and ends with the error.
func answering(name string, err error) Experiment {
	return Define(Experiment{Name: name}, func(context.Context, *lab.Lab) (int, error) { return 1, err }, func(n int) []Finding {
		f := Fact{"statement", "assumed", "matters"}
		return []Finding{f.Check(n == 1, "one", ""), f.Check(n == 2, "one", "change it"), f.Settle("one", ""), f.Unseen("reason")}
	})
}

func TestReport(t *testing.T) {
	refusal := &lab.Refusal{Answer: lab.Answer{Operation: "PublishLayerVersion", Code: "UnknownOperationException", Message: "the emulator does not implement POST /layers"}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	interrupting := answering("interrupting", context.Canceled)
	run := interrupting.run
	interrupting.run = func(ctx context.Context, l *lab.Lab) (any, []Finding, error) {
		cancel()
		return run(ctx, l)
	}
	r := &Report{}
	r.Run(ctx, testRun(t), []Experiment{
		answering("fine", nil), answering("unsupported", refusal), answering("broken", errors.New("no answer from 123456789012")),
		interrupting, answering("late", nil),
	}, t.Logf)
	var got []string
	for _, o := range r.Experiments {
		got = append(got, o.Name+" "+o.Summary())
	}
	want := `fine 4 findings, 1 agrees, 1 differs, 1 not seen, 1 settled
unsupported not run: not supported by the emulator: the emulator does not implement POST /layers
broken FAILED: no answer from 123456789012
interrupting not run: interrupted
late not run: interrupted`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if !r.Differs() {
		t.Error("it does not differ")
	}
	if err := r.Err(); err == nil || err.Error() != "experiment broken: no answer from 123456789012" {
		t.Errorf("error %v", err)
	}
	text, err := r.JSON("123456789012")
	if err != nil || strings.Contains(string(text), "123456789012") || strings.Count(string(text), `"Evidence":1`) != 4 {
		t.Errorf("%s, %v", text, err)
	}
	r.Left = "deleting function x: refused\n"
	if err := r.Err(); !strings.Contains(err.Error(), "deleting function x: refused\nrun the same command with -clean") {
		t.Errorf("error %v", err)
	}
}
