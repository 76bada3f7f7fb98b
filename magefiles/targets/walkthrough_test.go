//go:build unix

package targets_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
)

// TestWalkThrough types the commands of the README's walk-through into one
// shell on a terminal, and compares what they print with what it shows.
func TestWalkThrough(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"aws", "zip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the walk-through needs %s: %v", program, err)
		}
	}
	readme, err := os.ReadFile(walkThroughFile)
	if err != nil {
		t.Fatal(err)
	}
	before, section, after := walkThrough(t, string(readme))
	dir := t.TempDir()
	if err := clone(dir, "go.mod", "go.sum", "magefiles", "functions", "lambdas.json"); err != nil {
		t.Fatal(err)
	}

	ageOnSignal(t, dir)
	steps := parseSteps(section)
	printed := play(t, dir, steps)
	if *update {
		for i, s := range steps {
			if s.shown {
				steps[i].output = printed[i]
			}
		}
		text := before + renderSteps(steps) + after
		if err := os.WriteFile(walkThroughFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for i, s := range steps {
		if !s.shown {
			continue
		}
		if diff := cmp.Diff(stable(s.output), stable(printed[i])); diff != "" {
			t.Errorf("$ %s\nprints something else than the README shows (-README +printed), see -update:\n%s", s.command, diff)
		}
	}
}

// walkThrough cuts the README's walk-through out of it.
func walkThrough(t *testing.T, readme string) (before, section, after string) {
	t.Helper()
	const head = "\n## Walk-through\n"
	i := strings.Index(readme, head)
	if i < 0 {
		t.Fatal("the README has no walk-through")
	}
	i += len(head)
	n := strings.Index(readme[i:], "\n## ")
	return readme[:i], readme[i : i+n], readme[i+n:]
}

// step is a piece of the walk-through: prose, or a command and its output.
type step struct {
	prose           string
	command, output string
	shown           bool // whether the output is
}

// parseSteps divides the walk-through. A block of sh is a command whose output
// is not shown; in a block of console, lines that begin with $ are commands.
func parseSteps(section string) []step {
	var steps []step
	block := ""
	for line := range strings.Lines(section) {
		last := len(steps) - 1
		switch {
		case block == "" && (line == "```sh\n" || line == "```console\n"):
			block = strings.TrimSpace(line[3:])
			steps = append(steps, step{prose: line})
			if block == "sh" {
				steps = append(steps, step{})
			}
		case block != "" && line == "```\n":
			block = ""
			steps = append(steps, step{prose: line})
		case block == "":
			steps = append(steps, step{prose: line})
		case block == "sh":
			steps[last].command += line
		case strings.HasPrefix(line, "$ "):
			steps = append(steps, step{command: line[2:], shown: true})
		default:
			steps[last].output += line
		}
	}
	return steps
}

func renderSteps(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		switch {
		case s.shown:
			b.WriteString("$ " + s.command + s.output)
		default:
			b.WriteString(s.prose + s.command)
		}
	}
	return b.String()
}

// ageOnSignal changes the emulator of a checkout: two minutes pass there at each
// SIGUSR1. Together with the function sleep of play, this saves the walk-through
// the minutes in which it waits for CloudWatch.
func ageOnSignal(t *testing.T, checkout string) {
	t.Helper()
	const file, before = "/magefiles/internal/rehearsal/serve.go", "\t<-ctx.Done()\n"
	data, err := os.ReadFile(checkout + file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), before) != 1 {
		t.Fatalf("%s does not wait with %q", file, before)
	}
	text := strings.Replace(string(data), before, "\tageOnSignal(ctx, server)\n", 1) + `
func ageOnSignal(ctx context.Context, server *emulator.Server) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	for {
		select {
		case <-signals:
			server.Age(2)
		case <-ctx.Done():
			return
		}
	}
}
`
	text = strings.Replace(text, "import (\n", "import (\n\t\"os/signal\"\n\t\"syscall\"\n", 1)
	if err := os.WriteFile(checkout+file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sleep replaces the command of this name in the walk-through's shell: a wait of
// five seconds or more, which is for CloudWatch, becomes one second and two minutes
// on the emulator.
const sleep = `sleep() { [ "$1" -lt 5 ] || kill -USR1 "$emulator"; command sleep 1; }
`

// play runs the commands one after the other in one shell on a terminal, and
// returns what each printed.
func play(t *testing.T, dir string, steps []step) []string {
	t.Helper()
	const mark = "=-=-= "
	var script strings.Builder
	script.WriteString(sleep)
	for i, s := range steps {
		if s.command != "" {
			fmt.Fprintf(&script, "printf '%s%d\\n'\n%s\n", mark, i, s.command)
		}
	}
	file := dir + "/../walkthrough.sh"
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", file)
	cmd.Dir = dir
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, goFlags(), "PAGER=cat")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Skipf("there is no terminal to be had: %v", err)
	}
	defer terminal.Close()
	var out bytes.Buffer
	io.Copy(&out, terminal) // ends with an error when the shell ends
	if err := cmd.Wait(); err != nil {
		t.Errorf("the shell: %v", err)
	}
	printed := make([]string, len(steps))
	for part := range strings.SplitSeq(strings.ReplaceAll(out.String(), "\r\n", "\n"), mark) {
		number, text, _ := strings.Cut(part, "\n")
		var i int
		if _, err := fmt.Sscan(number, &i); err == nil {
			printed[i] = text
			t.Logf("$ %s%s", steps[i].command, text)
		}
	}
	return printed
}

// stable takes out of what was printed whatever differs from run to run, the
// order of what happens at once included.
func stable(text string) []string {
	for _, r := range []struct{ pattern, with string }{
		{`(?m)^ *\d+\.\ds `, "TIME "},
		{`127\.0\.0\.1:\d+`, "127.0.0.1:PORT"},
		{`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "UUID"},
		{`\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?(\.\d+\+0000| UTC)?)?`, "DATE"},
		{`(in )?[\d,]+ days?( ago)?|today`, "DAYS"},
		{`\d+\.\d MB`, "SIZE"},
		{`\d+ GetFunction\b`, "N GetFunction"},
		{`"CodeSha256":"[^"]*"`, `"CodeSha256":"…"`},
		{`[\d,]+( \([\d.]+ %\))? → [\d,]+( \([\d.]+ %\))?`, "N → N"},
		{`(- → )?[\d.]+[µm]?s( → [\d.]+[µm]?s)?`, "DURATION"},
		{`(?m)^TIME .*: (settle for DURATION|read what the deployed zip holds)\n`, ""}, // it depends on how long ago the last change was
		{`[ ]{2,}`, "  "},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return lines
}
