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

// explain describes a syntax error and returns its offset. The decoder had read
// data up to the offset before, inside a value of the kind with length names and
// values so far, when it returned err.
func explain(data []byte, before int, kind jsontext.Kind, length int64, err error) (int, fault) {
	at := skip(data, before) // where the unreadable token begins
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok || errors.Is(err, io.ErrUnexpectedEOF) {
		return endOfFile(data, at, kind)
	}
	off := int(syntax.ByteOffset) // where reading stopped
	if off > at {
		return insideToken(data, at, off)
	}

	at = off
	rest := data[at:]
	c, _ := utf8.DecodeRune(rest)
	inObject := kind == jsontext.KindBeginObject
	afterName := inObject && length%2 == 1
	separated := bytes.ContainsAny(data[before:at], ",:")
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return 0, fault{"the file is UTF-16, not UTF-8", "save it as UTF-8"}
	case bytes.HasPrefix(rest, []byte("//")), bytes.HasPrefix(rest, []byte("/*")), c == '#':
		return at, fault{"JSON does not allow comments", "remove it"}
	case afterName && !separated:
		return at, fault{fmt.Sprintf("expected a colon after the member name, found %q", c), `write "name": value`}
	case c == ',' && isClosing(bytes.TrimLeft(rest[1:], " \t\r\n")):
		return at, fault{"trailing comma", "remove it"}
	case c == ',':
		return at, fault{"comma without a value before it", "remove it"}
	case length > 0 && !separated:
		return unseparated(data, at, kind)
	case strings.ContainsRune("'`“”‘’", c):
		return at, fault{fmt.Sprintf("expected double quotes, found %c", c), `write "text"`}
	case inObject && !afterName && isWord(c):
		return at, fault{fmt.Sprintf("member name %s without quotes", shorten(word(rest))), "write " + quote(word(rest))}
	case inObject && !afterName:
		return at, fault{fmt.Sprintf("expected a member name in double quotes, found %q", c), ""}
	case isClosing(rest):
		return at, fault{fmt.Sprintf("expected a value, found %q", c), ""}
	case c == '+' || c == '.':
		return at, malformedNumber
	case isWord(c):
		return at, bareWord(rest)
	case c != utf8.RuneError:
		return at, fault{fmt.Sprintf("unexpected %q", c), ""}
	}
	return at, notUTF8
}

var (
	malformedNumber = fault{"malformed number", "write digits, as in 0.5"}
	notUTF8         = fault{"the file is not UTF-8", "save it as UTF-8"}
)

// endOfFile describes the end of data inside a value of the kind. The last
// token, which may be cut off, begins at the offset at.
func endOfFile(data []byte, at int, kind jsontext.Kind) (int, fault) {
	end := len(bytes.TrimRight(data, " \t\r\n"))
	switch {
	case end == 0:
		return 0, fault{"the file is empty", "it needs environments and functions"}
	case at < end && data[at] == '"':
		return at, fault{"the string is never closed", `add the missing "`}
	case kind == jsontext.KindBeginObject:
		return end, fault{"the file ends inside an object", "add the missing }"}
	case kind == jsontext.KindBeginArray:
		return end, fault{"the file ends inside an array", "add the missing ]"}
	}
	return end, fault{"the file ends too early", ""}
}

// insideToken describes the error at the offset off inside the token at the
// offset at.
func insideToken(data []byte, at, off int) (int, fault) {
	c := data[off]
	switch {
	case unicode.IsLetter(rune(data[at])):
		return at, bareWord(data[at:])
	case data[at] != '"':
		return at, malformedNumber
	case c == '\n' || c == '\r':
		return off, fault{"line break in a string", `close the string with ", or write \n`}
	case c < ' ':
		return off, fault{fmt.Sprintf("control character %q in a string", c), fmt.Sprintf(`write \u%04x`, c)}
	case c == '\\':
		return off, fault{"invalid escape sequence in a string", `write \\ for a backslash`}
	}
	return off, notUTF8
}

// unseparated describes a value that follows another one without a comma.
func unseparated(data []byte, at int, kind jsontext.Kind) (int, fault) {
	end := '}'
	if kind == jsontext.KindBeginArray {
		end = ']'
	}
	c, _ := utf8.DecodeRune(data[at:])
	switch {
	case '0' <= c && c <= '9' && data[at-1] == '0':
		return at - 1, fault{"a number cannot begin with 0", fmt.Sprintf("write %s if it is not a number", quote(word(data[at-1:])))}
	case isClosing(data[at:]):
		return at, fault{fmt.Sprintf("expected %q, found %q", end, c), ""}
	case c == '"' || c == '{' || c == '[' || isWord(c):
		return at, fault{"missing comma", "put a comma before it"}
	}
	return at, fault{fmt.Sprintf("expected ',' or %q, found %q", end, c), ""}
}

// bareWord describes a word where a value is expected.
func bareWord(data []byte) fault {
	w := word(data)
	hint := fmt.Sprintf("write %s, or true or false", quote(w))
	if lower := strings.ToLower(w); lower == "true" || lower == "false" {
		hint = "write " + lower
	}
	return fault{"unexpected " + shorten(w), hint}
}

// isClosing reports whether data begins with a closing brace or bracket.
func isClosing(data []byte) bool {
	return len(data) > 0 && (data[0] == '}' || data[0] == ']')
}

// word returns the letters, digits and similar characters that data begins with.
func word(data []byte) string {
	n := bytes.IndexFunc(data, func(r rune) bool { return !isWord(r) && !strings.ContainsRune("-.$", r) })
	if n < 0 {
		n = len(data)
	}
	return string(data[:n])
}

func isWord(r rune) bool {
	return r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
