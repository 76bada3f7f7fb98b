//go:build unix

package targets_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/creack/pty"

	"example.com/dualboot/magefiles/internal/emulator"
)

// onTerminal runs the magefile on a terminal, types an answer at each question, and
// returns its exit status and what it wrote.
func (f *fixture) onTerminal(answers []string, args ...string) (status int, output string) {
	f.t.Helper()
	cmd := f.command(args...)
	cmd.Env = slices.DeleteFunc(cmd.Env, func(kv string) bool { return strings.HasPrefix(kv, "CI=") })
	terminal, err := pty.Start(cmd)
	if err != nil {
		f.t.Skipf("no terminal is available: %v", err)
	}
	defer terminal.Close()
	var out bytes.Buffer
	asked := 0
	for buffer := make([]byte, 4096); ; {
		n, err := terminal.Read(buffer)
		out.Write(buffer[:n])
		if questions := strings.Count(out.String(), "[y/N] "); questions > asked && questions <= len(answers) {
			io.WriteString(terminal, answers[asked])
			asked++
		}
		if err != nil { // the program has ended
			break
		}
	}
	cmd.Wait()
	if questions := strings.Count(out.String(), "[y/N] "); questions != len(answers) {
		f.t.Errorf("mage %v asks %d questions, want %d:\n%s", args, questions, len(answers), out.String())
	}
	return cmd.ProcessState.ExitCode(), strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// TestQuestions answers each question of a terminal in each way.
func TestQuestions(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "first", "second")
	f.create("first", "second")
	f.replace("lambdas.json", `"300ms"`, `"0s"`)
	const interrupt = "\x03"
	run := func(wantStatus, wantUpdates int, want string, answers []string, args ...string) {
		t.Helper()
		before := f.updates()
		status, output := f.onTerminal(answers, args...)
		if updates := f.updates() - before; status != wantStatus || updates != wantUpdates || !strings.Contains(output, want) {
			t.Errorf("mage %v, answered %q: exit status %d after %d updates; want %d after %d, and %q:\n%s", args, answers, status, updates, wantStatus, wantUpdates, want, output)
		}
	}

	f.replace("lambdas.json", `"account": "210987654321", `, "")
	const question = "prod: switch the runtime of 2 functions in account 210987654321, ap-northeast-1? [y/N] "
	run(1, 0, question, []string{"\n"}, "deployProd")
	run(1, 0, "Error: not confirmed; nothing was changed\n", []string{"n\n"}, "deployProd")
	run(1, 0, "Error: interrupted at the question; nothing was changed\n", []string{interrupt}, "deployProd")
	run(1, 2, "-only=first\nprod: continue with the other 1 function? [y/N] ", []string{"y\n", "n\n"}, "deployProd", "-first=1")
	f.expect("provided.al2023", "bootstrap", dual, "first")
	f.expect("go1.x", "lambda", []string{"lambda"}, "second")
	run(1, 0, "Error: interrupted; 1 function is left; run the same command again\n", []string{"y\n", interrupt}, "deployProd", "-first=1")
	run(0, 2, "prod: switch the runtime of 1 function in account 210987654321, ap-northeast-1? [y/N] ", []string{"YES\n", "y\n"}, "deployProd", "-first=1")
	run(0, 0, "2 unchanged", nil, "deployProd") // which switches nothing

	run(1, 0, "keeps its runtime\nprod: roll back the runtime of 2 functions in account 210987654321, ap-northeast-1? [y/N] ", []string{"no\n"}, "rollback")
	run(0, 1, "1 changed", nil, "rollback", "-only=first")
	run(0, 1, "1 changed", []string{"y\n"}, "deployProd")
	run(0, 2, "2 changed", []string{"y\n"}, "rollback")
	run(0, 0, "2 unchanged", nil, "rollback") // which changes nothing
	run(0, 2, "2 changed", nil, "deployProd", "-yes")
	run(0, 2, "2 changed", nil, "rollback", "-yes")
	f.replace("lambdas.json", `"prefix"`, `"account": "210987654321", "prefix"`)
	run(0, 2, "2 changed", nil, "deployProd") // whose account is named

	run(1, 0, "prod: drop lambda from the zip of 2 functions in account 210987654321, ap-northeast-1? [y/N] ", []string{"\n"}, "cleanup", "-force")
	run(1, 0, "nothing was changed", []string{interrupt}, "cleanup", "-force")
	run(0, 2, "2 changed", []string{"y\n"}, "cleanup", "-force")
	run(0, 0, "2 unchanged", nil, "cleanup", "-force", "-yes")
}

// TestNoQuestionsInCI runs commands on a terminal of a system for continuous
// integration.
func TestNoQuestionsInCI(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "first")
	f.create("first")
	f.replace("lambdas.json", `"account": "210987654321", `, "")
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"deployProd"}, 0, "1 changed"},
		{[]string{"rollback"}, 1, "pass -yes if that is meant"},
		{[]string{"cleanup", "-force"}, 0, "1 changed"},
	} {
		cmd := f.command(test.args...)
		cmd.Env = append(cmd.Env, "CI=true")
		terminal, err := pty.Start(cmd)
		if err != nil {
			t.Skipf("no terminal is available: %v", err)
		}
		var out bytes.Buffer
		io.Copy(&out, terminal) // ends with an error when the program ends
		terminal.Close()
		cmd.Wait()
		if status := cmd.ProcessState.ExitCode(); status != test.status || !strings.Contains(out.String(), test.want) || strings.Contains(out.String(), "[y/N]") {
			t.Errorf("mage %v: exit status %d, want %d and %q:\n%s", test.args, status, test.status, test.want, out.String())
		}
	}
}
