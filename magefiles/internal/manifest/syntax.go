package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// explain says in plain words what broke the syntax of data. The decoder had
// read up to offset before, inside a value of the kind, with length names and
// values in it so far, when it reported err.
func explain(data []byte, before int, kind jsontext.Kind, length int64, err error) finding {
	at := skip(data, before) // where the token begins that cannot be read
	syntax := new(jsontext.SyntacticError)
	if !errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		return brokenOff(data, at, kind)
	}
	off := bomLength(data) + int(syntax.ByteOffset) // where it cannot go on
	if off > at {
		return inToken(data, at, off)
	}

	at = off
	c, _ := utf8.DecodeRune(data[at:])
	inObject, named := kind == jsontext.KindBeginObject, length%2 == 1
	between := data[before:at] // white space, and a separator if there was one
	separated := bytes.ContainsAny(between, ",:")
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return finding{0, "", "the file is not UTF-8 but UTF-16", "save it as UTF-8"}
	case bytes.HasPrefix(data[at:], []byte("//")) || bytes.HasPrefix(data[at:], []byte("/*")) || c == '#':
		return finding{at, "", "JSON has no comments", "remove it"}
	case inObject && named && !separated:
		return finding{at, "", fmt.Sprintf("expected a colon after the member name, found %q", c), `write "name": value`}
	case c == ',' && bytes.ContainsAny(following(data, at), "}]"):
		return finding{at, "", "trailing comma", "remove it"}
	case c == ',':
		return finding{at, "", "a comma with nothing before it", "remove it"}
	case length > 0 && !separated && kind != jsontext.KindInvalid:
		return unseparated(data, at, c, kind)
	case c == '\'' || c == '`' || c == '“' || c == '”' || c == '‘' || c == '’':
		return finding{at, "", fmt.Sprintf("expected double quotes, found %c", c), `write "text"`}
	case inObject && !named && isWord(c):
		return finding{at, "", fmt.Sprintf("member name %s without quotes", shorten(word(data[at:]))), "write " + quote(word(data[at:]))}
	case inObject && !named:
		return finding{at, "", fmt.Sprintf("expected a member name in double quotes, found %q", c), ""}
	case c == '}' || c == ']':
		return finding{at, "", fmt.Sprintf("expected a value, found %q", c), ""}
	case c == '+' || c == '.':
		return finding{at, "", "malformed number", "write digits, as in 0.5"}
	case isWord(c):
		return bareWord(data, at)
	case c != utf8.RuneError:
		return finding{at, "", fmt.Sprintf("unexpected %q", c), ""}
	}
	return finding{at, "", "the file is not UTF-8", "save it as UTF-8"}
}

// brokenOff explains that data ends too early, inside a value of the kind. The
// last token, perhaps cut short, begins at the offset.
func brokenOff(data []byte, at int, kind jsontext.Kind) finding {
	end := len(bytes.TrimRight(data, " \t\r\n"))
	switch {
	case end <= bomLength(data):
		return finding{0, "", "the file is empty", "it needs environments and functions"}
	case at < end && data[at] == '"':
		return finding{at, "", "the string is never closed", `add the missing "`}
	case kind == jsontext.KindBeginObject:
		return finding{end, "", "the file ends inside an object", "a closing } is missing"}
	case kind == jsontext.KindBeginArray:
		return finding{end, "", "the file ends inside an array", "a closing ] is missing"}
	}
	return finding{end, "", "the file ends too early", ""}
}

// inToken explains what is wrong at offset off inside the token that begins at
// offset at.
func inToken(data []byte, at, off int) finding {
	c := data[off]
	switch {
	case unicode.IsLetter(rune(data[at])):
		return bareWord(data, at)
	case data[at] != '"':
		return finding{at, "", "malformed number", "write digits, as in 0.5"}
	case c == '\n' || c == '\r':
		return finding{off, "", "line break in a string", `close the string with ", or write \n`}
	case c < ' ':
		return finding{off, "", fmt.Sprintf("control character in a string, %q", c), fmt.Sprintf(`write \u%04x`, c)}
	case c == '\\':
		return finding{off, "", "invalid escape sequence in a string", `write \\ for a backslash`}
	}
	return finding{off, "", "the file is not UTF-8", "save it as UTF-8"}
}

// unseparated explains a value that follows another one without a comma.
func unseparated(data []byte, at int, c rune, kind jsontext.Kind) finding {
	end := '}'
	if kind == jsontext.KindBeginArray {
		end = ']'
	}
	switch {
	case '0' <= c && c <= '9' && data[at-1] == '0':
		return finding{at - 1, "", "a number cannot begin with 0", fmt.Sprintf("write %s if it is not a number", quote(word(data[at-1:])))}
	case c == '}' || c == ']':
		return finding{at, "", fmt.Sprintf("expected %q, found %q", end, c), ""}
	case c == '"' || c == '{' || c == '[' || isWord(c):
		return finding{at, "", "missing comma", "put a comma before it"}
	}
	return finding{at, "", fmt.Sprintf("expected ',' or %q, found %q", end, c), ""}
}

// bareWord explains a word where a value is expected.
func bareWord(data []byte, at int) finding {
	w := word(data[at:])
	switch lower := strings.ToLower(w); lower {
	case "true", "false":
		return finding{at, "", "unexpected " + w, "write " + lower}
	default:
		return finding{at, "", "unexpected " + shorten(w), fmt.Sprintf("write %s, or true or false", quote(w))}
	}
}

// following returns the first byte after offset at that is not white space.
func following(data []byte, at int) []byte {
	rest := bytes.TrimLeft(data[at+1:], " \t\r\n")
	return rest[:min(1, len(rest))]
}

// word returns the letters, digits and the like that data begins with.
func word(data []byte) string {
	n := bytes.IndexFunc(data, func(r rune) bool { return !isWord(r) && r != '-' && r != '.' && r != '$' })
	if n < 0 {
		n = len(data)
	}
	return string(data[:n])
}

func isWord(r rune) bool {
	return r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
