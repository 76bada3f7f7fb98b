package terraform_test

import (
	"go/token"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/terraform"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadErrors(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ name, dir, want string }{
		{"no directory", dir + "/none", "reading Terraform files: open "},
		{"no files", dir, "no Terraform files (*.tf) in " + dir},
	} {
		if _, err := terraform.Read(test.dir, nil, terraform.Variables{}); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}

func TestResult(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "main.tf", orders+`
resource "aws_lambda_function" "report" {
  for_each      = toset(["report"])
  function_name = each.key
  runtime       = var.runtime
  handler       = "lambda"
}
resource "aws_lambda_function" "image" {
  function_name = "image"
  package_type  = "Image"
}
resource "aws_lambda_function" "theirs" {
  function_name = "theirs"
  runtime       = "go1.x"
  handler       = "bootstrap"
  architectures = ["arm64"]
  lifecycle {
    ignore_changes = [runtime, architectures]
  }
}
`)
	r := read(t, wanted("image gone theirs report orders"), terraform.Variables{})
	want := &terraform.Result{
		Changes: []terraform.Change{
			{At: at(3, 19), Address: "aws_lambda_function.orders", Function: "orders", Attribute: "runtime", From: "go1.x", To: "provided.al2023"},
			{At: at(4, 19), Address: "aws_lambda_function.orders", Function: "orders", Attribute: "handler", From: "lambda", To: "bootstrap"},
		},
		Unsure: []terraform.Unsure{{
			At: at(10, 19), Address: `aws_lambda_function.report["report"]`, Function: "report",
			Reason: "runtime depends on var.runtime, which these files do not declare; handler is not changed either",
			Hint:   `set it to "provided.al2023"`,
		}},
		Found: []terraform.Function{
			{Name: "image", Address: "aws_lambda_function.image", At: at(13, 1)},
			{Name: "theirs", Address: "aws_lambda_function.theirs", At: at(17, 1), Ignored: []string{"runtime", "architectures"}},
			{Name: "report", Address: `aws_lambda_function.report["report"]`, At: at(7, 1)},
			{Name: "orders", Address: "aws_lambda_function.orders", At: at(1, 1), Runtime: "go1.x"},
		},
	}
	if diff := cmp.Diff(want, r, cmpopts.IgnoreUnexported(terraform.Result{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"gone"}, r.Missing()); diff != "" {
		t.Errorf("missing: -want +got:\n%s", diff)
	}
	for _, f := range r.Found {
		if f.Undoes() != (f.Name == "orders") {
			t.Errorf("%s: Undoes() = %t", f.Name, f.Undoes())
		}
	}
}

func at(line, column int) token.Position {
	return token.Position{Filename: "main.tf", Line: line, Column: column}
}
