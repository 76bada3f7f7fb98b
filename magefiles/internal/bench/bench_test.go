package bench

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/emulator"
)

const repository = "../../.."

// scratch is the directory of what all tests share.
var scratch string

func TestMain(m *testing.M) {
	if file := os.Getenv(hanging); file != "" {
		hang(file)
		os.Exit(1)
	}
	flag.Parse()
	// Most of the tests wait most of the time: for updates.
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
	var err error
	if scratch, err = os.MkdirTemp("", "dualboot-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// compiledVariable names the variable that has the path of the compiled program,
// if it is compiled already.
const compiledVariable = "DUALBOOT_TEST_PROGRAM"

// compiled returns the program that mage -compile makes of a copy of the
// repository: mage writes into the checkout that it compiles.
var compiled = sync.OnceValues(func() (string, error) {
	if program := os.Getenv(compiledVariable); program != "" {
		return program, nil
	}
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
	cmd.Env = append(os.Environ(), "GOFLAGS=-trimpath -ldflags=-w")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mage -compile: %w\n%s", err, out)
	}
	return program, nil
})

// target runs the target bench of the compiled program once, with functions as
// people have them, and returns the rows of the table.
func target(t *testing.T, sections string) []line {
	t.Helper()
	program, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "bench", "-n=1", "-runs=1", "-only="+sections)
	cmd.Dir = repository
	var table, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &table, &progress
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	if !strings.Contains(table.String(), "\n\n1 function and medians of 1 run") {
		t.Error("no caption below the table")
	}
	if !strings.Contains(progress.String(), "s    dualboot: ") {
		t.Errorf("progress\n%s", &progress)
	}
	return parse(t, table.String())
}

// measure measures a section once in this process, with n tiny functions, which
// link ten times faster than others, and returns the rows of the table.
func measure(t *testing.T, n int, section func(*bench, context.Context) error) []line {
	t.Helper()
	program, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	b, err := open(t.Context(), Options{N: &n, Runs: new(1), Program: program, Root: repository, Progress: t.Logf}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*fleet{b.varied, b.sharing} {
		for i := range min(4, len(f.names)) {
			f.writeSource(i, "_files/tiny/main.go", "")
		}
	}
	if err := errors.Join(append(b.errs, section(b, t.Context()))...); err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := b.table.WriteMarkdown(&table); err != nil {
		t.Fatal(err)
	}
	return parse(t, table.String())
}

// line is a row of a table. As a wanted row it consists of patterns.
type line struct{ what, ours, other, ratio, goal string }

// parse reads the rows of a table.
func parse(t *testing.T, table string) (lines []line) {
	t.Helper()
	for text := range strings.Lines(table) {
		cells := strings.Split(text, "|")
		if len(cells) != 7 {
			break
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		lines = append(lines, line{cells[1], cells[2], cells[3], cells[4], cells[5]})
	}
	if len(lines) < 3 || lines[0] != (line{"what", "dualboot", "compared with", "ratio", "goal"}) {
		t.Fatalf("not a table:\n%s", table)
	}
	t.Logf("\n%s", table)
	return lines[2:]
}

// check compares rows with the wanted ones. The patterns allow missed goals
// where these depend on the machine.
func check(t *testing.T, got, want []line) {
	t.Helper()
	names := func(lines []line) (list []string) {
		for _, l := range lines {
			list = append(list, l.what)
		}
		return list
	}
	if diff := cmp.Diff(names(want), names(got)); diff != "" {
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
	took  = `[0-9.hmsµ]+`
	times = `[0-9.]+× (faster|as long)`
	maybe = `( \*\*missed\*\*)?`
)

// machine reports whether a program is installed.
type machine func(program string) bool

func here(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// recipe returns the cell of a side that needs the programs, and its ratio.
func (has machine) recipe(name string, programs ...string) (other, ratio string) {
	programs = slices.DeleteFunc(programs, has)
	if len(programs) > 0 {
		return name + ": no " + strings.Join(programs, ", ") + " on PATH", ""
	}
	return name + ": " + took, times
}

func (has machine) build() []line {
	recipe, ratio := has.recipe("recipe", "sh")
	above, _ := has.recipe("recipe, as above", "sh")
	bare := "two bare `go build`: " + took
	return []line{
		{"build, nothing changed", took, recipe, ratio, "≥ 30× faster" + maybe},
		{"build, nothing changed", took, bare, times, "≤ 2× as long" + maybe},
		{"build, one function changed", took, above, ratio, ""},
		{"binaries linked for one changed function", "2", "", "", "2"},
		{"build, only linking left", took, bare, times, "≤ 1.15× as long" + maybe},
	}
}

func (has machine) zip(n int) []line {
	recipe, ratio := has.recipe("recipe", "sh", "touch", "zip")
	sizes, more := `recipe: [0-9.]+ MB`, `[-+][0-9.]+ %`
	if ratio == "" {
		sizes, more = recipe, ""
	}
	return []line{
		{"zip, everything", took, recipe, ratio, "≥ 3× faster" + maybe},
		{"dual zips", "[0-9.]+ MB", sizes, more, `≤ \+5 %` + maybe},
		{"zip, nothing changed", took, recipe, ratio, ""},
		{fmt.Sprintf("CPU time: zip, %d functions that share 4 packages", 4*n), took, "4 functions: " + took, times, "≤ 1.3× as long" + maybe},
	}
}

func (has machine) deploy(n int, functions string) []line {
	recipe, ratio := has.recipe("recipe", "sh", "aws", "jq")
	once, _ := has.recipe("recipe, once", "sh", "aws", "jq")
	above, _ := has.recipe("recipe, as above", "sh", "aws", "jq")
	what, writes := "deploy, "+functions, fmt.Sprintf("%d writes", 2*n)
	calls := func(cell string) string {
		return strings.Replace(cell, took, writes+", [0-9]+ reads?", 1)
	}
	bound := "(two bare `go build`|" + fmt.Sprint(4*n) + " reads at 90/s): " + took
	return []line{
		{"deploy, 1 function", took, recipe, ratio, ""},
		{what, took, once, ratio, ""},
		{what, took, fmt.Sprintf(`1 function \+ %d updates at 15/s: `, 2*(n-1)) + took, times, "≤ 1.3× as long" + maybe},
		{"calls of " + what, writes + ", [0-9]+ reads?", calls(once), "", writes},
		{what + " again", took, above, ratio, ""},
		{"calls of " + what + " again", fmt.Sprintf("0 writes, %d reads?", n), calls(above), "", "0 writes"},
		{fmt.Sprintf("deploy, %d unchanged functions that share 4 packages", 4*n), took, bound, times, "≤ 1.2× as long" + maybe},
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	check(t, measure(t, 2, (*bench).build), machine(here).build())
}

func TestZip(t *testing.T) {
	t.Parallel()
	check(t, measure(t, 1, (*bench).zip), machine(here).zip(1))
}

func TestDeploy(t *testing.T) {
	t.Parallel()
	check(t, measure(t, 1, (*bench).deploy), machine(here).deploy(1, "1 function"))
}

// TestWithout repeats TestZip where only Go is installed.
func TestWithout(t *testing.T) {
	t.Parallel()
	gocmd, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(gocmd, filepath.Join(dir, "go")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	program, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestZip$", "-test.v")
	cmd.Env = append(os.Environ(), "PATH="+dir, compiledVariable+"="+program)
	const cell = "recipe: no sh, touch, zip on PATH"
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), cell) {
		t.Errorf("%v, want a cell %q in\n%s", err, cell, out)
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	check(t, target(t, "quotas"), []line{
		{"deploy, 20 functions, AWS's quotas, settle delay 1.2s, once", took, "40 updates at 15/s: 2.67s", times, "≤ 1.15× as long" + maybe},
		{"throttling errors reported by it", `0 \([0-9]+ calls? throttled\)`, "", "", "0"},
		{"the same while another client asks for half of the quotas, once", took, "40 updates at 7.5/s: 5.33s", times, "no error"},
	})
}

// TestDisturb takes the quotas of a function, and of one that does not exist.
func TestDisturb(t *testing.T) {
	t.Parallel()
	c, err := openCloud(t.Context(), []string{"f01"}, emulator.AWSQuotas())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, want := range map[string]string{"f01": "", "f02": "ResourceNotFoundException"} {
		before := c.Calls()
		stop := c.disturb(t.Context(), name)
		for _, operation := range []string{"ListFunctions", "GetFunction"} {
			for c.Calls()[operation] < before[operation]+3 {
				time.Sleep(time.Millisecond)
			}
		}
		if err := stop(); (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

func TestMemoryAndStart(t *testing.T) {
	t.Parallel()
	check(t, target(t, "start,memory"), []line{
		{"peak memory: deploy, 4 functions of 20 MB, once", "[0-9.]+ MB|not measured on this system", "", "", "< 400 MB" + maybe},
		{"status of 1 function, compiled by `mage -compile`, until its first line", took, "", "", "≤ 300ms" + maybe},
		{"status of 1 function, compiled by `mage -compile`", took, "", "", "≤ 300ms" + maybe},
		{"status of 1 function, by `go tool mage`", took, "an empty target: " + took, `[-+]` + took, `≤ \+300ms` + maybe},
	})
}

// TestFailure measures a program that does not exist. What fails is in the table
// and in the error.
func TestFailure(t *testing.T) {
	t.Parallel()
	var table bytes.Buffer
	program := filepath.Join(t.TempDir(), "gone")
	err := Run(t.Context(), Options{N: new(1), Runs: new(2), Only: new("zip,memory"), Program: program, Root: repository, Stdout: &table})
	if !errors.Is(err, os.ErrNotExist) || strings.Count(err.Error(), "exec "+program) != 2 {
		t.Errorf("error %v", err)
	}
	check(t, parse(t, table.String()), []line{
		{what: "zip", ours: "failed"},
		{what: "peak memory: deploy, 4 functions of 20 MB, once", ours: "failed", goal: "< 400 MB"},
	})
}

// hanging names the variable that makes the test binary run hang.
const hanging = "DUALBOOT_TEST_HANG"

// hang starts the test binary once more, which writes the address that it
// listens on to a file, and waits for it.
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

// TestInterrupt cancels a run while a command with a child process runs.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("child processes are not killed on Windows")
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
	err = Run(ctx, Options{N: new(1), Only: new("build"), Program: program, Root: repository, Stdout: &table})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	address, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", string(address)); err == nil {
		conn.Close() // which ends it
		t.Error("the child process still runs")
	}
	if table.Len() > 0 {
		t.Errorf("written after the interrupt:\n%s", &table)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
}

func TestBadOptions(t *testing.T) {
	for want, o := range map[string]Options{
		"-n is 0 and -runs is 3; give numbers above 0":                                              {N: new(0)},
		"-n is 50 and -runs is -1; give numbers above 0":                                            {Runs: new(-1)},
		`-only: unknown section "lunch" (known: build, zip, deploy, single, quotas, memory, start)`: {Only: new("zip,lunch")},
	} {
		o.Root = repository
		if err := Run(t.Context(), o); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if err := Run(t.Context(), Options{Root: t.TempDir()}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that go.mod is missing", err)
	}
}
