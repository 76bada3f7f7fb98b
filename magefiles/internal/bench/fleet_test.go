package bench

import (
	"errors"
	"go/format"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/manifest"
)

func testBench(t *testing.T) *bench {
	b := &bench{Options: Options{Root: repository}, dir: t.TempDir()}
	if err := b.readModule(); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFleet(t *testing.T) {
	const n = 25
	f := testBench(t).newFleet("fleet", n, n, 0)
	read := func(i int) string {
		source, err := os.ReadFile(f.path(f.source(i, "main.go")))
		if err != nil {
			t.Fatal(err)
		}
		return string(source)
	}
	seen, kinds := map[string]bool{}, map[string]bool{}
	for i, name := range f.names {
		source := read(i)
		if formatted, err := format.Source([]byte(source)); err != nil || string(formatted) != source {
			t.Errorf("%s is not formatted by gofmt: %v", name, err)
		}
		if !strings.Contains(source, `const function = "`+name+`"`) {
			t.Errorf("%s does not contain its name", name)
		}
		seen[source] = true
		kinds[strings.ReplaceAll(source, name, "")] = true
	}
	if len(seen) != n || len(kinds) != 9 {
		t.Errorf("%d functions of %d kinds, want %d of 9", len(seen), len(kinds), n)
	}
	functions := load(t, f, 0)
	if len(functions) != n || functions[24].Package != "./functions/f25" {
		t.Errorf("functions %+v", functions)
	}

	before := read(2)
	for _, content := range []string{"once", "twice"} {
		f.writeHandler(2, content)
		if want := strings.Replace(before, `"f03"`, `"`+content+`"`, 1); read(2) != want {
			t.Errorf("changed to\n%s\nwant\n%s", read(2), want)
		}
	}
}

// TestSources vets the source of each kind of function.
func TestSources(t *testing.T) {
	b, err := open(t.Context(), Options{N: new(11), Root: repository}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := b.varied
	f.writeSource(9, "_files/tiny/main.go", "")
	f.writeSource(10, "_files/large/main.go", "")
	f.write(f.source(10, "data"), "data")
	if _, err := b.script(f, b.Go, "vet", "./functions/...").run(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSharing(t *testing.T) {
	f := testBench(t).newFleet("fleet", 1000, 4, time.Minute)
	functions := load(t, f, time.Minute)
	if len(functions) != 1000 || functions[0].Name != "f0001" || functions[998].Package != "./functions/f0003" {
		t.Errorf("functions %+v", functions)
	}
}

func TestRestorer(t *testing.T) {
	f := &fleet{dir: t.TempDir()}
	f.write("bin/.build/f01", "kept")
	restore := f.restorer("bin/*")
	for range 2 {
		f.write("bin/.build/f01", "changed")
		f.write("bin/f01/lambda.zip", "new")
		if err := errors.Join(restore(), f.err); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(f.path("bin/f01/lambda.zip")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a new file stays: %v", err)
		}
		if _, err := os.Stat(f.path("bin/.build/f01")); err != nil {
			t.Error(err)
		}
	}
}

// load reads lambdas.json, which also checks the packages.
func load(t *testing.T, f *fleet, settle time.Duration) []manifest.Function {
	t.Helper()
	if f.err != nil {
		t.Fatal(f.err)
	}
	m, err := manifest.Load(f.path("lambdas.json"))
	if err != nil {
		t.Fatal(err)
	}
	env, err := m.Environment("prod")
	if err != nil || env.Settle != settle || env.Prefix != prefix {
		t.Errorf("environment %+v, %v", env, err)
	}
	return m.Functions
}
