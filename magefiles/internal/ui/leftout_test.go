package ui_test

import (
	"fmt"
	"testing"

	"example.com/dualboot/magefiles/internal/match"
	"example.com/dualboot/magefiles/internal/ui"
	"github.com/google/go-cmp/cmp"
)

func TestLeftOut(t *testing.T) {
	var list []match.Unmatched
	for i := range 200 {
		list = append(list, match.Unmatched{Name: fmt.Sprintf("stg-%03d", i), Reason: fmt.Sprintf("./%03d is prod-%03d", i, i), Group: "other functions already use the packages with similar names"})
	}
	list = append(list, match.Unmatched{Name: "prod-x", Reason: "no package has a similar name", Group: "no package has a similar name"})
	for _, name := range []string{"./a", "./b", "./c", "./d"} {
		list = append(list, match.Unmatched{Name: name, Reason: "no function has a similar name"})
	}
	list = append(list, match.Unmatched{Name: "./e", Reason: "it may be x or y", Group: "more than one function has a similar name"})
	want := []string{
		"left out 200 functions: other functions already use the packages with similar names: stg-000, stg-001, stg-002, stg-003, stg-004 and 195 more",
		"left out prod-x: no package has a similar name",
		"left out 4 packages: no function has a similar name: ./a, ./b, ./c, ./d",
		"left out ./e: it may be x or y",
		"mage audit lists them all",
	}
	if diff := cmp.Diff(want, ui.LeftOut(list, "mage audit")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := ui.LeftOut(list[200:], "mage audit"); len(got) != len(want)-2 {
		t.Errorf("with names of all functions: %q", got)
	}
}
