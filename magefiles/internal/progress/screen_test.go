package progress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
)

// vt is a terminal that knows the sequences of a screen, and no others.
type vt struct {
	mu       sync.Mutex
	height   int
	lines    [][]rune // with those that have scrolled off the screen
	row, col int      // row is an index into lines
	wrap     bool
	cursor   bool
	written  int
}

func newVT(height int) *vt {
	return &vt{height: height, lines: [][]rune{nil}, wrap: true, cursor: true}
}

func (v *vt) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.written++
	for s := []rune(string(p)); len(s) > 0; {
		switch {
		case s[0] == '\n': // the tty writes \r\n
			v.row, v.col = v.row+1, 0
			if v.row == len(v.lines) {
				v.lines = append(v.lines, nil)
			}
			s = s[1:]
		case s[0] == '\r':
			v.col = 0
			s = s[1:]
		case s[0] == '\x1b':
			end := strings.IndexFunc(string(s[2:]), func(r rune) bool { return r >= '@' && r <= '~' }) + 2
			if err := v.control(string(s[2:end]), s[end]); err != nil {
				return 0, err
			}
			s = s[end+1:]
		default:
			line := v.lines[v.row]
			for len(line) <= v.col {
				line = append(line, ' ')
			}
			line[v.col] = s[0]
			v.lines[v.row] = line
			v.col++
			s = s[1:]
		}
	}
	return len(p), nil
}

func (v *vt) control(parameter string, final rune) error {
	switch final {
	case 'A':
		n, err := strconv.Atoi(parameter)
		if err != nil {
			return err
		}
		v.row = max(v.row-n, len(v.lines)-v.height, 0)
	case 'J':
		v.lines = v.lines[:v.row+1]
		fallthrough
	case 'K':
		v.lines[v.row] = v.lines[v.row][:min(v.col, len(v.lines[v.row]))]
	case 'h', 'l':
		on := final == 'h'
		switch parameter {
		case "?7":
			v.wrap = on
		case "?25":
			v.cursor = on
		}
	case 'm':
	default:
		return fmt.Errorf("unknown sequence %q %q", parameter, final)
	}
	return nil
}

func (v *vt) String() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var lines []string
	for _, line := range v.lines {
		lines = append(lines, strings.TrimRight(string(line), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func (v *vt) want(t *testing.T, want ...string) {
	t.Helper()
	if got := v.String(); got != strings.Join(want, "\n") {
		t.Errorf("the screen is\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if !v.cursor || !v.wrap {
		t.Errorf("cursor %t, wrap %t between two writes", v.cursor, v.wrap)
	}
}

func TestScreen(t *testing.T) {
	v := newVT(6)
	s, size := screen{w: v}, Size{80, 6}
	io.WriteString(v, "$ mage\n")
	s.draw([]string{"title", "first", "second"}, size)
	v.want(t, "$ mage", "", "title", "first", "second")
	s.draw([]string{"title 2", "1st"}, size)
	v.want(t, "$ mage", "", "title 2", "1st")
	io.WriteString(v, "a message of mage\n") // which the screen does not know of
	s.draw([]string{"title 3", "1st", "2nd"}, size)
	v.want(t, "$ mage", "a message of mage", "", "title 3", "1st", "2nd")
	writes := v.written
	s.draw([]string{"title 3", "1st", "2nd"}, size)
	if v.written != writes {
		t.Error("the same lines are written again")
	}
	size.Width = 60
	s.draw([]string{"title 3", "1st", "2nd"}, size)
	if v.written != writes+1 {
		t.Error("the same lines are not written again after a resize")
	}
	v.want(t, "$ mage", "a message of mage", "", "title 3", "1st", "2nd")
	s.draw([]string{"title 4", "1st", "2nd", "3rd"}, size) // scrolls
	v.want(t, "$ mage", "a message of mage", "", "title 4", "1st", "2nd", "3rd")
	s.draw(nil, size)
	v.want(t, "$ mage", "a message of mage")
	s.leave([]string{"end", "1st"})
	io.WriteString(v, "$ ")
	v.want(t, "$ mage", "a message of mage", "end", "1st", "$")
}

// TestBoard shows a command on a terminal.
func TestBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVT(24)
		b := NewBoard(v, Options{Size: func() Size { return Size{80, 24} }})
		b.Post(Titled("deploy prod"))
		b.Linef("%d functions", 2)
		v.want(t, "    0.0s  2 functions", "", "    0.0s  deploy prod")
		b.Post(Counted{Stage: "reading", Noun: "function", Total: 1})
		time.Sleep(time.Second)
		synctest.Wait()
		v.want(t, "    0.0s  2 functions", "", "    1.0s  deploy prod", "  reading (0 of 1 function)")
		b.Post(Counted{Stage: "reading", Noun: "function", Done: 1, Total: 1})
		b.Post(Began{Functions: []string{"a"}})
		b.Post(Stepped{Function: "a", Step: fleet.Step{Kind: fleet.Settle, Delay: 9 * time.Second}, Ends: time.Now().Add(9 * time.Second)})
		time.Sleep(4 * time.Second)
		b.Linef("a note")
		header, row := "  FUNCTION  STEP                                            TIME", "  a         settle, 5.0s left                               4.0s"
		v.want(t, "    0.0s  2 functions", "    5.0s  a note", "", "    5.0s  deploy prod", header, row, "  0 of 1 function done, 1 settling", "  [####################--------------------]   51 %")
		asked := ""
		b.Do(func() { asked = v.String() })
		if asked != "    0.0s  2 functions\n    5.0s  a note" {
			t.Errorf("a question is asked below\n%s", asked)
		}
		b.Post(Finished{Function: "a", Outcome: Changed, Text: "go1.x → provided.al2023"})
		b.Stop()
		b.Stop()
		b.Linef("the end")
		row = "  a         done, go1.x → provided.al2023                   4.0s"
		v.want(t, "    0.0s  2 functions", "    5.0s  a note", "    5.0s  deploy prod", header, row, "  1 of 1 function done", "  [########################################]  100 %", "    5.0s  the end")
	})
}

// TestBoardInterrupted shows a line instead of the table until the command ends:
// mage may end the program before.
func TestBoardInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVT(24)
		b := NewBoard(v, Options{Size: func() Size { return Size{80, 24} }})
		b.Post(Titled("deploy prod"))
		b.Post(Began{Functions: []string{"a"}})
		time.Sleep(time.Second)
		io.WriteString(v, "^C")
		io.WriteString(v, "a message of mage\n")
		b.Post(Interrupted{})
		time.Sleep(time.Second)
		b.Linef("a note")
		time.Sleep(2*time.Second + refresh/2)
		const still = "    4.0s  still waiting for the answers to calls in flight"
		v.want(t, "^Ca message of mage", "    1.0s  interrupted: waiting for the answers to calls in flight", "    2.0s  a note", still)
		b.Post(Finished{Function: "a", Outcome: Stopped, Text: "while settling"})
		b.Stop()
		v.want(t, "^Ca message of mage", "    1.0s  interrupted: waiting for the answers to calls in flight", "    2.0s  a note", still,
			"    4.0s  deploy prod: interrupted", "  FUNCTION  STEP                                            TIME", "  a         stopped while settling                          0.0s",
			"  0 of 1 function done, 1 stopped", "  [----------------------------------------]    0 %")
	})
}

// TestLines shows a command in lines.
func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := NewBoard(&out, Options{Group: true})
		b.Post(Titled("deploy prod"))
		time.Sleep(3 * time.Second)
		b.Post(Counted{Stage: "building", Noun: "binary", Total: 8})
		time.Sleep(1750 * time.Millisecond)
		b.Linef("a note")
		time.Sleep(time.Second)
		b.Post(Counted{Stage: "building", Noun: "binary", Done: 3, Total: 8})
		time.Sleep(2 * time.Second)
		b.Post(Counted{Stage: "building", Noun: "binary", Done: 8, Total: 8})
		b.Stop()
		time.Sleep(time.Minute) // nothing goes on
		want := `::group::deploy prod
    2.0s  still working on deploy prod
    4.0s  still building (0 of 8 binaries)
    4.8s  a note
    6.7s  still building (3 of 8 binaries)
::endgroup::
`
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", out.String(), want)
		}
	})
}

// TestAnnouncedSilence says once until when functions settle, and again after
// another line.
func TestAnnouncedSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := NewBoard(&out, Options{})
		settle := func(name string, delay time.Duration) {
			b.Post(Stepped{Function: name, Step: fleet.Step{Kind: fleet.Settle, Delay: delay}, Ends: time.Now().Add(delay)})
		}
		b.Post(Titled("deploy prod"))
		b.Post(Began{Functions: []string{"a", "b"}})
		settle("a", 30*time.Second)
		settle("b", time.Minute)
		time.Sleep(20 * time.Second)
		b.Linef("a note")
		time.Sleep(5*time.Second - refresh/2)
		b.Post(Stepped{Function: "b", Queued: true}) // writes no line, and is not to wait for
		time.Sleep(3 * time.Second)
		settle("b", time.Minute)
		time.Sleep(5 * time.Second)
		b.Stop()
		want := `    2.0s  still 0 of 2 functions done, 2 settling; next step at HH:MM:30, in 28s
   20.0s  a note
   22.0s  still 0 of 2 functions done, 2 settling; next step at HH:MM:30, in 8.0s
   26.9s  still 0 of 2 functions done, 1 settling, 1 queued
   28.9s  still 0 of 2 functions done, 2 settling; next step at HH:MM:30, in 1.1s
   32.0s  still 0 of 2 functions done, 2 settling
`
		got := regexp.MustCompile(`\d\d:\d\d:`).ReplaceAllString(out.String(), "HH:MM:")
		if got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// TestLateTick checks that a tick that waited while a question was asked writes
// nothing after the end.
func TestLateTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVT(24)
		b := NewBoard(v, Options{Size: func() Size { return Size{80, 24} }})
		b.Post(Titled("deploy prod"))
		b.Stop()
		time.Sleep(time.Minute)
		before := v.String()
		b.tick()
		if got := v.String(); got != before {
			t.Errorf("it writes\n%s", got)
		}
	})
}

// TestPanic leaves a usable terminal behind.
func TestPanic(t *testing.T) {
	v := newVT(24)
	b := NewBoard(v, Options{Size: func() Size { return Size{80, 24} }})
	err := func() (err error) {
		defer func() { err, _ = recover().(error) }()
		defer b.Stop()
		b.Post(Began{Functions: []string{"a"}})
		b.Linef("before")
		panic(errors.New("a bug"))
	}()
	if err == nil || !strings.HasSuffix(v.String(), "[----------------------------------------]    0 %") || !v.cursor {
		t.Errorf("%v, and the screen is\n%s", err, v)
	}
}
