package manifest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/dualboot/magefiles/internal/atomicfile"
)

// SetDual sets the member "dual" of the environment called env in the manifest
// in file. It reads the file now, changes only the bytes of that member, or adds
// it in the style of its neighbours, and replaces the file in one step, keeping
// its mode. If the environment says so already, it writes nothing.
//
// A file with problems is left as it is, and they are returned as [Problems],
// without a look at the packages. A symbolic link is followed.
func SetDual(file, env string, dual bool) (changed bool, err error) {
	data, err := read(file)
	if err != nil {
		return false, err
	}
	m, err := Parse(file, data)
	if err != nil {
		return false, err
	}
	e, err := m.Environment(env)
	if err != nil {
		return false, err
	}
	if e.Dual == dual {
		return false, nil
	}
	edited := setMember(data, m.source.root.member("environments").member(env), "dual", strconv.FormatBool(dual))
	if err := atomicfile.Replace(file, edited); err != nil {
		return false, fmt.Errorf(`setting "dual" of environment %q to %t in %s: %w`, env, dual, file, err)
	}
	return true, nil
}

// setMember returns data with the member called name of the object n set to
// value: in place if n has the member, or else as its last one.
func setMember(data []byte, n *node, name, value string) []byte {
	if old := n.member(name); old != nil {
		return splice(data, old.start, old.end, value)
	}
	colon := betweenNameAndValue(data, n)
	if len(n.children) == 0 {
		return addOnly(data, n, strconv.Quote(name)+colon+value)
	}
	last := n.children[len(n.children)-1]
	colon = betweenNameAndValue(data, last)
	return splice(data, last.end, last.end, separator(data, n, colon)+strconv.Quote(name)+colon+value)
}

// separator returns what stands between the members of the object n, which has
// at least one: what stands before its last member, if that is not the first.
func separator(data []byte, n *node, colon string) string {
	if count := len(n.children); count > 1 {
		return string(data[n.children[count-2].end:n.children[count-1].nameStart])
	}
	space := string(data[n.start+1 : n.children[0].nameStart])
	if space == "" && len(colon) > 1 {
		space = " " // as in {"a": 1}, which is not compact
	}
	return "," + space
}

// addOnly returns data with member added to the empty object n, on its line, or
// on a line of its own if the braces are on two.
func addOnly(data []byte, n *node, member string) []byte {
	inside := data[n.start+1 : n.end-1]
	newline := bytes.LastIndexByte(inside, '\n')
	if newline < 0 {
		return splice(data, n.start+1, n.start+1, string(inside)+member)
	}
	eol := "\n"
	if newline > 0 && inside[newline-1] == '\r' {
		eol = "\r\n"
	}
	indent := string(inside[newline+1:]) + indentation(data, n)
	return splice(data, n.start+1, n.start+1, eol+indent+member)
}

// indentation returns the white space by which the file of n is indented for
// one level: that of the first member at the top, or else two spaces.
func indentation(data []byte, n *node) string {
	for n.parent != nil {
		n = n.parent
	}
	before := data[n.start+1 : n.children[0].nameStart]
	if newline := bytes.LastIndexByte(before, '\n'); newline >= 0 && newline+1 < len(before) {
		return string(before[newline+1:])
	}
	return "  "
}

// betweenNameAndValue returns the colon of the member n with the space around
// it.
func betweenNameAndValue(data []byte, n *node) string {
	if colon := string(data[n.nameEnd:n.start]); !strings.Contains(colon, "\n") {
		return colon
	}
	return ": "
}

func splice(data []byte, start, end int, with string) []byte {
	return slices.Concat(data[:start], []byte(with), data[end:])
}
