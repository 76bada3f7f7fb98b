package manifest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.com/dualboot/magefiles/internal/awsclient"
)

var update = flag.Bool("update", false, "rewrite the schema at the root of the repository")

// root is the root of the repository.
var root = filepath.Join("..", "..")

func TestSchemaFile(t *testing.T) {
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, SchemaFile)
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what Schema returns; run go test ./magefiles/manifest -run SchemaFile -update", SchemaFile)
	}
}

// TestSchemaAgrees checks that the schema and Parse accept the same manifests,
// but for what a schema cannot say.
func TestSchemaAgrees(t *testing.T) {
	schema := compileSchema(t)
	for _, test := range decodeCases {
		t.Run(test.manifest, func(t *testing.T) {
			instance, err := jsonschema.UnmarshalJSON(strings.NewReader(test.manifest))
			if err != nil {
				t.Fatal(err)
			}
			_, parseErr := Parse("lambdas.json", []byte(test.manifest))
			schemaErr := schema.Validate(instance)
			if got, want := schemaErr == nil, parseErr == nil || test.beyondSchema; got != want {
				t.Errorf("schema accepts: %t, want %t\nschema: %v\nparse: %v", got, want, schemaErr, parseErr)
			}
			if test.beyondSchema && parseErr == nil {
				t.Error("beyond the schema, but Parse accepts it")
			}
		})
	}
}

// TestSchemaHelpsEditors checks that whatever can be written has a description,
// and that the patterns mean the same in JavaScript, with its u flag.
func TestSchemaHelpsEditors(t *testing.T) {
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	if got, want := schema["$schema"], "https://json-schema.org/draft/2020-12/schema"; got != want {
		t.Errorf("got draft %v, want %s", got, want)
	}
	special := regexp.MustCompile(`\(\?|\\[^x.]|\\x[^0-9a-f]|\[\[:|[*+?}]\+`)
	var walk func(where string, v any)
	walk = func(where string, v any) {
		object, ok := v.(map[string]any)
		if !ok {
			return
		}
		if properties, ok := object["properties"].(map[string]any); ok {
			if object["additionalProperties"] != false {
				t.Errorf("%s: allows more properties", where)
			}
			for name, p := range properties {
				description, _ := p.(map[string]any)["description"].(string)
				if !strings.HasSuffix(description, ".") || strings.Count(description, ". ") > 0 {
					t.Errorf("%s/%s: description %q is not one sentence", where, name, description)
				}
			}
		}
		if pattern, ok := object["pattern"].(string); ok {
			if special.MatchString(pattern) || !strings.HasPrefix(pattern, "^") || !strings.HasSuffix(pattern, "$") {
				t.Errorf("%s: pattern %s", where, pattern)
			}
		}
		for name, v := range object {
			walk(where+"/"+name, v)
		}
	}
	walk("", schema)

	defs := schema["$defs"].(map[string]any)
	environment := defs["Environment"].(map[string]any)["properties"].(map[string]any)
	settle := environment["settle"].(map[string]any)
	if d, err := time.ParseDuration(settle["default"].(string)); err != nil || d != DefaultSettle {
		t.Errorf("got default settle %v, %v, want %v", d, err, DefaultSettle)
	}
	calls := environment["calls"].(map[string]any)
	if calls["default"] != awsclient.DefaultCalls || calls["maximum"] != float64(MaxCalls) {
		t.Errorf("got calls %v, want a default of %v and a maximum of %d", calls, awsclient.DefaultCalls, MaxCalls)
	}
}

func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaFile, document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(SchemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
