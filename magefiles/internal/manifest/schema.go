package manifest

import (
	"bytes"
	"encoding/json"

	"github.com/invopop/jsonschema"
)

// SchemaFile is the name of the file beside the manifest that holds [Schema].
const SchemaFile = ".lambdas.schema.json"

// Schema returns the JSON Schema of a manifest, in draft 2020-12, generated from
// the types of this package. It accepts whatever [Load] accepts; what a schema
// cannot say, such as that a package must exist, it leaves to Load.
func Schema() ([]byte, error) {
	r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true}
	root := r.Reflect(Manifest{})
	root.Title = "lambdas.json"
	root.Description = "Which Go functions are deployed to AWS Lambda, and where."

	one, environmentName := uint64(1), matching(environmentRule)
	environments := property(root, "environments")
	environments.MinProperties = &one
	environments.PropertyNames = environmentName

	environment := root.Definitions["Environment"]
	environment.Description = "An AWS account and region to deploy to, as seen through a profile."
	constrain(property(environment, "profile"), profileRule)
	constrain(property(environment, "region"), regionRule)
	constrain(property(environment, "prefix"), prefixRule)
	constrain(property(environment, "account"), accountRule)
	settle := property(environment, "settle")
	settle.Type, settle.Default = "string", "60s"
	constrain(settle, settleRule)
	property(environment, "calls").Default = 14.5
	constrain(property(environment, "terraform"), terraformRule)

	function := root.Definitions["Function"]
	function.Description = "A Go function to deploy."
	constrain(property(function, "name"), functionRule)
	constrain(property(function, "package"), packageRule)
	tag := property(function, "tags").Items
	constrain(tag, tagRule)
	tag.Not = &jsonschema.Schema{Const: legacyTag}
	names := property(function, "names")
	names.PropertyNames = environmentName
	names.AdditionalProperties = matching(functionRule)

	return encode(root)
}

func property(s *jsonschema.Schema, name string) *jsonschema.Schema {
	p, _ := s.Properties.Get(name)
	return p
}

func constrain(s *jsonschema.Schema, r rule) { s.Pattern = r.pattern.String() }

func matching(r rule) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: r.pattern.String()}
}

// encode returns s as indented JSON with a final newline.
func encode(s *jsonschema.Schema) ([]byte, error) {
	compact, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
