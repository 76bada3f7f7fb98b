package manifest

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the JSON Schema and the problems in testdata")

// The archives in testdata/decode contain one topic each: manifests, followed by
// the problems that Parse reports. Problems "beyond the schema" are those that
// the JSON Schema cannot express.
const (
	problems             = "problems"
	problemsBeyondSchema = "problems beyond the schema"
)

// archives returns the txtar archives that match a pattern.
func archives(t testing.TB, pattern string) map[string]*txtar.Archive {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	found := map[string]*txtar.Archive{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[file] = txtar.Parse(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
	}
	return found
}

// isProblems reports whether f is not a manifest but the problems of one.
func isProblems(f txtar.File) bool { return strings.HasPrefix(f.Name, problems) }

// content returns the content of f without the final newline.
func content(f txtar.File) string { return strings.TrimSuffix(string(f.Data), "\n") }

func TestParse(t *testing.T) {
	schema := compileSchema(t)
	for file, archive := range archives(t, "testdata/decode/*.txtar") {
		var updated []txtar.File
		for i, f := range archive.Files {
			if isProblems(f) {
				continue
			}
			var want txtar.File
			if next := i + 1; next < len(archive.Files) && isProblems(archive.Files[next]) {
				want = archive.Files[next]
			}
			got := parseProblems(t, schema, content(f))
			updated = append(updated, f)
			if got.Name != "" {
				updated = append(updated, got)
			}
			t.Run(filepath.Base(file)+"/"+f.Name, func(t *testing.T) {
				if !*update && (got.Name != want.Name || content(got) != content(want)) {
					t.Errorf("%s\ngot %s:\n%s\nwant %s:\n%s", f.Data, got.Name, got.Data, want.Name, want.Data)
				}
			})
		}
		if *update {
			archive.Files = updated
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// parseProblems returns the problems in a manifest as an archive contains them,
// or no file. The schema must accept a manifest without problems.
func parseProblems(t *testing.T, schema *jsonschema.Schema, manifest string) txtar.File {
	t.Helper()
	m, err := Parse("lambdas.json", []byte(manifest))
	if (m == nil) != (err != nil) {
		t.Errorf("%s\ngot manifest %v and error %v", manifest, m, err)
	}
	instance, syntaxErr := jsonschema.UnmarshalJSON(strings.NewReader(manifest))
	schemaErr := errors.Join(syntaxErr, schema.Validate(instance))
	switch {
	case err == nil && schemaErr != nil:
		t.Errorf("%s\nis refused by the schema only: %v", manifest, schemaErr)
		fallthrough
	case err == nil:
		return txtar.File{}
	case schemaErr == nil:
		return txtar.File{Name: problemsBeyondSchema, Data: []byte(err.Error())}
	}
	return txtar.File{Name: problems, Data: []byte(err.Error())}
}

// checkLines checks the lines of err. There are none if it is nil.
func checkLines(t *testing.T, err error, want ...string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if want := strings.Join(want, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestParseBytes has the cases that a text file does not show or keep.
func TestParseBytes(t *testing.T) {
	const (
		bom   = `lambdas.json:1:1: the file begins with a byte order mark (save it as UTF-8 without one)`
		utf16 = `lambdas.json:1:1: the file is UTF-16, not UTF-8 (save it as UTF-8)`
		empty = `lambdas.json:1:1: the file is empty (it needs environments and functions)`
		valid = `{"environments": {"dev": {}}, "functions": [{"name": "a", "package": "./a"}]}`
	)
	for _, test := range []struct {
		name, data string
		want       []string
	}{
		{"empty", "", []string{empty}},
		{"white space", "  \n ", []string{empty}},
		{"BOM alone", "\ufeff", []string{bom, empty}},
		{"BOM", "\ufeff" + valid, []string{bom}},
		{"columns after a BOM", "\ufeff" + `{"dev": 1, ` + valid[1:], []string{
			bom, `lambdas.json:1:2: /dev: unknown member "dev" (known: $schema, architecture, layerArchitectures, single, snapshot, environments, functions)`,
		}},
		{"UTF-16, little endian", "\xff\xfe{\x00}\x00", []string{utf16}},
		{"UTF-16, big endian", "\xfe\xff\x00{", []string{utf16}},
		{"tab in a string", "{\"a\": \"x\ty\"}", []string{
			`lambdas.json:1:9: /a: control character '\t' in a string (write \u0009)`,
		}},
		{"carriage return in a string", "{\"a\": \"x\r\n\"}", []string{
			`lambdas.json:1:9: /a: line break in a string (close the string with ", or write \n)`,
		}},
		{"not UTF-8 in a string", "{\"a\": \"日本\xff\"}", []string{
			`lambdas.json:1:10: /a: the file is not UTF-8 (save it as UTF-8)`,
		}},
		{"not UTF-8 for a value", "{\"a\": \xff}", []string{
			`lambdas.json:1:7: /a: the file is not UTF-8 (save it as UTF-8)`,
		}},
		{"CRLF", strings.ReplaceAll("{\n  \"environments\": {\"dev\": {}},\n  \"functions\": [\n    {\"name\": 1, \"package\": \"./a\"}\n  ]\n}\n", "\n", "\r\n"), []string{
			`lambdas.json:4:14: /functions/0/name: expected a string, found a number (write "1")`,
		}},
		{"a tab is one column", "{\n\t\"environments\": {\"dev\": {}},\n\t\"functions\": [\n\t\t{\"name\":\t\"\",\t\"package\": \"./a\"}\n\t]\n}\n", []string{
			`lambdas.json:4:12: /functions/0/name: "" is not a valid function name (use 1 to 64 letters, digits, "-" and "_")`,
		}},
		{"deep nesting", `{"environments": ` + strings.Repeat("[", 100_000), []string{
			`lambdas.json:1:18: /environments: expected an object, found an array`,
			`lambdas.json:1:81: nested too deeply (a manifest has four levels)`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("lambdas.json", []byte(test.data))
			checkLines(t, err, test.want...)
		})
	}
}

func TestParseDefaults(t *testing.T) {
	got, err := Parse("lambdas.json", []byte(`{
		"$schema": "./.lambdas.schema.json",
		"architecture": "arm64",
		"layerArchitectures": ["arm64"],
		"single": true,
		"snapshot": true,
		"environments": {
			"prod": {"profile": "our_prod", "region": "ap-northeast-1", "prefix": "prod-", "account": "012345678901", "dual": false, "settle": "1m30s", "calls": 7.5, "bucket": "our-artifacts", "architecture": "x86_64", "layerArchitectures": ["x86_64"], "single": false, "snapshot": false, "terraform": "../infra/prod"},
			"dev": {}
		},
		"functions": [
			{"name": "a", "package": "functions/a/", "tags": ["x", "y"], "dual": false, "handler": "bin/a", "include": ["config.json"], "drop": ["*.md", "x"], "architecture": "x86_64", "layerArchitectures": ["x86_64", "arm64"], "single": false, "snapshot": false, "names": {"prod": "legacy-a"}},
			{"name": "b", "package": "./"}
		]
	}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Manifest{
		Schema:             "./.lambdas.schema.json",
		Architecture:       "arm64",
		LayerArchitectures: []string{"arm64"},
		Single:             new(true),
		Snapshot:           new(true),
		Environments: map[string]Environment{
			"prod": {Name: "prod", Profile: "our_prod", Region: "ap-northeast-1", Prefix: "prod-", Account: "012345678901", Settle: 90 * time.Second, Calls: 7.5,
				Bucket: "our-artifacts", Architecture: "x86_64", LayerArchitectures: []string{"x86_64"}, Single: new(false), Snapshot: new(false), Terraform: "../infra/prod"},
			"dev": {Name: "dev", Dual: true, Settle: DefaultSettle},
		},
		Functions: []Function{
			{Name: "a", Package: "./functions/a", Tags: []string{"x", "y"}, Handler: "bin/a", Include: []string{"config.json"}, Drop: []string{"*.md", "x"},
				Architecture: "x86_64", LayerArchitectures: []string{"x86_64", "arm64"}, Single: new(false), Snapshot: new(false), Names: map[string]string{"prod": "legacy-a"}},
			{Name: "b", Package: ".", Dual: true},
		},
	}
	got.source = source{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestParseLarge checks that many problems do not take quadratic time.
func TestParseLarge(t *testing.T) {
	const count = 50_000
	data := `{"functions": [` + strings.Repeat("0,", count-1) + `0], "environments": {"dev": {}}}`
	_, err := Parse("lambdas.json", []byte(data))
	all := unjoin(err)
	if len(all) != count {
		t.Fatalf("got %d problems, want %d", len(all), count)
	}
	last := all[count-1]
	if want := 16 + 2*(count-1); last.Line != 1 || last.Column != want {
		t.Errorf("last problem at %d:%d, want 1:%d", last.Line, last.Column, want)
	}
}

// unjoin returns the problems that err joins.
func unjoin(err error) []Problem {
	var all []Problem
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			all = append(all, err.(Problem))
		}
	}
	return all
}
