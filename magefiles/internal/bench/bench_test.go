package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/rollout"
)

const repository = "../../.."

// scratch is a directory for what all tests share.
var scratch string

func TestMain(m *testing.M) {
	if file := os.Getenv(hanging); file != "" {
		hang(file)
		os.Exit(1)
	}
	var err error
	if scratch, err = os.MkdirTemp("", "dualboot-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// compiled is the program that mage -compile makes of the repository: of a copy,
// since mage writes into the checkout that it compiles.
var compiled = sync.OnceValues(func() (string, error) {
	checkout, program := filepath.Join(scratch, "checkout"), filepath.Join(scratch, "program")
	err := os.CopyFS(filepath.Join(checkout, "magefiles"), os.DirFS(filepath.Join(repository, "magefiles")))
	for _, name := range []string{"go.mod", "go.sum"} {
		data, readErr := os.ReadFile(filepath.Join(repository, name))
		err = errors.Join(err, readErr, os.WriteFile(filepath.Join(checkout, name), data, 0o644))
	}
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "tool", "mage", "-compile", program)
	cmd.Dir = checkout
	cmd.Env = append(os.Environ(), "GOFLAGS=-trimpath")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mage -compile: %w\n%s", err, out)
	}
	return program, nil
})

// run runs sections once, in the program, and returns the rows of the table.
func run(t *testing.T, n int, sections string, env ...string) []row {
	t.Helper()
	program, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "bench", fmt.Sprintf("-n=%d", n), "-runs=1", "-only="+sections)
	cmd.Dir = repository
	cmd.Env = append(os.Environ(), env...)
	var table, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &table, &progress
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	t.Logf("\n%s", &table)
	if !strings.Contains(table.String(), fmt.Sprintf("\n\n%d function", n)) {
		t.Error("there is no line below the table")
	}
	return parse(t, table.String())
}

// parse reads a table, without its head.
func parse(t *testing.T, table string) (rows []row) {
	t.Helper()
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 7 {
			break
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, row{what: cells[1], ours: cells[2], other: cells[3], ratio: cells[4], goal: cells[5]})
	}
	if len(rows) < 3 || rows[0].what != "what" {
		t.Fatalf("this is no table:\n%s", table)
	}
	return rows[2:]
}

// check compares rows with patterns. Whether goals are missed depends on the
// machine, unless what is wanted says so.
func check(t *testing.T, got, want []row) {
	t.Helper()
	column := func(rows []row) (list []string) {
		for _, r := range rows {
			list = append(list, r.what)
		}
		return list
	}
	if diff := cmp.Diff(column(want), column(got)); diff != "" {
		t.Fatalf("rows (-want +got):\n%s", diff)
	}
	for i, w := range want {
		for _, cell := range [][2]string{{got[i].ours, w.ours}, {got[i].other, w.other}, {got[i].ratio, w.ratio}, {got[i].goal, w.goal}} {
			if !regexp.MustCompile("^(" + cell[1] + ")$").MatchString(cell[0]) {
				t.Errorf("%s: %q, want %q", w.what, cell[0], cell[1])
			}
		}
	}
}

const (
	figure = `[0-9.]+ m?s`
	times  = `[0-9.]+× (faster|as long)`
	maybe  = `( \*\*missed\*\*)?`
)

// machine says which programs there are.
type machine func(program string) bool

func here(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// by is what a cell of the recipe and its ratio look like.
func (has machine) by(name string, programs ...string) (other, ratio string) {
	programs = slices.DeleteFunc(programs, has)
	if len(programs) > 0 {
		return name + ": no " + strings.Join(programs, ", ") + " on PATH", ""
	}
	return name + ": " + figure, times
}

func (has machine) build() []row {
	recipe, ratio := has.by("recipe", "sh")
	above, _ := has.by("recipe, as above", "sh")
	bare := "two bare `go build`: " + figure
	return []row{
		{what: "build, nothing changed", ours: figure, other: recipe, ratio: ratio, goal: "≥ 30× faster" + maybe},
		{what: "build, nothing changed", ours: figure, other: bare, ratio: times, goal: "≤ 2× as long" + maybe},
		{what: "build, one function changed", ours: figure, other: above, ratio: ratio},
		{what: "binaries linked for one changed function", ours: "2", goal: "2"},
		{what: "build, only linking left", ours: figure, other: bare, ratio: times, goal: "≤ 1.15× as long" + maybe},
	}
}

func (has machine) zip() []row {
	recipe, ratio := has.by("recipe", "sh", "touch", "zip")
	sizes, more := `recipe: [0-9.]+ MB`, `[-+][0-9.]+ %`
	if ratio == "" {
		sizes, more = recipe, ""
	}
	return []row{
		{what: "zip, everything", ours: figure, other: recipe, ratio: ratio, goal: "≥ 3× faster" + maybe},
		{what: "dual zips", ours: "[0-9.]+ MB", other: sizes, ratio: more, goal: `≤ \+5 %` + maybe},
		{what: "zip, nothing changed", ours: figure, other: recipe, ratio: ratio},
	}
}

func (has machine) deploy(n int, functions string) []row {
	recipe, ratio := has.by("recipe", "sh", "aws", "jq")
	once, _ := has.by("recipe, once", "sh", "aws", "jq")
	above, _ := has.by("recipe, as above", "sh", "aws", "jq")
	what, writes := "deploy, "+functions, fmt.Sprintf("%d writes", 2*n)
	calls := func(cell string) string {
		return strings.Replace(cell, figure, writes+", [0-9]+ reads", 1)
	}
	return []row{
		{what: "deploy, 1 function", ours: figure, other: recipe, ratio: ratio},
		{what: what, ours: figure, other: once, ratio: ratio},
		{what: what, ours: figure, other: fmt.Sprintf(`1 function \+ %d updates at 15/s: `, 2*(n-1)) + figure, ratio: times, goal: "≤ 1.3× as long" + maybe},
		{what: "calls of " + what, ours: writes + ", [0-9]+ reads", other: calls(once), goal: writes},
		{what: what + " again", ours: figure, other: above, ratio: ratio},
		{what: "calls of " + what + " again", ours: fmt.Sprintf("0 writes, %d reads", n), other: calls(above), goal: "0 writes"},
	}
}

func TestBuildAndZip(t *testing.T) {
	t.Parallel()
	check(t, run(t, 2, "zip,build"), slices.Concat(machine(here).build(), machine(here).zip()))
}

func TestDeploy(t *testing.T) {
	t.Parallel()
	check(t, run(t, 2, "deploy"), machine(here).deploy(2, "2 functions"))
}

// TestWithout finds none of the recipe's programs.
func TestWithout(t *testing.T) {
	t.Parallel()
	gocmd, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(gocmd, filepath.Join(dir, "go")); err != nil {
		t.Skipf("there are no symbolic links here: %v", err)
	}
	none := machine(func(string) bool { return false })
	check(t, run(t, 1, "build,zip,deploy", "PATH="+dir), slices.Concat(none.build(), none.zip(), none.deploy(1, "1 function")))
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	program, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	// In this process, for the race detector.
	var table, progress bytes.Buffer
	err = Run(t.Context(), Options{N: new(1), Runs: new(1), Only: new("quotas"), Program: program, Root: repository, Stdout: &table, Stderr: &progress})
	if err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	check(t, parse(t, table.String()), []row{
		{what: "deploy, 20 functions, AWS's quotas, settle delay 1.2 s, once", ours: figure, other: "40 updates at 15/s: 2.67 s", ratio: times, goal: "≤ 1.15× as long" + maybe},
		{what: "throttling errors reported by it", ours: `0 \([0-9]+ calls throttled\)`, goal: "0"},
		{what: "the same while another client asks for half of the quotas, once", ours: figure, other: "40 updates at 7.5/s: 5.33 s", ratio: times, goal: "no error"},
	})
}

func TestMemory(t *testing.T) {
	t.Parallel()
	check(t, run(t, 1, "memory"), []row{
		{what: "peak memory: deploy, 4 functions of 20 MB, once", ours: "[0-9.]+ MB|not measured on this system", goal: "< 400 MB" + maybe},
	})
}

func TestStart(t *testing.T) {
	t.Parallel()
	check(t, run(t, 1, "start"), []row{
		{what: "status of 1 function, compiled by `mage -compile`, until its first line", ours: figure, goal: "≤ 0.3 s" + maybe},
		{what: "status of 1 function, compiled by `mage -compile`", ours: figure, goal: "≤ 0.3 s" + maybe},
		{what: "status of 1 function, by `go tool mage`", ours: figure, other: "an empty target: " + figure, ratio: `[-+]` + figure, goal: `≤ \+0.3 s` + maybe},
	})
}

// TestFailure measures a program that is not there: what can be measured is, and
// the rest is in the table and in the error.
func TestFailure(t *testing.T) {
	t.Parallel()
	var table bytes.Buffer
	program := filepath.Join(t.TempDir(), "gone")
	err := Run(t.Context(), Options{N: new(1), Runs: new(2), Only: new("zip,memory"), Program: program, Root: repository, Stdout: &table, Stderr: io.Discard})
	if !errors.Is(err, os.ErrNotExist) || strings.Count(err.Error(), program) != 2 {
		t.Errorf("error %v", err)
	}
	check(t, parse(t, table.String()), []row{
		{what: "zip", ours: "failed"},
		{what: "peak memory: deploy, 4 functions of 20 MB, once", ours: "failed", goal: "< 400 MB"},
	})
}

// hanging names the variable that makes this program one to interrupt.
const hanging = "DUALBOOT_TEST_HANG"

// hang starts this program once more, which writes where it listens, and waits
// for it.
func hang(file string) {
	if len(os.Args) > 1 {
		cmd := exec.Command(os.Args[0])
		cmd.Stdout = os.Stdout
		fmt.Println(cmd.Run())
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if err := atomicfile.Replace(file, []byte(listener.Addr().String())); err != nil {
		panic(err)
	}
	listener.Accept()
}

// TestInterrupt ends a run while a command and a child of it run.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("children are not killed on Windows")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tmp, file := t.TempDir(), filepath.Join(t.TempDir(), "address")
	t.Setenv("TMPDIR", tmp)
	t.Setenv(hanging, file)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			if _, err := os.Stat(file); err == nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	var table bytes.Buffer
	err = Run(ctx, Options{N: new(1), Only: new("build"), Program: program, Root: repository, Stdout: &table, Stderr: io.Discard})
	if !errors.Is(err, rollout.ErrInterrupted) {
		t.Fatalf("error %v, want that it was interrupted", err)
	}
	address, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", string(address)); err == nil {
		conn.Close() // which ends it
		t.Error("the child of the command goes on")
	}
	if table.Len() > 0 {
		t.Errorf("it has written\n%s", &table)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

func TestBadOptions(t *testing.T) {
	for want, o := range map[string]Options{
		"-n is 0; give a number above 0":     {N: new(0)},
		"-runs is -1; give a number above 0": {Runs: new(-1)},
		`-only: there is no section "lunch" (known: build, zip, deploy, quotas, memory, start)`: {Only: new("zip,lunch")},
	} {
		o.Root = repository
		if err := Run(t.Context(), o); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if err := Run(t.Context(), Options{Root: t.TempDir()}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that there is no go.mod", err)
	}
}
