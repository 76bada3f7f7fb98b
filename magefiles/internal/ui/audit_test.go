package ui

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"example.com/dualboot/magefiles/internal/audit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestAudit(t *testing.T) {
	const golden = "testdata/audit.txtar"
	archive, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range archive.Files {
		t.Run(file.Name, func(t *testing.T) {
			input, want, _ := strings.Cut(string(file.Data), "\n\n")
			var r audit.Report
			if err := json.Unmarshal([]byte(input), &r); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := writeFindings(&out, r.Findings, 0); err != nil {
				t.Fatal(err)
			}
			for _, note := range AuditNotes(&r) {
				out.WriteString("note: " + note + "\n")
			}
			if *update {
				archive.Files[i].Data = []byte(input + "\n\n" + out.String())
			} else if d := cmp.Diff(want, out.String()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	if *update {
		if err := os.WriteFile(golden, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
