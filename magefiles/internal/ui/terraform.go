package ui

import (
	"fmt"
	"strings"

	"example.com/dualboot/magefiles/internal/terraform"
	"example.com/dualboot/magefiles/internal/text"
)

// TerraformNotes returns what the diff of a result does not show, a line each:
// the places to check by hand, what terraform apply ignores and uploads, the
// functions that were not found, and a summary.
func TerraformNotes(r *terraform.Result) []string {
	var notes []string
	for _, u := range r.Unsure {
		notes = append(notes, TerraformUnsure(u))
	}
	for _, f := range r.Found {
		if len(f.Ignored) > 0 {
			notes = append(notes, fmt.Sprintf("%s: %s: not changed, as terraform apply ignores %s (ignore_changes)", f.At, f.Address, strings.Join(f.Ignored, ", ")))
		}
	}
	notes = append(notes, terraformUploads(r.Uploads)...)
	if missing := r.Missing(); len(missing) > 0 {
		notes = append(notes, "no resource found for "+strings.Join(missing, ", "))
	}
	return append(notes, terraformSummary(r))
}

// TerraformUnsure returns a place to check by hand in one line:
//
//	main.tf:12:5: aws_lambda_function.orders: runtime depends on var.runtime (set it to "provided.al2023")
func TerraformUnsure(u terraform.Unsure) string {
	address := ""
	if u.Address != "" {
		address = u.Address + ": "
	}
	return fmt.Sprintf("%s: %s%s (%s)", u.At, address, u.Reason, u.Hint)
}

// terraformUploads groups the places by which terraform apply uploads code, and
// says what that can break.
func terraformUploads(uploads []terraform.Upload) []string {
	var notes []string
	places := map[string][]string{}
	for _, u := range uploads {
		note := fmt.Sprintf("%s (%s)", u.Reason, u.Hint)
		if places[note] == nil {
			notes = append(notes, note)
		}
		places[note] = append(places[note], fmt.Sprintf("%s: %s", u.At, u.Address))
	}
	for i, note := range notes {
		notes[i] = fmt.Sprintf("%s: %s", text.List(places[note], 3), note)
	}
	if len(notes) > 0 {
		notes = append(notes, "WARNING: a zip without bootstrap that Terraform uploads stops functions on provided.al2023, and one without lambda those on go1.x;"+
			" prevent the upload, or give Terraform bin/NAME/lambda.zip, which the target zip writes")
	}
	return notes
}

func terraformSummary(r *terraform.Result) string {
	values, files, functions := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, c := range r.Changes {
		values[c.At.String()], files[c.At.Filename], functions[c.Function] = true, true, true
	}
	s := "nothing to change"
	if len(values) > 0 {
		s = fmt.Sprintf("%s to change in %s, for %s", text.Count(len(values), "value"), text.Count(len(files), "file"), text.Count(len(functions), "function"))
	}
	if n := len(r.Unsure); n > 0 {
		s += fmt.Sprintf("; %s to check by hand", text.Count(n, "place"))
	}
	return s
}
