package manifest

import (
	"fmt"
	"strings"
	"testing"
)

func TestSuggest(t *testing.T) {
	fruits := []string{"apple", "apricot", "banana", "fig"}
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("name-%02d", i))
	}
	for _, test := range []struct {
		name  string
		known []string
		want  string
	}{
		{"aple", fruits, `did you mean "apple"?`},
		{"appel", fruits, `did you mean "apple"?`},
		{"fgi", fruits, `did you mean "fig"?`},
		{"BANANA", fruits, `did you mean "banana"?`},
		{"ban", fruits, `did you mean "banana"?`},
		{"figs", fruits, `did you mean "fig"?`},
		{"apricot-tree", fruits, `did you mean "apricot"?`},
		{"cherry", fruits, "known: apple, apricot, banana, fig"},
		{"f", fruits, "known: apple, apricot, banana, fig"},
		{"", fruits, "known: apple, apricot, banana, fig"},
		{"x", nil, ""},
		{"x", many[:21], "known: " + strings.Join(many[:21], ", ")},
		{"x", many, "known: " + strings.Join(many[:20], ", ") + " and 10 more"},
		{strings.Repeat("apple", 100), fruits, "known: apple, apricot, banana, fig"},
	} {
		if got := suggest(test.name, test.known); got != test.want {
			t.Errorf("suggest(%q): got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "abc", 0},
		{"abc", "abd", 1},
		{"abc", "acb", 1},
		{"abc", "bca", 2},
		{"kitten", "sitting", 3},
		{"関数", "関", 1},
	} {
		if got := distance([]rune(test.a), []rune(test.b)); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance([]rune(test.b), []rune(test.a)); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

func TestQuote(t *testing.T) {
	if got, want := quote(strings.Repeat("あ", 100)), `"`+strings.Repeat("あ", 80)+`…"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
