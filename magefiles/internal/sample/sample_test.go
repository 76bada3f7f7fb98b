package sample

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/traffic"
)

// write writes files below a new directory and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad(t *testing.T) {
	dir := write(t, map[string]string{
		"testdata/event.json":      `{"n":1}`,
		"testdata/events/b.json":   `{"requestContext":{}}`,
		"testdata/events/a.json":   `[2,2]`,
		"testdata/events/notes.md": `# not an event`,
		"testdata/env.json":        `{"STAGE": "test", "EMPTY": ""}`,
	})
	set, err := Load(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Set{
		Events: []Event{
			{Name: "event.json", JSON: []byte(`{"n":1}`), Kind: traffic.Event},
			{Name: "events/a.json", JSON: []byte(`[2,2]`), Kind: traffic.Event},
			{Name: "events/b.json", JSON: []byte(`{"requestContext":{}}`), Kind: traffic.API},
		},
		Variables: map[string]string{"STAGE": "test", "EMPTY": ""},
	}
	if diff := cmp.Diff(want, set); diff != "" {
		t.Error(diff)
	}
}

// TestNothing checks that a package needs no files, and that an empty directory
// counts as none.
func TestNothing(t *testing.T) {
	for _, dir := range []string{filepath.Join(t.TempDir(), "none"), write(t, map[string]string{"testdata/events/README": ""})} {
		set, err := Load(dir, nil)
		want := Set{Events: []Event{{Origin: Unknown, JSON: []byte("{}"), Kind: traffic.Event}}}
		if diff := cmp.Diff(want, set); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
}

func TestBadFiles(t *testing.T) {
	for name, test := range map[string]struct{ file, content, want string }{
		"empty event":        {"event.json", " \n", "event.json: the file is empty"},
		"syntax":             {"events/a.json", "{\n  \"a\": 1,\n}", "a.json:3:1: invalid character '}'"},
		"cut off":            {"event.json", "{\"a\":\n", "event.json:2:1: the file ends too early"},
		"two values":         {"event.json", "{}\n {}", "event.json:2:2: there is more than one JSON value"},
		"no kinesis":         {"event.json", `{"Records":[{"eventSource":"aws:kinesis"}]}`, `event.json: its first record has no member "kinesis"`},
		"directory":          {"event.json/x", "", "event.json: is a directory"},
		"empty variables":    {"env.json", "", "env.json: the file is empty"},
		"variables' syntax":  {"env.json", `{"A1": "b" "C1": "d"}`, "env.json:1:12: invalid character '\"'"},
		"list":               {"env.json", `["A=b"]`, "env.json: it is not an object of strings"},
		"null":               {"env.json", `null`, "env.json: it is not an object of strings"},
		"number":             {"env.json", `{"PORT": 5432}`, `env.json: "PORT" is not a string; put the value in quotes`},
		"null value":         {"env.json", `{"PORT": null}`, `env.json: "PORT" is not a string`},
		"twice":              {"env.json", `{"AA": "1", "AA": "2"}`, `env.json:1:13: the member "AA" occurs twice; remove one`},
		"name":               {"env.json", `{"A-B": "1"}`, `env.json: "A-B" is not a name that Lambda accepts`},
		"short name":         {"env.json", `{"A": "1"}`, `env.json: "A" is not a name that Lambda accepts`},
		"reserved":           {"env.json", `{"AWS_REGION": "x"}`, `env.json: "AWS_REGION" is reserved`},
		"reserved otherwise": {"env.json", `{"_HANDLER": "x"}`, `env.json: "_HANDLER" is reserved`},
		"zero byte":          {"env.json", `{"AB": "a\u0000b"}`, `env.json: "AB" contains a zero byte`},
		"too large":          {"env.json", `{"AB": "` + strings.Repeat("s", lambda.MaxVariables) + `"}`, "env.json: the variables are 4,105 bytes of JSON, and Lambda allows 4,096"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{"testdata/" + test.file: test.content})
			_, err := Load(dir, nil)
			if err == nil || !strings.Contains(filepath.ToSlash(err.Error()), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if err != nil && (strings.Contains(err.Error(), "5432") || strings.Contains(err.Error(), "sss")) {
				t.Errorf("the error contains a value: %v", err)
			}
		})
	}
}

// TestAllBadFiles checks that one error names all files.
func TestAllBadFiles(t *testing.T) {
	_, err := Load(write(t, map[string]string{
		"testdata/event.json": `x`, "testdata/events/a.json": `y`, "testdata/env.json": `{"TZ": "z", "PORT": 1}`,
	}), nil)
	for _, want := range []string{"event.json:1:1", "a.json:1:1", `"TZ" is reserved`, `"PORT" is not a string`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

// TestShapes checks that each made-up event has the members of its type, is of the
// right kind, and has no member that the type lacks.
func TestShapes(t *testing.T) {
	for name, test := range map[string]struct {
		into  any
		kind  traffic.Kind
		shape string
	}{
		"KinesisEvent":             {&events.KinesisEvent{}, traffic.Kinesis, "Kinesis"},
		"DynamoDBEvent":            {&events.DynamoDBEvent{}, traffic.DynamoDB, "DynamoDB"},
		"SQSEvent":                 {&events.SQSEvent{}, traffic.Event, "SQS"},
		"SNSEvent":                 {&events.SNSEvent{}, traffic.Event, "SNS"},
		"S3Event":                  {&events.S3Event{}, traffic.Event, "S3"},
		"CloudWatchEvent":          {&events.CloudWatchEvent{}, traffic.Event, "EventBridge"},
		"EventBridgeEvent":         {&events.EventBridgeEvent{}, traffic.Event, "EventBridge"},
		"APIGatewayProxyRequest":   {&events.APIGatewayProxyRequest{}, traffic.API, "API Gateway"},
		"APIGatewayV2HTTPRequest":  {&events.APIGatewayV2HTTPRequest{}, traffic.API, "API Gateway 2.0"},
		"LambdaFunctionURLRequest": {&events.LambdaFunctionURLRequest{}, traffic.API, "function URL"},
	} {
		event, ok := shapeOf(name)
		if !ok || event.Kind != test.kind || event.Shape != test.shape || event.Origin != MadeUp {
			t.Errorf("%s: %t, %+v", name, ok, event)
			continue
		}
		if kind, err := traffic.KindOf(event.JSON); err != nil || kind != test.kind {
			t.Errorf("%s is of the kind %q: %v", name, kind, err)
		}
		d := json.NewDecoder(bytes.NewReader(event.JSON))
		if name != "LambdaFunctionURLRequest" { // its event has a route too, unlike the type
			d.DisallowUnknownFields()
		}
		if err := d.Decode(test.into); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok := shapeOf("CodeCommitEvent"); ok {
		t.Error("a shape is made up for a type without one")
	}
}

func TestMakeUp(t *testing.T) {
	const imports = "package main\nimport (\"context\"; \"github.com/aws/aws-lambda-go/events\"; \"github.com/aws/aws-lambda-go/lambda\")\n"
	for name, test := range map[string]struct {
		files  map[string]string
		origin Origin
		shape  string
	}{
		"function": {map[string]string{"main.go": imports + "func handle(ctx context.Context, e events.KinesisEvent) error { return nil }\nfunc main() { lambda.Start(handle) }"},
			MadeUp, "Kinesis"},
		"method in another file, renamed import, pointer": {map[string]string{
			"main.go": "package main\nimport l \"github.com/aws/aws-lambda-go/lambda\"\nfunc main() { l.StartWithOptions(consumer{}.handle) }",
			"c.go":    "package main\nimport ev \"github.com/aws/aws-lambda-go/events\"\ntype consumer struct{}\nfunc (consumer) handle(e *ev.DynamoDBEvent) error { return nil }",
		}, MadeUp, "DynamoDB"},
		"dot import":        {map[string]string{"main.go": "package main\nimport . \"github.com/aws/aws-lambda-go/events\"\nimport \"github.com/aws/aws-lambda-go/lambda\"\nfunc main() { lambda.Start(func(e SQSEvent) error { return nil }) }"}, MadeUp, "SQS"},
		"alias and context": {map[string]string{"main.go": imports + "type in = request\ntype request events.APIGatewayV2HTTPRequest\nfunc main() { lambda.StartWithContext(context.Background(), func(_ context.Context, e in) {}) }"}, MadeUp, "API Gateway 2.0"},
		"wrapped":           {map[string]string{"main.go": imports + "func h(e events.SNSEvent) {}\nfunc record(r events.SNSEventRecord) {}\nfunc main() { lambda.Start(trace(h)) }\nfunc trace(h any) any { return h }"}, MadeUp, "SNS"},
		"type parameters":   {map[string]string{"main.go": imports + "func h(_ context.Context, e events.S3Event) (int, error) { return 0, nil }\nfunc main() { lambda.StartHandlerFunc[events.S3Event, int](h) }"}, MadeUp, "S3"},
		"no event":          {map[string]string{"main.go": imports + "func h(context.Context) error { return nil }\nfunc main() { lambda.Start(h) }"}, Needless, ""},
		"own type":          {map[string]string{"main.go": imports + "type order struct{}\nfunc h(o order) {}\nfunc other(e events.SQSEvent) {}\nfunc main() { lambda.Start(h) }"}, Unknown, ""},
		"other event":       {map[string]string{"main.go": imports + "func h(e events.CodeCommitEvent) {}\nfunc main() { lambda.Start(h) }"}, Unknown, ""},
		"two handlers":      {map[string]string{"main.go": imports + "func a(e events.SQSEvent) {}\nfunc b(e events.SNSEvent) {}\nfunc main() { if x { lambda.Start(a) }; lambda.Start(b) }"}, Unknown, ""},
		"another package":   {map[string]string{"main.go": imports + "import \"example.com/app\"\ntype t struct{}\nfunc (t) Handle(e events.SQSEvent) {}\nfunc o(events.SNSEvent) {}\nfunc main() { lambda.Start(app.Handle) }"}, Unknown, ""},
		"not built":         {map[string]string{"main.go": "//go:build windows\n\n" + imports + "func main() { lambda.Start(func(e events.SQSEvent) {}) }", "x_test.go": imports + "func main() { lambda.Start(func(e events.SQSEvent) {}) }"}, Unknown, ""},
		"built with a tag":  {map[string]string{"main.go": "//go:build webp\n\n" + imports + "func main() { lambda.Start(func(e events.SQSEvent) {}) }"}, MadeUp, "SQS"},
		"same name":         {map[string]string{"main.go": imports + "type KinesisEvent struct{}\nfunc h(e KinesisEvent) {}\nfunc main() { lambda.Start(h) }"}, Unknown, ""},
		"endless type":      {map[string]string{"main.go": imports + "type a b\ntype b a\nfunc h(e a) {}\nfunc main() { lambda.Start(h) }"}, Unknown, ""},
		"does not parse":    {map[string]string{"main.go": "package main\nfunc {"}, Unknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := Load(write(t, test.files), []string{"webp"})
			if err != nil {
				t.Fatal(err)
			}
			if e := set.Events[0]; len(set.Events) != 1 || e.Origin != test.origin || e.Shape != test.shape {
				t.Errorf("%d events, the first %+v", len(set.Events), e)
			}
		})
	}
}

// TestSamples checks the functions of this repository without their files.
func TestSamples(t *testing.T) {
	for name, want := range map[string]string{
		"example-api": "API Gateway", "order-stream": "Kinesis", "inventory-table": "DynamoDB", "nightly-report": "EventBridge",
	} {
		if e := makeUp(filepath.Join("..", "..", "..", "functions", name), nil); e.Shape != want {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
