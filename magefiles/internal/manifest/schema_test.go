package manifest

import (
	"bytes"
	"encoding/json"
	"go/doc"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	generator "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/lambda"
)

// root is the root of the repository.
var root = filepath.Join("..", "..", "..")

// generateSchema returns the JSON Schema of a manifest. Types and members are
// those of Manifest, descriptions the first sentences of their comments, and
// patterns those of the rules.
func generateSchema(t *testing.T) []byte {
	t.Helper()
	r := &generator.Reflector{Anonymous: true, ExpandedStruct: true}
	if err := r.AddGoComments("example.com/dualboot/magefiles/internal/manifest", "."); err != nil {
		t.Fatal(err)
	}
	for name, comment := range r.CommentMap {
		r.CommentMap[name] = new(doc.Package).Synopsis(comment)
	}
	schema := r.Reflect(Manifest{})
	schema.Title = "lambdas.json"
	schema.Description = "Which Go functions are deployed to AWS Lambda, and where."
	one := uint64(1)
	property := func(s *generator.Schema, name string) *generator.Schema { return property(t, s, name) }
	for _, s := range []*generator.Schema{schema, schema.Definitions["Environment"], schema.Definitions["Function"]} {
		property(s, "architecture").Enum = enum(architectures())
		layers := property(s, "layerArchitectures")
		layers.MinItems, layers.UniqueItems, layers.Items.Enum = &one, true, enum(architectures())
	}
	property(schema, "single").Default = false
	property(schema, "snapshot").Default = false

	environments := property(schema, "environments")
	environments.MinProperties = &one
	environments.PropertyNames = matching(environmentRule)
	property(schema, "functions").MinItems = &one

	environment := schema.Definitions["Environment"]
	for name, r := range map[string]rule{
		"profile": profileRule, "region": regionRule, "prefix": prefixRule, "account": accountRule,
		"settle": settleRule, "bucket": bucketRule, "terraform": terraformRule,
	} {
		property(environment, name).Pattern = r.pattern.String()
	}
	for name, example := range map[string]string{
		"region": "ap-northeast-1", "prefix": "prod-", "account": "123456789012",
		"bucket": "our-artifacts", "terraform": "../infra/prod",
	} {
		property(environment, name).Examples = []any{example}
	}
	files := property(environment, "terraformVarFiles")
	files.UniqueItems, files.Items.Pattern, files.Examples = true, varFileRule.pattern.String(), []any{[]string{"prod.tfvars"}}
	property(environment, "rollbackTo").Enum = enum(lambda.Origins())
	property(environment, "dual").Default = true
	settle := property(environment, "settle")
	settle.Type, settle.Default = "string", "60s"
	calls := property(environment, "calls")
	calls.Minimum, calls.Maximum, calls.Default = json.Number("1"), json.Number("15"), awsclient.DefaultCalls

	constrainFunction(t, schema.Definitions["Function"])

	var b bytes.Buffer
	compact, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), '\n')
}

// constrainFunction adds the rules for a function.
func constrainFunction(t *testing.T, function *generator.Schema) {
	t.Helper()
	property := func(name string) *generator.Schema { return property(t, function, name) }
	property("name").Pattern = functionRule.pattern.String()
	pkg := property("package")
	pkg.Pattern, pkg.Examples = packageRule.pattern.String(), []any{"./functions/example-api"}
	function.OneOf = []*generator.Schema{{Required: []string{"package"}}, {Required: []string{"source"}}}
	property("source").Enum = enum([]string{Deployed})
	testdata := property("testdata")
	testdata.Pattern, testdata.Examples = testdataRule.pattern.String(), []any{"./testdata/old-import"}
	property("dual").Default = true
	property("rollbackTo").Enum = enum(lambda.Origins())
	tags := property("tags")
	tags.UniqueItems = true
	tags.Items.Pattern, tags.Items.Not = tagRule.pattern.String(), &generator.Schema{Const: lambda.NoRPC}
	handler, longest := property("handler"), uint64(maxHandler)
	handler.Pattern, handler.MaxLength, handler.Default = handlerRule.pattern.String(), &longest, lambda.LegacyBinary
	for name, example := range map[string][]string{"include": {"config.json", "templates/**"}, "drop": {"*.md"}} {
		patterns := property(name)
		patterns.UniqueItems, patterns.Items.Pattern, patterns.Examples = true, patternRule.pattern.String(), []any{example}
	}
	names := property("names")
	names.PropertyNames, names.AdditionalProperties = matching(environmentRule), matching(functionRule)
}

// matching returns the schema of a string.
func matching(r rule) *generator.Schema {
	return &generator.Schema{Type: "string", Pattern: r.pattern.String()}
}

// property returns the member of an object.
func property(t *testing.T, s *generator.Schema, name string) *generator.Schema {
	t.Helper()
	p, ok := s.Properties.Get(name)
	if !ok {
		t.Fatalf("no member %q", name)
	}
	return p
}

func enum(values []string) []any {
	var all []any
	for _, v := range values {
		all = append(all, v)
	}
	return all
}

// TestSchemaFile checks the embedded JSON Schema and the one at the root of the
// repository.
func TestSchemaFile(t *testing.T) {
	want := generateSchema(t)
	for _, file := range []string{"schema.json", filepath.Join(root, SchemaFile)} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
			t.Errorf("%s is out of date; run go test ./magefiles/internal/manifest -run SchemaFile -update", file)
		}
	}
}

// TestSchemaHelpsEditors checks that every member has a description, and that
// the patterns mean the same in JavaScript with its u flag.
func TestSchemaHelpsEditors(t *testing.T) {
	var document map[string]any
	if err := json.Unmarshal(schema, &document); err != nil {
		t.Fatal(err)
	}
	if got, want := document["$schema"], "https://json-schema.org/draft/2020-12/schema"; got != want {
		t.Errorf("got draft %v, want %s", got, want)
	}
	special := regexp.MustCompile(`\(\?|\\[^x.]|\\x[^0-9a-f]|\[\[:|[*+?}]\+`)
	members := 0
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
				members++
				description, _ := p.(map[string]any)["description"].(string)
				if !strings.HasSuffix(description, ".") || strings.Count(description, ". ") > 0 || strings.Contains(description, "\n") {
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
	walk("", document)
	if want := 7 + 15 + 15; members != want {
		t.Errorf("got %d members, want %d", members, want)
	}
}

// TestSchemaDefaults checks that the schema has the defaults and limits of the
// code.
func TestSchemaDefaults(t *testing.T) {
	var document struct {
		Defs map[string]struct {
			Properties map[string]struct {
				Default any
				Maximum float64
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(schema, &document); err != nil {
		t.Fatal(err)
	}
	environment := document.Defs["Environment"].Properties
	settle, _ := environment["settle"].Default.(string)
	if d, err := time.ParseDuration(settle); err != nil || d != DefaultSettle {
		t.Errorf("got default settle %v, %v, want %v", d, err, DefaultSettle)
	}
	calls := environment["calls"]
	if calls.Default != awsclient.DefaultCalls || calls.Maximum != maxCalls {
		t.Errorf("got calls %+v, want a default of %v and a maximum of %d", calls, awsclient.DefaultCalls, maxCalls)
	}
}

// compileSchema returns the validator of the embedded JSON Schema.
func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaFile, document); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(SchemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}
