package bench

import (
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/manifest"
)

func TestVaried(t *testing.T) {
	const n = 25
	f, err := newVaried(filepath.Join(t.TempDir(), "fleet"), repository, n)
	if err != nil {
		t.Fatal(err)
	}
	seen, kinds := map[string]bool{}, map[string]bool{}
	for _, name := range f.names {
		source, err := os.ReadFile(f.path(f.source(name)))
		if err != nil {
			t.Fatal(err)
		}
		if formatted, err := format.Source(source); err != nil || string(formatted) != string(source) {
			t.Errorf("%s is not as gofmt has it: %v", name, err)
		}
		if !strings.Contains(string(source), `const function = "`+name+`"`) {
			t.Errorf("%s does not say its name", name)
		}
		seen[string(source)] = true
		kinds[strings.ReplaceAll(string(source), name, "")] = true
	}
	if len(seen) != n || len(kinds) != 9 {
		t.Errorf("%d functions of %d kinds, want %d of 9", len(seen), len(kinds), n)
	}
	functions := load(t, f, 0)
	if len(functions) != n || functions[24].Package != "./functions/f25" {
		t.Errorf("functions %+v", functions)
	}

	before, _ := os.ReadFile(f.path(f.source("f03")))
	for _, content := range []string{"once", "twice"} {
		if err := f.change("f03", content); err != nil {
			t.Fatal(err)
		}
		after, _ := os.ReadFile(f.path(f.source("f03")))
		if want := strings.Replace(string(before), `"f03"`, `"`+content+`"`, 1); string(after) != want {
			t.Errorf("changed to\n%s\nwant\n%s", after, want)
		}
	}
}

func TestShared(t *testing.T) {
	f, err := newShared(filepath.Join(t.TempDir(), "fleet"), repository, 1000, time.Minute, map[string][]byte{"main.go": []byte("package main\n\nfunc main() {}\n")})
	if err != nil {
		t.Fatal(err)
	}
	functions := load(t, f, time.Minute)
	if len(functions) != 1000 || functions[0].Name != "f0001" || functions[999].Package != "./functions/shared" {
		t.Errorf("functions %+v", functions)
	}
}

// load reads a fleet's lambdas.json, which checks the packages, too.
func load(t *testing.T, f *fleet, settle time.Duration) []manifest.Function {
	t.Helper()
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
