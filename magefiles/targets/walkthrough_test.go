//go:build unix

package targets_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
)

// TestWalkThrough runs the commands of the walk-through in one shell on a
// terminal and compares their output with the document. With -update it writes
// the output into the document instead.
func TestWalkThrough(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"aws", "zip"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the walk-through needs %s: %v", program, err)
		}
	}
	document, err := os.ReadFile(walkThroughFile)
	if err != nil {
		t.Fatal(err)
	}
	dir, tmp := t.TempDir(), t.TempDir()
	if err := clone(dir, "go.mod", "go.sum", "magefiles", "functions", "lambdas.json"); err != nil {
		t.Fatal(err)
	}
	ageOnSignal(t, dir)
	before := contents(t, dir)

	steps := parseSteps(string(document))
	printed := play(t, dir, tmp, steps)
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Errorf("the walk-through changes the checkout (-before +after):\n%s", diff)
	}
	if left := contents(t, tmp); len(left) > 0 {
		t.Errorf("the walk-through leaves files behind: %q", slices.Sorted(maps.Keys(left)))
	}
	if *update && !t.Failed() {
		for i, s := range steps {
			if s.shown {
				steps[i].output = printed[i]
			}
		}
		if err := os.WriteFile(walkThroughFile, []byte(renderSteps(steps)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for i, s := range steps {
		if !s.shown {
			continue
		}
		if diff := cmp.Diff(stable(s.output), stable(printed[i])); diff != "" {
			t.Errorf("$ %s\nprints something else than the walk-through shows (-document +printed), see -update:\n%s", s.command, diff)
		}
	}
}

// contents returns the content of each file below dir, by its path.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// step is a part of the walk-through: prose, or a command and its output.
type step struct {
	prose           string
	command, output string
	shown           bool // whether the document shows the output
}

// parseSteps divides the document. A block of sh is a command with output that is
// not shown. In a block of console, lines that begin with $ are commands.
func parseSteps(document string) []step {
	var steps []step
	block := ""
	for line := range strings.Lines(document) {
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

// still matches the lines that appear only if something takes long.
var still = regexp.MustCompile(`(?m)^ *\d+\.\ds  still .*\n`)

// play runs the commands in one shell on a terminal, in dir and with temporary
// files in tmp, and returns what each printed.
func play(t *testing.T, dir, tmp string, steps []step) []string {
	t.Helper()
	const mark = "=-=-= "
	var script strings.Builder
	script.WriteString(sleep)
	for i, s := range steps {
		if s.command != "" {
			fmt.Fprintf(&script, "printf '%s%d\\n'\n%s\n", mark, i, s.command)
		}
	}
	file := filepath.Join(t.TempDir(), "walkthrough.sh")
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
	cmd.Env = append(cmd.Env, goFlags(), "PAGER=cat", "TMPDIR="+tmp)
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Skipf("no terminal is available: %v", err)
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
			printed[i] = still.ReplaceAllString(text, "")
			t.Logf("$ %s%s", steps[i].command, text)
		}
	}
	return printed
}

// stable returns the sorted lines of the text without what differs from run to
// run, such as times, ports and identifiers.
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
		{`(?m)^TIME .*: (settle for DURATION|read the contents of the deployed zip)\n`, ""}, // depends on the time since the last change
		{`[ ]{2,}`, "  "},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return lines
}
