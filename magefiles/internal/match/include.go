package match

import (
	"io/fs"
	"slices"
	"strings"
)

// Include proposes "include" for a function. Dir is its package directory, and
// files are the names of the files in its deployed zip, without the binaries. The
// patterns match those of the files that are in dir, and no others; missing are
// the rest. Both are sorted.
//
// A pattern is the name of a file, or DIRECTORY/** if all files of the directory,
// in the zip and on disk, are the same ones.
func Include(dir fs.FS, files []string) (patterns, missing []string) {
	p := proposal{dir: dir, present: map[string]bool{}, known: map[string]bool{}}
	for _, name := range files {
		if info, err := fs.Stat(dir, name); err == nil && info.Mode().IsRegular() {
			p.present[name] = true
		} else {
			p.missing = append(p.missing, name)
		}
	}
	for name := range p.present {
		patterns = append(patterns, p.pattern(name))
	}
	slices.Sort(patterns)
	slices.Sort(p.missing)
	return slices.Compact(patterns), slices.Compact(p.missing)
}

// proposal is what [Include] knows.
type proposal struct {
	dir     fs.FS
	present map[string]bool // files in the zip and in dir
	missing []string        // files in the zip only
	known   map[string]bool // results of whole
}

// pattern returns the pattern for a file: of the topmost directory that is whole,
// or of the file alone.
func (p *proposal) pattern(name string) string {
	for i, c := range name {
		if c == '/' && p.whole(name[:i]) {
			return literal(name[:i]) + "/**"
		}
	}
	return literal(name)
}

// whole reports whether the directory has the same files in the zip and on disk.
func (p *proposal) whole(directory string) bool {
	if whole, ok := p.known[directory]; ok {
		return whole
	}
	whole := !slices.ContainsFunc(p.missing, func(name string) bool { return strings.HasPrefix(name, directory+"/") })
	err := fs.WalkDir(p.dir, directory, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() && !p.present[name] {
			whole = false
		}
		if !whole {
			return fs.SkipAll
		}
		return nil
	})
	p.known[directory] = whole && err == nil
	return p.known[directory]
}

// literal returns a pattern that matches the name only. Patterns have no
// backslashes, and no braces in brackets, so any character stands for one.
func literal(name string) string { return literals.Replace(name) }

var literals = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]", "{", "?", "}", "?", ",", "[,]", "~", "[~]", ":", "[:]", `\`, "?")
