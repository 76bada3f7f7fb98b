package manifest

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// FuzzDecode checks that Parse does not panic and that problems have places in
// the file. It checks that an accepted manifest means the same in another layout
// and when Create writes it, that the schema accepts it, and that dual can be
// set.
func FuzzDecode(f *testing.F) {
	for _, archive := range archives(f, "testdata/decode/*.txtar") {
		for _, file := range archive.Files {
			if !isProblems(file) {
				f.Add([]byte(content(file)))
			}
		}
	}
	f.Add([]byte(fleet))
	f.Add([]byte("\ufeff{\r\n\t\"environments\": {\"dev\" : {\r\n}},"))
	f.Add([]byte(`{"a": [1, 2.5e3, "\ud83d\ude80", /* x */]}`))
	schema := compileSchema(f)

	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse("lambdas.json", data)
		if err != nil {
			checkPlaces(t, data, err)
			return
		}
		written, err := format(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, layout := range [][]byte{compact(t, data), indent(t, data), written} {
			again, err := Parse("lambdas.json", layout)
			if err != nil {
				t.Fatalf("%s\nis accepted, but not\n%s\n%v", data, layout, err)
			}
			if !same(m, again) {
				t.Fatalf("%+v\nis not\n%+v", again, m)
			}
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Fatalf("%s\nis refused by the schema: %v", data, err)
		}
		for name, e := range m.Environments {
			value := "false"
			if !e.Dual {
				value = "true"
			}
			edited := m.source.setMember(name, "dual", value)
			again, err := Parse("lambdas.json", edited)
			if err != nil {
				t.Fatalf("after setting dual in %s\n%s\n%v", name, edited, err)
			}
			e.Dual = !e.Dual
			want := parse(t, string(data))
			want.Environments[name] = e
			if !same(want, again) {
				t.Fatalf("after setting dual in %s\n%+v\nis not\n%+v", name, again, want)
			}
		}
	})
}

func checkPlaces(t *testing.T, data []byte, err error) {
	t.Helper()
	all := unjoin(err)
	if len(all) == 0 {
		t.Fatalf("got %T %v, want problems", err, err)
	}
	lines := strings.Split(string(data), "\n")
	before := Problem{Line: 1, Column: 1}
	for _, p := range all {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1 {
			t.Errorf("%v: no such place", p)
		}
		if p.Line < before.Line || p.Line == before.Line && p.Column < before.Column {
			t.Errorf("%v: is before %v", p, before)
		}
		if p.Message == "" {
			t.Errorf("%v: no message", p)
		}
		before = p
	}
}

func same(a, b *Manifest) bool {
	x, y := *a, *b
	x.source, y.source = source{}, source{}
	x.Functions, y.Functions = withoutEmpty(x.Functions), withoutEmpty(y.Functions)
	return reflect.DeepEqual(x, y)
}

// withoutEmpty returns functions with nil for a map of names that is empty.
func withoutEmpty(functions []Function) []Function {
	functions = slices.Clone(functions)
	for i, f := range functions {
		if len(f.Names) == 0 {
			functions[i].Names = nil
		}
	}
	return functions
}

func compact(t *testing.T, data []byte) []byte {
	v := jsontext.Value(bytes.Clone(data))
	if err := v.Compact(); err != nil {
		t.Fatal(err)
	}
	return v
}

func indent(t *testing.T, data []byte) []byte {
	v := jsontext.Value(bytes.Clone(data))
	if err := v.Indent(jsontext.WithIndent("\t")); err != nil {
		t.Fatal(err)
	}
	return v
}
