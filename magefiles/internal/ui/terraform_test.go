package ui_test

import (
	"go/token"
	"os"
	"testing"

	"example.com/dualboot/magefiles/internal/terraform"
	"example.com/dualboot/magefiles/internal/ui"
	"github.com/google/go-cmp/cmp"
)

func TestTerraformNotes(t *testing.T) {
	for _, test := range []struct {
		name      string
		functions []string
		file      string
		want      []string
	}{
		{
			name:      "nothing to do",
			functions: []string{"orders"},
			file: `resource "aws_lambda_function" "orders" {
  function_name = "orders"
  runtime       = "provided.al2023"
  handler       = "bootstrap"
}
`,
			want: []string{"nothing to change"},
		},
		{
			name:      "a value of two functions",
			functions: []string{"orders", "report"},
			file: `locals {
  runtime = "go1.x"
}
resource "aws_lambda_function" "all" {
  for_each      = toset(["orders", "report"])
  function_name = each.key
  runtime       = local.runtime
  handler       = "lambda"
}
`,
			want: []string{"2 values to change in 1 file, for 2 functions"},
		},
		{
			name:      "everything at once",
			functions: []string{"gone", "orders", "report", "theirs", "lost"},
			file: `resource "aws_lambda_function" "orders" {
  function_name = "orders"
  runtime       = "go1.x"
  handler       = "bootstrap"
}
resource "aws_lambda_function" "report" {
  function_name = "report"
  runtime       = var.runtime
  handler       = "bootstrap"
}
resource "aws_lambda_function" "theirs" {
  function_name = "theirs"
  lifecycle {
    ignore_changes = [handler, runtime]
  }
}
`,
			want: []string{
				`main.tf:8:19: aws_lambda_function.report: runtime depends on var.runtime, which these files do not declare (set it to "provided.al2023")`,
				"main.tf:11:1: aws_lambda_function.theirs: not changed, as terraform apply ignores runtime, handler (ignore_changes)",
				"no resource found for gone, lost",
				"1 value to change in 1 file, for 1 function; 1 place to check by hand",
			},
		},
		{
			name:      "uploads",
			functions: []string{"a", "b", "c", "d", "e"},
			file: `resource "aws_lambda_function" "all" {
  for_each         = toset(["a", "b", "c", "d"])
  function_name    = each.key
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  filename         = "build.zip"
  source_code_hash = filebase64sha256("build.zip")
}
module "e" {
  source        = "terraform-aws-modules/lambda/aws"
  function_name = "e"
  runtime       = "provided.al2023"
  handler       = "bootstrap"
  source_path   = "src"
}
`,
			want: []string{
				`main.tf:7:22: aws_lambda_function.all["a"], main.tf:7:22: aws_lambda_function.all["b"], main.tf:7:22: aws_lambda_function.all["c"] and 1 more: terraform apply uploads code if source_code_hash changes (lifecycle { ignore_changes = [source_code_hash, filename] } prevents it)`,
				"main.tf:14:19: module.e: terraform apply builds and uploads the zip of source_path if that, or runtime, changes (create_package = false with local_existing_package and ignore_source_code_hash = true prevents it)",
				"WARNING: a zip without bootstrap that Terraform uploads stops functions on provided.al2023, and one without lambda those on go1.x; prevent the upload, or give Terraform bin/NAME/lambda.zip, which the target zip writes",
				"nothing to change",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("main.tf", []byte(test.file), 0o644); err != nil {
				t.Fatal(err)
			}
			var wanted []terraform.Wanted
			for _, name := range test.functions {
				wanted = append(wanted, terraform.Wanted{Function: name})
			}
			r, err := terraform.Read(".", wanted, terraform.Variables{})
			if err != nil {
				t.Fatal(err)
			}
			got := ui.TerraformNotes(r)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTerraformUnsure(t *testing.T) {
	u := terraform.Unsure{At: token.Position{Filename: "main.tf.json"}, Reason: "dualboot reads only *.tf files", Hint: "check it"}
	if got, want := ui.TerraformUnsure(u), "main.tf.json: dualboot reads only *.tf files (check it)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
