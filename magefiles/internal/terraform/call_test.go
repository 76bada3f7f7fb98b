package terraform

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIsLambdaModule(t *testing.T) {
	for source, want := range map[string]bool{
		"terraform-aws-modules/lambda/aws":                                                  true,
		"registry.terraform.io/terraform-aws-modules/lambda/aws":                            true,
		"github.com/terraform-aws-modules/terraform-aws-lambda":                             true,
		"git@github.com:terraform-aws-modules/terraform-aws-lambda.git?ref=v7.0.0":          true,
		"git::ssh://git@github.com/terraform-aws-modules/terraform-aws-lambda.git":          true,
		"git::https://github.com/terraform-aws-modules/terraform-aws-lambda.git?ref=v8.8.1": true,
		"":                                   false,
		"./terraform-aws-modules/lambda/aws": false,
		"terraform-aws-modules/lambda/aws//modules/alias":                                          false,
		"terraform-aws-modules/lambda/aws//wrappers":                                               false,
		"terraform-aws-modules/vpc/aws":                                                            false,
		"example.com/terraform-aws-modules/lambda/aws":                                             false,
		"github.com/example/terraform-aws-lambda":                                                  false,
		"github.com/terraform-aws-modules/terraform-aws-lambda-extra":                              false,
		"git::https://github.com/terraform-aws-modules/terraform-aws-lambda.git//modules/docker":   false,
		"git::https://example.com/github.com/terraform-aws-modules/terraform-aws-lambda.git?ref=1": false,
	} {
		if got := isLambdaModule(source); got != want {
			t.Errorf("%q: got %t", source, got)
		}
	}
}

// nested makes a directory whose module calls the next one so many times, and so on
// for so many levels. The last module defines a function.
func nested(t *testing.T, levels, calls int) string {
	t.Helper()
	root := t.TempDir()
	for i := range levels + 1 {
		dir := filepath.Join(root, fmt.Sprintf("m%d", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for c := range calls {
			fmt.Fprintf(&b, "module \"call%d\" {\n  source = \"../m%d\"\n}\n", c, i+1)
		}
		if i == levels {
			b.Reset()
			b.WriteString("resource \"aws_lambda_function\" \"a\" {\n  function_name = \"a\"\n  runtime = \"go1.x\"\n}\n")
		}
		if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(root, "m0")
}

func TestNestedModules(t *testing.T) {
	functions := []Wanted{{Function: "a"}}
	r, err := Read(nested(t, maxDepth, 1), functions, Variables{})
	if err != nil || len(r.Found) != 1 {
		t.Errorf("%d levels: got %+v, %v", maxDepth, r, err)
	}
	r, err = Read(nested(t, maxDepth+1, 1), functions, Variables{})
	if err != nil || len(r.Found) != 0 || len(r.Unsure) == 0 || !strings.Contains(r.Unsure[0].Reason, "more than 10 levels deep") {
		t.Errorf("%d levels: got %+v, %v", maxDepth+1, r, err)
	}
	_, err = Read(nested(t, 5, 5), functions, Variables{})
	if err == nil || !strings.Contains(err.Error(), "calls local modules more than 1000 times") {
		t.Errorf("3,905 modules: got %v", err)
	}
}
