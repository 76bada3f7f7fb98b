package terraform

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	udiff "github.com/aymanbagabas/go-udiff"

	"example.com/dualboot/magefiles/internal/atomicfile"
)

// edited is a file with changes.
type edited struct {
	file          string
	before, after []byte
	edits         []udiff.Edit
	diff          string
}

// edit makes the changes in memory: to is what literals become.
func (r *Result) edit(read []source, to map[literal]string) error {
	for _, s := range read {
		e := edited{file: s.file, before: s.data}
		for l, value := range to {
			if l.at.Filename == s.file {
				e.edits = append(e.edits, udiff.Edit{Start: l.at.Start.Byte, End: l.at.End.Byte, New: strconv.Quote(value)})
			}
		}
		if len(e.edits) == 0 {
			continue
		}
		slices.SortFunc(e.edits, func(a, b udiff.Edit) int { return cmp.Compare(a.Start, b.Start) })
		var err error
		if e.after, err = udiff.ApplyBytes(s.data, e.edits); err != nil {
			return fmt.Errorf("changing %s: %w", s.file, err)
		}
		if e.diff, err = diff(filepath.ToSlash(s.file), string(s.data), e.edits); err != nil {
			return fmt.Errorf("comparing %s: %w", s.file, err)
		}
		r.edited = append(r.edited, e)
	}
	return nil
}

func diff(name, before string, edits []udiff.Edit) (string, error) {
	u, err := udiff.ToUnifiedDiff(name, name, before, edits, udiff.DefaultContextLines)
	for _, hunk := range u.Hunks {
		hunk.ToLine = hunk.FromLine // no edit adds a line; go-udiff v0.4.1 loses count where a hunk has two
	}
	return u.String(), err
}

// Diff returns the changes as a unified diff, and nothing if there are none.
func (r *Result) Diff() string {
	var b strings.Builder
	for _, e := range r.edited {
		b.WriteString(e.diff)
	}
	return b.String()
}

// Write makes the changes. Each file is replaced in one step and keeps its
// mode; a symbolic link is followed. If one of the files is no longer as it was
// read, nothing is written.
func (r *Result) Write() error {
	for _, e := range r.edited {
		now, err := os.ReadFile(e.file)
		if err != nil {
			return fmt.Errorf("changing %s: %w", e.file, err)
		}
		if !bytes.Equal(now, e.before) {
			return fmt.Errorf("%s has changed since it was read; nothing was written, run the command again", e.file)
		}
	}
	for _, e := range r.edited {
		if err := atomicfile.Replace(e.file, e.after); err != nil {
			return fmt.Errorf("changing %s: %w", e.file, err)
		}
	}
	return nil
}
