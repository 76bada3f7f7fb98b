package ui

import "testing"

func TestQuestion(t *testing.T) {
	q := Question{Reasons: []string{"a reason that is long", "another"}, Text: "prod: continue with the other 2 functions?"}
	for width, want := range map[int]string{
		0:  "a reason that is long\nanother\nprod: continue with the other 2 functions? [y/N] ",
		20: "a reason that is\n    long\nanother\nprod: continue\n    with the other\n    2 functions?\n    [y/N] ",
	} {
		if got := q.format(width); got != want {
			t.Errorf("at %d columns: %q, want %q", width, got, want)
		}
	}
}
