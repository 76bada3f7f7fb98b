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
			if err := writeFindings(&out, &r, 0); err != nil {
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

// TestAuditOfSeveral writes findings of two places on a narrow terminal, and what
// could not be read.
func TestAuditOfSeveral(t *testing.T) {
	finding := func(account, region, name, runtime string) audit.Finding {
		return audit.Finding{
			Account: account, Region: region, FunctionName: name, Runtime: runtime, Due: true, Road: audit.RoadSourcesOneCall,
			Architecture: "x86_64", LastModified: "2026-01-31T12:00:00.000+0000", Usage: &audit.Usage{ARM64SavesUSD: 12.345}, Warnings: []string{"look"},
		}
	}
	r := &audit.Report{
		Findings: []audit.Finding{
			finding("111111111111", "ap-northeast-1", "a-function-with-a-name-that-is-quite-long", "provided.al2"),
			finding("222222222222", "eu-west-1", "orders", "go1.x"),
		},
		Merged:     true,
		Functions:  9,
		Places:     []audit.Place{{Account: "111111111111", Region: "ap-northeast-1", Functions: 4, Findings: 1}, {Account: "222222222222", Region: "eu-west-1", Functions: 5, Findings: 1}},
		Unmeasured: []audit.Unread{{Account: "222222222222", Region: "eu-west-1", Error: "no metrics"}},
		Unread: []audit.Unread{
			{Account: "333333333333", Region: "eu-west-1", Error: "denied (request 1)"},
			{Account: "333333333333", Region: "us-east-1", Error: "denied (request 2)"},
			{Account: "444444444444", Error: "denied"},
		},
	}
	var out strings.Builder
	if err := writeFindings(&out, r, 80); err != nil {
		t.Fatal(err)
	}
	out.WriteString(strings.Join(AuditNotes(r), "\n") + "\n" + AuditError(r).Error())
	const want = `FUNCTION                   ACCOUNT       REGION          DAYS LEFT  RUNTIME
a-function-w…s-quite-long  111111111111  ap-northeast-1  -          provided.al2
orders                     222222222222  eu-west-1       -          go1.x
columns left out: DEPRECATED, LAST CHANGE, ARCHITECTURE, ARM64 SAVES, COVERED B…

a-function-with-a-name-that-is-quite-long (111111111111, ap-northeast-1)
  look

orders (222222222222, eu-west-1)
  look
2 of 9 functions in 2 accounts, 2 regions on a runtime that is deprecated, or blocked for updates within 180 days; 0 in lambdas.json, 0 may lose records, 0 whose aliases or event sources use an old version, 0 versions that no alias or event source points at; not read: 3 places, see below
estimate: arm64 would have saved about $24.69 in 30 days, for the same durations at the prices of US East (N. Virginia), without requests, free tier and discounts
not estimated: what arm64 would save in 1 place, such as 222222222222 eu-west-1 (no metrics)
3 places could not be read:
  - account 333333333333 in eu-west-1, us-east-1: denied (request 1)
  - account 444444444444: denied`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
