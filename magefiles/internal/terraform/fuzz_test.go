package terraform

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/tools/txtar"

	"example.com/dualboot/magefiles/internal/lambda"
)

// FuzzPlan checks that no file makes a plan panic, that only the literals of the
// changes differ, and that the edited files have the planned values and nothing
// left to change. Data holds main.tf, and after comments "// override", "// module"
// and "// values" override.tf, m/main.tf and terraform.tfvars.
func FuzzPlan(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range txtar.Parse(data).Files {
			f.Add(part.Data)
			f.Add(bytes.ReplaceAll(part.Data, []byte("\n"), []byte("\r\n")))
		}
	}
	f.Add([]byte("\ufefflocals {\n  a = \"go1.x\"\n}\n// override\nlocals {\n  a = local.a[local.a.b]\n}"))
	f.Add([]byte(`variable "n" {
  type = set(string)
}
module "m" {
  source   = "./m"
  for_each = var.n
  name     = each.key
  runtime  = "go1.x"
}
// module
variable "name" {}
variable "runtime" {}
variable "handler" {
  default = "lambda"
}
resource "aws_lambda_function" "f" {
  function_name = var.name
  runtime       = var.runtime
  handler       = var.handler
}
// values
n = ["a", "b"]
`))
	var functions []Wanted
	for i, name := range []string{"a", "b", "prod-orders", "prod-report", "prod-one", "one", "both", "shares"} {
		functions = append(functions, Wanted{name, []string{lambda.X86_64, lambda.ARM64, ""}[i%3], i%2 == 1})
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		data, values, _ := bytes.Cut(data, []byte("// values\n"))
		data, child, _ := bytes.Cut(data, []byte("// module\n"))
		main, override, _ := bytes.Cut(data, []byte("// override\n"))
		r, err := analyze(&project{
			root: ".",
			directories: map[string][]source{
				".": {{"main.tf", main}, {"override.tf", override}},
				"m": {{filepath.Join("m", "main.tf"), child}},
			},
			automatic: []source{{"terraform.tfvars", values}},
		}, functions)
		if errors.Is(err, errNotAsPlanned) {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		if (len(r.Changes) > 0) != (r.Diff() != "") {
			t.Errorf("%d changes, but the diff is\n%s", len(r.Changes), r.Diff())
		}
		for _, e := range r.edits {
			checkBytes(t, e, r)
		}
	})
}

// checkBytes checks that a file changes only in the literals of the changes.
func checkBytes(t *testing.T, e fileEdit, r *Result) {
	t.Helper()
	var literals []literal
	for l := range r.literals {
		if l.at.Filename == e.file {
			literals = append(literals, l)
		}
	}
	slices.SortFunc(literals, func(a, b literal) int { return a.at.Start.Byte - b.at.Start.Byte })
	last, after := 0, e.after
	for _, l := range literals {
		if !slices.ContainsFunc(r.Changes, func(c Change) bool {
			return c.At == position(l.at) && c.From == l.text && c.To == r.literals[l]
		}) {
			t.Fatalf("%q at %v becomes %q, which is not among the changes %+v", l.text, l.at, r.literals[l], r.Changes)
		}
		want := append(slices.Clone(e.data[last:l.at.Start.Byte]), `"`+r.literals[l]+`"`...)
		if !bytes.HasPrefix(after, want) {
			t.Fatalf("%s\nbecame\n%s", e.data, e.after)
		}
		last, after = l.at.End.Byte, after[len(want):]
	}
	if !bytes.Equal(e.data[last:], after) {
		t.Fatalf("%s\nbecame\n%s", e.data, e.after)
	}
}

// TestLargestFile checks that a file of 5 MB is read.
func TestLargestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.tf")
	if err := os.WriteFile(file, make([]byte, maxSize), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := readSource(file); err != nil || len(s.data) != maxSize {
		t.Errorf("got %d bytes, %v", len(s.data), err)
	}
}
