package text

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		s                   string
		width               int
		end, middle, padded string
	}{
		{"prod-orders", 11, "prod-orders", "prod-orders", "prod-orders"},
		{"prod-orders", 8, "prod-or…", "pro…ders", "prod-or…"},
		{"prod-orders", 3, "pr…", "pr…", "pr…"},
		{"prod-orders", 0, "", "", ""},
		{"注文関数", 7, "注文関…", "注…関数", "注文関…"},
		{"注文関数", 6, "注文…", "注…数", "注文… "},
		{"e\u0301te\u0301", 3, "e\u0301te\u0301", "e\u0301te\u0301", "e\u0301te\u0301"},
		{"👩‍🚀👩‍🚀👩‍🚀", 5, "👩‍🚀👩‍🚀…", "👩‍🚀…👩‍🚀", "👩‍🚀👩‍🚀…"},
	} {
		if got := Shorten(test.s, test.width); got != test.end || Width(got) > test.width {
			t.Errorf("Shorten(%q, %d) = %q, want %q", test.s, test.width, got, test.end)
		}
		if got := ShortenMiddle(test.s, test.width); got != test.middle || Width(got) > test.width {
			t.Errorf("ShortenMiddle(%q, %d) = %q, want %q", test.s, test.width, got, test.middle)
		}
		if got := Pad(Shorten(test.s, test.width), test.width); got != test.padded {
			t.Errorf("padded %q, want %q", got, test.padded)
		}
	}
}

func TestIndent(t *testing.T) {
	if got, want := Indent("- ", "one two three", 9), "- one two\n  three\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := Indent("- ", "one  two", 0), "- one  two\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := Hang("one two three", 9), "one\n    two\n    three\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := Line("a\x1b[2Jb\nc"), "a [2Jb c"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTableFits(t *testing.T) {
	table := Table{Header: []string{"FUNCTION", "ARCH", "STAGE", "HANDLER"}, Optional: []string{"HANDLER", "ARCH"}}
	table.Add("prod-example-api", "x86_64", "switched", "bootstrap")
	table.Add("prod-注文", "arm64", "", "bootstrap")
	for width, want := range map[int]string{
		0: `FUNCTION          ARCH    STAGE     HANDLER
prod-example-api  x86_64  switched  bootstrap
prod-注文         arm64             bootstrap
`,
		40: `FUNCTION          ARCH    STAGE
prod-example-api  x86_64  switched
prod-注文         arm64
columns left out: HANDLER
`,
		20: `FUNCTION    STAGE
prod…e-api  switched
prod-注文
columns left out: H…
`,
	} {
		var b strings.Builder
		if err := table.WriteFit(&b, width); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, b.String()); d != "" {
			t.Errorf("at %d columns (-want +got):\n%s", width, d)
		}
	}
	for width, want := range map[int]string{
		50: "prod-example-api  provided.al2023  {\"time\":\"2026-…\n",
		40: "prod-e…ple-api  provided.al20…  {\"time\"…\n",
		3:  "…  …  …\n",
	} {
		var b strings.Builder
		free := Table{Header: []string{"A", "B", "C"}, Rows: [][]string{{"prod-example-api", "provided.al2023", `{"time":"2026-11-28T20:00:00Z"}`}}}
		if err := free.WriteFit(&b, width); err != nil {
			t.Fatal(err)
		}
		if _, row, _ := strings.Cut(b.String(), "\n"); row != want {
			t.Errorf("at %d columns: %q, want %q", width, row, want)
		}
	}
	long := Table{Header: []string{"FUNCTION", "PACKAGE", "STAGE"}, Optional: []string{"PACKAGE"}}
	long.Add(strings.Repeat("a", 32)+strings.Repeat("b", 32), "dual", "switched")
	for width, want := range map[int]string{
		50: "FUNCTION                         PACKAGE  STAGE\naaaaaaaaaaaaaaa…bbbbbbbbbbbbbbb  dual     switched\n",
		43: "FUNCTION                  PACKAGE  STAGE\naaaaaaaaaaa…bbbbbbbbbbbb  dual     switched\n",
		42: "FUNCTION                          STAGE\naaaaaaaaaaaaaaa…bbbbbbbbbbbbbbbb  switched\ncolumns left out: PACKAGE\n",
	} {
		var b strings.Builder
		if err := long.WriteFit(&b, width); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, b.String()); d != "" {
			t.Errorf("at %d columns (-want +got):\n%s", width, d)
		}
	}
	if len(table.Header) != 4 || len(table.Rows[0]) != 4 {
		t.Errorf("the table has changed: %v", table)
	}
	rows := Table{Header: []string{"a"}, Rows: [][]string{{"b|c\nd"}}}
	var b strings.Builder
	if err := rows.WriteMarkdown(&b); err != nil || b.String() != "| a         |\n| --- |\n| b\\|c<br>d |\n" {
		t.Errorf("%v\n%s", err, b.String())
	}
}
