package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSheet checks that a sheet is well-formed, refers to nothing, runs nothing, and
// shows names and errors as text, and that it is written instead of the timeline.
func TestSheet(t *testing.T) {
	const odd = `"><img src=x onerror=alert(1)>`
	path := filepath.Join(t.TempDir(), "audit.html")
	r := NewRecorder(Files{Report: path})
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	r.Show(Sheet{
		Title: "audit </title><script>alert(1)</script>", Summary: "2 of 3 functions", Failures: []string{"a\x1b[31m\nb"}, Notes: []string{"dates"},
		Tables: []SheetTable{
			{"Accounts", []string{"Account", "Functions"}, []SheetRow{{Cells: []string{"111111111111", "3"}}}},
			{"Functions", []string{"Function", "Runtime"}, []SheetRow{{[]string{odd, "go1.x"}, []string{"alias live points at version 1"}}, {[]string{"other", "go1.x"}, nil}}},
		},
	})
	if _, err := r.Write(errors.New("1 place could not be read")); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	names := wellFormed(t, string(page))
	if !names[odd] || !names["111111111111"] || !names["other"] {
		t.Errorf("names are %v", names)
	}
	for _, want := range []string{`<td data-name="Runtime">go1.x</td>`, "1 to look at", "alias live points at version 1", "2 of 3 functions", "prefers-color-scheme: dark"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
