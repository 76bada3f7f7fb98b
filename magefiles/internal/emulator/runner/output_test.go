package runner

import (
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is written before sync is in the log after it, in whole lines.
func TestOutput(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxLine)
	for _, test := range []struct {
		name   string
		writes []string // each followed by sync
		want   []string
	}{
		{"nothing", []string{""}, nil},
		{"lines", []string{"a\nb\n"}, []string{"a", "b"}},
		{"no newline", []string{"a", "b\n"}, []string{"a", "b"}},
		{"empty lines", []string{"\n\na\n\n", "\n"}, []string{"", "", "a", "", ""}},
		{"carriage return", []string{"a\r\n"}, []string{"a\r"}},
		{"zero bytes", []string{"\x00a\x00\n"}, []string{"\x00a\x00"}},
		{"maximum line", []string{long[1:] + "\n"}, []string{long[1:]}},
		{"cut line", []string{long + "yz\n"}, []string{long, "yz"}},
		{"cut line without an end", []string{long + long[:10]}, []string{long, long[:10]}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var logs strings.Builder
			o, err := newOutput("f", log.New(&logs, "", 0))
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range test.writes {
				if _, err := o.w.WriteString(text); err != nil {
					t.Fatal(err)
				}
				o.sync()
			}
			var got []string
			for line := range strings.Lines(logs.String()) {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(line, "f: "), "\n"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			o.close()
			o.sync() // returns after close
		})
	}
}

func TestSplitLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxLine)
	for _, test := range []struct {
		data    string
		atEOF   bool
		advance int
		line    string
	}{
		{"a\nb\n", false, 2, "a"},
		{"a", false, 0, ""},
		{"a", true, 1, "a"},
		{"", true, 0, ""},
		{long[1:] + "\n", false, maxLine, long[1:]},
		{long + "\n", false, maxLine, long},
		{long + "x", false, maxLine, long},
	} {
		if advance, line, err := splitLines([]byte(test.data), test.atEOF); advance != test.advance || string(line) != test.line || err != nil {
			t.Errorf("%d bytes at EOF %t: advance %d, %d bytes, %v; want %d, %d", len(test.data), test.atEOF, advance, len(line), err, test.advance, len(test.line))
		}
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	var logs strings.Builder
	o, err := newOutput("f", log.New(&logs, "", 0))
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	var all strings.Builder
	for i := range 1000 {
		fmt.Fprintln(&all, "line", i)
	}
	o.w.WriteString(all.String())
	o.sync()
	if !o.contains("line 999") || o.contains("line 1\n") {
		t.Error("the tail does not contain the last line, or contains the second")
	}
	if got, want := string(o.takeTail()), all.String()[all.Len()-tailSize:]; got != want {
		t.Errorf("the tail is %q, want %q", got, want)
	}
	o.println("new")
	if got := string(o.takeTail()); got != "new\n" {
		t.Errorf("the next tail is %q", got)
	}
}
