package terraform

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	udiff "github.com/aymanbagabas/go-udiff"

	"example.com/dualboot/magefiles/internal/atomicfile"
)

// A fileEdit replaces the content of a file.
type fileEdit struct {
	source
	after []byte
	diff  string
}

// edit makes the changes in memory and returns the edited project.
func (r *Result) edit(p *project) (*project, error) {
	content := map[string][]byte{}
	for _, s := range p.sources() {
		var edits []udiff.Edit
		for l, text := range r.literals {
			if l.at.Filename == s.file {
				edits = append(edits, udiff.Edit{Start: l.at.Start.Byte, End: l.at.End.Byte, New: strconv.Quote(text)})
			}
		}
		if len(edits) == 0 {
			continue
		}
		after, err := udiff.ApplyBytes(s.data, edits)
		if err != nil {
			return nil, fmt.Errorf("editing %s: %w", s.file, err)
		}
		name := filepath.ToSlash(s.file)
		diff, err := udiff.ToUnifiedDiff(name, name, string(s.data), edits, udiff.DefaultContextLines)
		if err != nil {
			return nil, fmt.Errorf("comparing %s with its edited text: %w", s.file, err)
		}
		for _, hunk := range diff.Hunks {
			hunk.ToLine = hunk.FromLine // no edit adds a line; go-udiff v0.4.1 miscounts after a hunk with two edits
		}
		content[s.file] = after
		r.edits = append(r.edits, fileEdit{s, after, diff.String()})
	}
	return p.edited(content), nil
}

// Diff returns the changes as a unified diff, or "" if there are none.
func (r *Result) Diff() string {
	var b strings.Builder
	for _, e := range r.edits {
		b.WriteString(e.diff)
	}
	return b.String()
}

// Write makes the changes. It replaces each file in one step, keeps its mode and
// follows symbolic links. If any of the files has changed since Read, Write
// writes nothing and returns an error.
func (r *Result) Write() error {
	for _, e := range r.edits {
		now, err := readSource(e.file)
		if err != nil {
			return err
		}
		if !bytes.Equal(now.data, e.data) {
			return fmt.Errorf("%s has changed since it was read; nothing was written, run the command again", e.file)
		}
	}
	for _, e := range r.edits {
		if err := atomicfile.Replace(e.file, e.after); err != nil {
			return fmt.Errorf("writing %s: %w", e.file, err)
		}
	}
	return nil
}
