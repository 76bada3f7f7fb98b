package terraform

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/tools/txtar"
)

// FuzzPlan checks that no file makes a plan panic, that only the literals of the
// changes are other than before, and that what was changed has nothing left to
// change. Two files are made of data, of which one overrides the other.
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
	functions := []string{"a", "b", "prod-orders", "prod-report", "prod-one", "one", "both", "shares"}

	f.Fuzz(func(t *testing.T, data []byte) {
		main, override, _ := bytes.Cut(data, []byte("// override\n"))
		read := []source{{"main.tf", main}, {"override.tf", override}}
		r, err := analyse(read, nil, functions)
		if errors.Is(err, errNotAsPlanned) {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		if (len(r.Changes) > 0) != (r.Diff() != "") {
			t.Errorf("%d changes, and the diff is\n%s", len(r.Changes), r.Diff())
		}
		for _, e := range r.edited {
			checkBytes(t, e, r.Changes)
		}
	})
}

// checkBytes checks that the file differs from before in the literals of the
// changes only.
func checkBytes(t *testing.T, e edited, changes []Change) {
	t.Helper()
	before, after := e.before, e.after
	for at, edit := range e.edits {
		start := edit.Start
		if at > 0 {
			start -= e.edits[at-1].End
		}
		old, now := before[start:][:edit.End-edit.Start], []byte(edit.New)
		if !bytes.Equal(before[:start], after[:start]) || !bytes.HasPrefix(after[start:], now) {
			t.Fatalf("%s\nbecame\n%s", e.before, e.after)
		}
		if !slices.ContainsFunc(changes, func(c Change) bool {
			return c.Line == bytes.Count(e.before[:edit.Start], []byte("\n"))+1 && edit.New == `"`+c.To+`"`
		}) {
			t.Fatalf("%s becomes %s, which is not among the changes %+v", old, now, changes)
		}
		before, after = before[start+len(old):], after[start+len(now):]
	}
	if !bytes.Equal(before, after) {
		t.Fatalf("%s\nbecame\n%s", e.before, e.after)
	}
}
