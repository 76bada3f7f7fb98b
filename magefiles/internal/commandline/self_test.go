package commandline

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestTyped(t *testing.T) {
	suffix := ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	root := t.TempDir()
	path := func(elements ...string) string { return filepath.Join(append([]string{root}, elements...)...) }
	for _, file := range []string{"tools/dualboot", "tools/mage", "bin/dualboot", "bin/other", "cache/0123"} {
		if err := os.MkdirAll(filepath.Dir(path(file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path(file)+suffix, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	for _, test := range []struct{ name, arg0, path, want string }{
		{"by a relative path", filepath.Join("bin", "dualboot"), path("tools"), filepath.Join("bin", "dualboot")},
		{"by a relative path, of the same name as one on PATH", filepath.Join("bin", "dualboot"), "", filepath.Join("bin", "dualboot")},
		{"by name", "dualboot", path("tools"), "dualboot"},
		{"by the path of one on PATH", path("tools", "dualboot") + suffix, path("tools"), "dualboot"},
		{"by a path in the current directory", path("bin", "other"), path("tools"), filepath.Join("bin", "other")},
		{"by a path elsewhere", filepath.Join(filepath.Dir(root), "other"), path("tools"), filepath.Join(filepath.Dir(root), "other")},
		{"by mage", path("cache", "0123"), path("tools"), "mage"},
		{"by go tool mage", path("cache", "0123"), path("bin"), "go tool mage"},
	} {
		t.Setenv("PATH", test.path)
		if got := typed(test.arg0, path("cache")); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestSpelled(t *testing.T) {
	for _, test := range []struct{ target, names, want string }{
		{"deployProd", "audit deploy deployProd", "deployProd"},
		{"deployProd", "build deploy lambda:audit lambda:deploy lambda:deployProd", "lambda:deployProd"},
		{"deploy", "build deploy lambda:audit lambda:deploy lambda:deployProd", "lambda:deploy"},
		{"deploy", "a:deploy audit b:deploy deploy init", "deploy"},
		{"local", "audit deploy rehearse:controls rehearse:local", "rehearse:local"},
		{"deployProd", "x:y:DeployProd", "x:y:DeployProd"},
		{"deployProd", "release", "deployProd"},
		{"deployProd", "", "deployProd"},
	} {
		if got := spelled(test.target, strings.Fields(test.names)); got != test.want {
			t.Errorf("%s in %q: %q, want %q", test.target, test.names, got, test.want)
		}
	}
}

func TestCommand(t *testing.T) {
	p := &Program{name: "bin/x", names: func() ([]string, error) { return []string{"lambda:plan"}, nil }}
	for _, test := range []struct {
		program *Program
		want    string
	}{{nil, "mage plan -out=plan.json"}, {p, "bin/x lambda:plan -out=plan.json"}} {
		if got := test.program.Command("plan", "-out=plan.json"); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// TestOurs compares the list of targets with the packages that have them.
func TestOurs(t *testing.T) {
	var want []string
	for _, file := range []string{"../../targets/targets.go", "../../targets/rehearse/rehearse.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.IsExported() {
				want = append(want, strings.ToLower(f.Name.Name))
			}
		}
	}
	slices.Sort(want)
	if !slices.Equal(ours, want) {
		t.Errorf("%q, want %q", ours, want)
	}
}
