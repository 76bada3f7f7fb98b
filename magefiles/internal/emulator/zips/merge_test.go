package zips

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	s := NewStore(t.TempDir(), 100)
	add := func(entries ...entry) *Package {
		t.Helper()
		p, err := s.Add(makeZip(t, entries...))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := add(entry{"bootstrap", 0o755, "#!/bin/sh\n# first"}, entry{"lib/a", 0o644, "a"}, entry{"tool", 0o777 | fs.ModeSymlink, "lib/a"}, entry{"empty/", 0o755 | fs.ModeDir, ""})
	second := add(entry{"bootstrap", 0o644, "#!/bin/sh\n# second"}, entry{"lib/b", 0o644, "b"}, entry{"tool", 0o755, "#!x"})
	if p, err := s.Merge(); p != nil || err != nil {
		t.Errorf("nothing merges to %v, %v", p, err)
	}
	if p, err := s.Merge(first); p != first || err != nil {
		t.Errorf("one package merges to %v, %v", p, err)
	}
	s.Release(first)

	merged, err := s.Merge(first, second)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Merge(first, second)
	if err != nil || again != merged {
		t.Errorf("merging again makes %v, %v", again, err)
	}
	s.Release(again)
	if got := merged.Files(); !slices.Equal(got, []string{"bootstrap", "lib/a", "lib/b", "tool"}) {
		t.Errorf("files are %v", got)
	}
	if err := merged.Startable("bootstrap", 0); !errors.Is(err, fs.ErrPermission) || merged.Script("bootstrap") != "" || merged.Script("tool") != "#!x" {
		t.Errorf("the bootstrap is startable: %v; scripts %q, %q", err, merged.Script("bootstrap"), merged.Script("tool"))
	}
	other, err := s.Merge(second, first)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Startable("bootstrap", 0); err != nil || other.Script("bootstrap") != "#!/bin/sh\n# first" {
		t.Errorf("in the other order: %v, %q", err, other.Script("bootstrap"))
	}
	if target, err := os.Readlink(filepath.Join(other.Root, "tool")); target != "lib/a" {
		t.Errorf("in the other order the link is %q, %v", target, err)
	}

	// The merged files outlive the parts, and all disappear with their last use.
	s.Release(first)
	s.Release(second)
	for name, want := range map[string]string{"bootstrap": "#!/bin/sh\n# second", "lib/a": "a", "lib/b": "b", "tool": "#!x"} {
		if got, err := os.ReadFile(filepath.Join(merged.Root, name)); string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if info, err := os.Stat(filepath.Join(merged.Root, "empty")); err != nil || !info.IsDir() || info.Mode().Perm() != 0o555 {
		t.Errorf("the empty directory: %v, %v", info, err)
	}
	for _, p := range []*Package{merged, other} {
		s.Release(p)
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestMergeConflicts(t *testing.T) {
	t.Parallel()
	s := NewStore(t.TempDir(), 100)
	asFile, err := s.Add(makeZip(t, entry{"x", 0o644, ""}))
	asDirectory, err2 := s.Add(makeZip(t, entry{"x/y", 0o644, ""}))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	for _, parts := range [][]*Package{{asFile, asDirectory}, {asDirectory, asFile}} {
		_, err := s.Merge(parts...)
		if refusal, ok := errors.AsType[Refusal](err); !ok || refusal.Error() != `The layers cannot be merged: "x" is a file in one and a directory in another.` {
			t.Errorf("error %v", err)
		}
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 4 {
		t.Errorf("beside two packages there is %v, %v", left, err)
	}
}
