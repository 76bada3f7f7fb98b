package manifest

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/atomicfile"
)

// SetDual sets "dual" of the environment env in the manifest in file, and
// reports whether that changes the file. It reads the file again and changes
// only that member, which it adds in the style of the other members if it is
// missing. The file is replaced atomically and keeps its permissions; a symbolic
// link is followed.
//
// A file with problems stays as it is; SetDual returns them as [Parse] does.
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
	_ = atomicfile.Clean(filepath.Dir(file), time.Hour) // of runs that were killed here
	if err != nil || e.Dual == dual {
		return false, err
	}
	if err := atomicfile.Replace(file, m.source.setMember(env, "dual", strconv.FormatBool(dual))); err != nil {
		return false, fmt.Errorf(`setting "dual" of environment %q to %t in %s: %w`, env, dual, file, err)
	}
	return true, nil
}

// setMember returns the file with the member name of the environment env set to
// value: in place, or added as the last member.
func (s source) setMember(env, name, value string) []byte {
	n := s.root.member("environments").member(env)
	if old := n.member(name); old != nil {
		return splice(s.data, old.start, old.end, value)
	}
	if len(n.children) == 0 {
		return splice(s.data, n.start+1, n.start+1, s.emptyStyle(n)+strconv.Quote(name)+s.colon(n)+value)
	}
	last := n.children[len(n.children)-1]
	colon := s.colon(last)
	return splice(s.data, last.end, last.end, s.separator(n, colon)+strconv.Quote(name)+colon+value)
}

// colon returns the colon of the member n with the space around it.
func (s source) colon(n *node) string {
	if colon := string(s.data[n.key.end:n.start]); !strings.Contains(colon, "\n") {
		return colon
	}
	return ": "
}

// separator returns what separates the members of the object n, which has at
// least one and a colon with the space around it.
func (s source) separator(n *node, colon string) string {
	if count := len(n.children); count > 1 {
		return string(s.data[n.children[count-2].end:n.children[count-1].key.start])
	}
	space := string(s.data[n.start+1 : n.children[0].key.start])
	if space == "" && colon != ":" {
		space = " " // as in {"a": 1}, which is not compact
	}
	return "," + space
}

// emptyStyle returns what to put before the first member of the empty
// environment n: its white space, indented by one level if it has a line break.
func (s source) emptyStyle(n *node) string {
	inside := string(s.data[n.start+1 : n.end-1])
	if i := strings.LastIndexByte(inside, '\n'); i >= 0 {
		two := inside[i+1:] // the indentation of the closing brace, on the second level
		inside += cmp.Or(two[:len(two)/2], "  ")
	}
	return inside
}

// splice returns data with the bytes from start to end replaced.
func splice(data []byte, start, end int, with string) []byte {
	return slices.Concat(data[:start], []byte(with), data[end:])
}
