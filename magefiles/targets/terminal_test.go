//go:build unix

package targets_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/creack/pty"

	"example.com/dualboot/magefiles/internal/emulator"
)

// onTerminal runs a command on a terminal of 80 columns and returns its exit status
// and what it wrote. watch receives the terminal and all that was written so far.
func onTerminal(t *testing.T, cmd *exec.Cmd, watch func(terminal *os.File, written string)) (status int, written string) {
	t.Helper()
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 80, Rows: 24})
	if err != nil {
		t.Skipf("no terminal is available: %v", err)
	}
	defer terminal.Close()
	var out bytes.Buffer
	for part := make([]byte, 4096); ; {
		n, err := terminal.Read(part) // ends with an error when the command ends
		out.Write(part[:n])
		if watch != nil {
			watch(terminal, out.String())
		}
		if err != nil {
			break
		}
	}
	cmd.Wait()
	return cmd.ProcessState.ExitCode(), strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// lastLine returns the last line of what a command wrote.
func lastLine(written string) string {
	lines := strings.Split(strings.TrimSpace(written), "\n")
	return lines[len(lines)-1]
}

// TestTerminal deploys on a terminal: what it shows depends on the environment.
func TestTerminal(t *testing.T) {
	t.Parallel()
	const table = "\x1b[?25l"
	for _, test := range []struct {
		name       string
		env        []string
		flags      []string
		live       bool
		want, lack []string
	}{
		{
			name: "a terminal", env: []string{"TERM=xterm"}, live: true,
			want: []string{"settle, ", "\x1b[32mPASS\x1b[m: 1 changed, 0 unchanged, 0 failed"},
			lack: []string{"{\"FunctionName\"", "first: settle for", "RESULT"},
		},
		{
			name: "JSON on a terminal", env: []string{"TERM=xterm"}, flags: []string{"-format=json"}, live: true,
			want: []string{"{\"FunctionName\"", "PASS"},
		},
		{
			name: "a table on a terminal", env: []string{"TERM=xterm", "NO_COLOR=1"}, flags: []string{"-format=table"}, live: true,
			want: []string{"FUNCTION    RESULT   RUNTIME ", "PASS"}, lack: []string{"\x1b[32m"},
		},
		{
			name: "a dumb terminal", env: []string{"TERM=dumb"},
			want: []string{"prod-first: settle for", "\nFUNCTION    RESULT   RUNTIME "}, lack: []string{"\x1b", "{\"FunctionName\""},
		},
		{
			name: "CI", env: []string{"TERM=xterm", "CI=true"},
			want: []string{"prod-first: settle for"}, lack: []string{"\x1b"},
		},
		{
			name: "verbose", env: []string{"TERM=xterm"}, flags: []string{"-v"},
			want: []string{"prod-first: settle for", " build "}, lack: []string{"\x1b"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newStub(t, emulator.Options{}, "first")
			f.create("first")
			args, flags := []string{"deployProd"}, test.flags
			if len(flags) > 0 && flags[0] == "-v" {
				args, flags = []string{"-v", "deployProd"}, nil
			}
			cmd := f.command(append(args, flags...)...)
			cmd.Env = append(cmd.Env, test.env...)
			status, written := onTerminal(t, cmd, nil)
			if status != 0 || strings.Contains(written, table) != test.live {
				t.Errorf("exit status %d, %q", status, written)
			}
			for _, want := range test.want {
				if !strings.Contains(written, want) {
					t.Errorf("it does not write %q:\n%q", want, written)
				}
			}
			for _, lack := range test.lack {
				if strings.Contains(written, lack) {
					t.Errorf("it writes %q:\n%q", lack, written)
				}
			}
			if test.live && !strings.Contains(lastLine(written), "PASS") {
				t.Errorf("the last line is %q", lastLine(written))
			}
		})
	}
}

// TestTerminalInterrupted presses Ctrl-C while functions settle. Before that, the
// table is the one of the picture in the README.
func TestTerminalInterrupted(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, samples...)
	f.manifest("60s", samples...)
	f.create(samples[1:]...)
	moved := legacy("prod-"+samples[0], zipOf("bootstrap"))
	moved.Runtime, moved.Handler = types.RuntimeProvidedal2023, aws.String("bootstrap")
	if err := f.account.create(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	cmd := f.command("deployProd")
	cmd.Env = append(cmd.Env, "TERM=xterm")
	var frame []string
	status, written := onTerminal(t, cmd, func(terminal *os.File, written string) {
		if frame == nil && strings.HasSuffix(written, "\x1b[?2026l") && strings.Contains(written, "1 of 4 functions done, 3 settling") {
			frame = lastFrame(written)
			io.WriteString(terminal, "\x03")
		}
	})
	if frame == nil {
		t.Fatalf("three functions never settle:\n%q", written)
	}
	checkPicture(t, frame)
	if status != 1 || lastLine(written) != "\x1b[31mFAIL\x1b[m: interrupted; 1 changed, 3 stopped" {
		t.Errorf("exit status %d, %q", status, written)
	}
	after := written[strings.LastIndex(written, "\x1b[?25l"):]
	for _, want := range []string{"1 of 4 functions done, 3 stopped", "stopped while settling", "Error: interrupted; 3 functions are left; run the same command again\n  - 3 while settling\n", "\x1b[?25h"} {
		if !strings.Contains(written, want) {
			t.Errorf("it does not write %q:\n%q", want, after)
		}
	}
}

// TestTerminalDeclined answers that the others are not to follow the first function.
func TestTerminalDeclined(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "first", "second")
	f.create("first", "second")
	f.replace("lambdas.json", `"300ms"`, `"0s"`)
	f.replace("lambdas.json", `"account": "210987654321", `, "")
	cmd := f.command("deployProd", "-first=1")
	cmd.Env = append(cmd.Env, "TERM=xterm", "NO_COLOR=1")
	answers := []string{"y\n", "n\n"}
	asked := 0
	status, written := onTerminal(t, cmd, func(terminal *os.File, written string) {
		if asked < len(answers) && strings.Count(written, "[y/N] ") > asked {
			io.WriteString(terminal, answers[asked])
			asked++
		}
	})
	if status != 1 || lastLine(written) != "STOPPED: 1 changed, 1 not started; run the same command again to continue" {
		t.Errorf("exit status %d, %q", status, lastLine(written))
	}
	for _, want := range []string{
		"does not ask\nprod: switch the runtime of 1 function first and then of 1 in account\n    210987654321, ap-northeast-1? [y/N] ",
		"verify -env=prod -only=first\nprod: continue with the other 1 function? [y/N] ",
		"Error: stopped after the first functions\n",
	} {
		if !strings.Contains(written, want) {
			t.Errorf("it does not write %q:\n%q", want, written)
		}
	}
	for _, lack := range []string{"PASS", "still "} {
		if strings.Contains(written, lack) {
			t.Errorf("it writes %q:\n%q", lack, written)
		}
	}
}
