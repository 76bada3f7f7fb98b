package terraform_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/terraform"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden part of the fixtures")

// A fixture is a directory of Terraform files. A line of its comment lists the
// requested functions, as [wanted] reads them. Others may set variables: "environ:",
// "varfile:" and "var:" have a value each. Its last file, "want", is the golden
// result. A file ../x is beside the directory.
type fixture struct {
	name      string
	functions []terraform.Wanted
	variables terraform.Variables
	archive   *txtar.Archive
	want      string
}

// wanted parses requested functions such as "a b:arm64 c: d!", of which c may have
// any architecture, and d keeps its handler. The default is x86_64.
func wanted(text string) []terraform.Wanted {
	var list []terraform.Wanted
	for field := range strings.FieldsSeq(text) {
		name, architecture, ok := strings.Cut(field, ":")
		if !ok {
			architecture = lambda.X86_64
		}
		name, keeps := strings.CutSuffix(name, "!")
		list = append(list, terraform.Wanted{Function: name, Architecture: architecture, KeepHandler: keeps})
	}
	return list
}

func fixtures(t testing.TB) []fixture {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	var all []fixture
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := txtar.Parse(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
		f := fixture{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), archive: a}
		for line := range strings.Lines(string(a.Comment)) {
			key, rest, _ := strings.Cut(line, ":")
			rest = strings.TrimSpace(rest)
			switch key {
			case "functions":
				f.functions = wanted(rest)
			case "environ":
				f.variables.Environ = append(f.variables.Environ, rest)
			case "varfile":
				f.variables.Files = append(f.variables.Files, rest)
			case "var":
				f.variables.Values = append(f.variables.Values, rest)
			}
		}
		if last := len(a.Files) - 1; last >= 0 && a.Files[last].Name == "want" {
			f.want = string(a.Files[last].Data)
			a.Files = a.Files[:last]
		}
		if len(f.functions) == 0 || len(a.Files) == 0 {
			t.Fatalf("%s has no functions or no files", file)
		}
		all = append(all, f)
	}
	return all
}

// write writes the files, those in HCL's native syntax changed, to a new directory and makes it the working
// directory, so that results have the paths of the fixture.
func (f fixture) write(t *testing.T, change func(string) string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, file := range f.archive.Files {
		if err := os.MkdirAll(filepath.Dir(file.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		text := string(file.Data)
		if !strings.HasSuffix(file.Name, ".json") { // Terraform refuses JSON with a byte order mark
			text = change(text)
		}
		if err := os.WriteFile(file.Name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func same(s string) string { return s }

func read(t *testing.T, functions []terraform.Wanted, v terraform.Variables) *terraform.Result {
	t.Helper()
	r, err := terraform.Read(".", functions, v)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// printed renders a result: the diff, the changes, the unsure places, the uploads,
// the ignored attributes and the missing functions.
func printed(r *terraform.Result) string {
	var b strings.Builder
	b.WriteString(r.Diff())
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "%v: %s %q: %s %q becomes %q\n", c.At, c.Address, c.Function, c.Attribute, c.From, c.To)
	}
	for _, u := range r.Unsure {
		fmt.Fprintf(&b, "%v: %s %q: %s (%s)\n", u.At, u.Address, u.Function, u.Reason, u.Hint)
	}
	for _, u := range r.Uploads {
		fmt.Fprintf(&b, "%v: %s %q: %s (%s)\n", u.At, u.Address, u.Function, u.Reason, u.Hint)
	}
	for _, f := range r.Found {
		if len(f.Ignored) > 0 {
			fmt.Fprintf(&b, "%v: %s %q ignores %v\n", f.At, f.Address, f.Name, f.Ignored)
		}
	}
	fmt.Fprintf(&b, "missing: %v\n", r.Missing())
	return filepath.ToSlash(b.String())
}

func TestGolden(t *testing.T) {
	for _, f := range fixtures(t) {
		t.Run(f.name, func(t *testing.T) {
			golden, err := filepath.Abs("testdata/" + f.name + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			f.write(t, same)
			got := ""
			if r, err := terraform.Read(".", f.functions, f.variables); err != nil {
				got = "error: " + filepath.ToSlash(err.Error()) + "\n"
			} else {
				got = printed(r)
			}
			if *update {
				f.archive.Files = append(f.archive.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(golden, txtar.Format(f.archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(f.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
