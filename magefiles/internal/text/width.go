package text

import (
	"strings"
	"unicode"

	"github.com/clipperhouse/displaywidth"
)

// ellipsis marks where text was left out.
const ellipsis = "…"

// Width returns the number of columns that s takes on a terminal: East Asian
// characters take two, combining ones and escape sequences none.
func Width(s string) int { return displaywidth.Options{ControlSequences: true}.String(s) }

// Shorten returns s in at most width columns, without its end if it is longer.
func Shorten(s string, width int) string {
	if width <= 0 {
		return ""
	}
	return displaywidth.TruncateString(s, width, ellipsis)
}

// ShortenMiddle returns s in at most width columns, without its middle if it is
// longer: names often differ at their end.
func ShortenMiddle(s string, width int) string {
	if Width(s) <= width || width < 4 {
		return Shorten(s, width)
	}
	head := displaywidth.TruncateString(s, (width-1)/2, "")
	room := width - 1 - Width(head)
	tail := ""
	for g := displaywidth.StringGraphemes(s); g.Next(); {
		tail += g.Value()
		for Width(tail) > room {
			first := displaywidth.StringGraphemes(tail)
			first.Next()
			tail = tail[len(first.Value()):]
		}
	}
	return head + ellipsis + tail
}

// Pad appends spaces until s takes so many columns.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-Width(s)))
}

// Line returns s in one line without control characters, which could move the
// cursor of a terminal.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// Wrap divides s between words into lines of at most width columns, or returns it
// as one line for a width of 0. A word that is longer has a line of its own.
func Wrap(s string, width int) []string {
	if width <= 0 {
		return []string{s}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		switch {
		case line == "":
			line = word
		case Width(line)+1+Width(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// Indent returns s after a prefix, in lines of at most width columns, or one line
// for a width of 0. The further lines are indented as far as the first.
func Indent(prefix, s string, width int) string {
	room := 0
	if width > 0 {
		room = max(1, width-Width(prefix))
	}
	return prefix + strings.Join(Wrap(s, room), "\n"+strings.Repeat(" ", Width(prefix))) + "\n"
}

// WrapLines returns lines of text with those divided between words that are wider
// than width columns, unless it is 0. The parts are indented as the text of the line
// is, behind spaces and dashes.
func WrapLines(s string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		if width <= 0 || Width(line) <= width {
			b.WriteString(line + "\n")
			continue
		}
		words := strings.TrimLeft(line, " -")
		b.WriteString(Indent(line[:len(line)-len(words)], words, width))
	}
	return b.String()
}

// Hang returns s in lines of at most width columns, or as it is for a width of 0.
// The lines after the first are indented.
func Hang(s string, width int) string {
	const indent = "    "
	if Width(s) <= width || width == 0 {
		return s + "\n"
	}
	return strings.Join(Wrap(s, max(1, width-len(indent))), "\n"+indent) + "\n"
}
