// Package zips keeps deployment packages on disk, zipped and unpacked. Equal
// packages are kept once.
package zips

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/base64"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// Store keeps the packages in use. Its methods may be called concurrently.
type Store struct {
	dir         string
	maxUnzipped int64

	mu       sync.Mutex
	packages map[string]*Package // by CodeSha256
	added    int                 // numbers the directories
}

// Package is a deployment package. It does not change.
type Package struct {
	CodeSha256 string // standard base64, as in the API
	Size       int64  // of the zip in bytes
	Zip        string // path of the zip
	Root       string // path of the directory with the unpacked files

	files    map[string]file
	unzipped int64 // size of the files in bytes, as the zip declares it
	users    int   // guarded by the store's mutex
	unpack   func() error
}

type file struct {
	mode    fs.FileMode // as in the zip
	size    int64       // in bytes
	machine elf.Machine // that an executable file is built for, EM_NONE if it is not ELF
	script  string      // content of an executable file that begins with "#!", if it is short
	link    string      // the name that a symbolic link leads to
}

// maxLinks is how many symbolic links in a row are followed, as by Linux.
const maxLinks = 40

// find returns the file of that name, or the one that symbolic links of that name
// lead to.
func (p *Package) find(name string) (f file, err error) {
	for range maxLinks {
		f, ok := p.files[name]
		if !ok {
			return file{}, syscall.ENOENT
		}
		if f.link == "" {
			return f, nil
		}
		name = f.link
	}
	return file{}, syscall.ELOOP
}

// NewStore returns a store that keeps its packages in dir and refuses those
// with maxUnzipped bytes or more unzipped.
func NewStore(dir string, maxUnzipped int64) *Store {
	return &Store{dir: dir, maxUnzipped: maxUnzipped, packages: map[string]*Package{}}
}

// Add returns the package with the given zip and unpacks it if it is new. The
// caller must release it. The error is a [Refusal] if the zip is not acceptable.
func (s *Store) Add(zip []byte) (*Package, error) {
	if len(zip) == 0 {
		return nil, errEmpty
	}
	digest := sha256.Sum256(zip)
	return s.add(base64.StdEncoding.EncodeToString(digest[:]), int64(len(zip)), func(p *Package) (err error) {
		if err = os.WriteFile(p.Zip, zip, 0o600); err == nil {
			p.files, err = unpack(zip, p.Root, s.maxUnzipped)
		}
		for _, f := range p.files {
			p.unzipped += f.size
		}
		return err
	})
}

// add returns the package with the given digest and size. If it is new, unpack
// makes its directory and what the package says about it.
func (s *Store) add(sum string, size int64, unpack func(*Package) error) (*Package, error) {
	s.mu.Lock()
	p := s.packages[sum]
	if p == nil {
		s.added++
		base := filepath.Join(s.dir, "package-"+strconv.Itoa(s.added))
		p = &Package{CodeSha256: sum, Size: size, Zip: base + ".zip", Root: base}
		p.unpack = sync.OnceValue(func() error { return unpack(p) })
		s.packages[sum] = p
	}
	p.users++
	s.mu.Unlock()

	if err := p.unpack(); err != nil {
		s.Release(p)
		return nil, err
	}
	return p, nil
}

// Find returns the package with the given digest, or nil if none is in use. The
// caller must release it.
func (s *Store) Find(codeSha256 string) *Package {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.packages[codeSha256]
	if p != nil {
		p.users++
	}
	return p
}

// Keep adds a use of a package that is in use. It does nothing with nil.
func (s *Store) Keep(p *Package) { s.use(p, +1) }

// Release ends one use of a package, and removes it from disk after the last.
// It does nothing with nil.
func (s *Store) Release(p *Package) { s.use(p, -1) }

func (s *Store) use(p *Package, n int) {
	if p == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.users += n; p.users == 0 {
		delete(s.packages, p.CodeSha256)
		os.Remove(p.Zip)
		_ = RemoveTree(p.Root)
	}
}

// Files returns the sorted names of the files in the package.
func (p *Package) Files() []string { return slices.Sorted(maps.Keys(p.files)) }

// Has reports whether there is a file of that name. A symbolic link to nothing is
// none.
func (p *Package) Has(name string) bool {
	_, err := p.find(name)
	return err != syscall.ENOENT
}

// Script returns the content of a file, or of what a symbolic link leads to, if it
// is an executable script of at most 4 KB, otherwise "".
func (p *Package) Script(name string) string {
	f, _ := p.find(name)
	return f.script
}

// Startable returns nil if a file, or what a symbolic link leads to, can be started
// on the given machine, or the kernel's error as a *fs.PathError. EM_NONE stands
// for any machine. Lambda runs functions as a user that does not own the files, so
// the mode for others decides.
func (p *Package) Startable(name string, machine elf.Machine) error {
	f, err := p.find(name)
	switch {
	case err != nil:
	case f.mode&0o001 == 0:
		err = syscall.EACCES
	case machine != elf.EM_NONE && f.machine != elf.EM_NONE && f.machine != machine:
		err = syscall.ENOEXEC
	default:
		return nil
	}
	return &fs.PathError{Op: "fork/exec", Path: name, Err: err}
}

// Machine returns the machine that a file, or what a symbolic link leads to, is
// built for: EM_NONE if there is no such file, or if it is not ELF.
func (p *Package) Machine(name string) elf.Machine {
	f, _ := p.find(name)
	return f.machine
}

// machineOf returns the machine that a file is built for, EM_NONE if it is not
// an ELF file.
func machineOf(path string) elf.Machine {
	f, err := elf.Open(path)
	if err != nil {
		return elf.EM_NONE
	}
	defer f.Close()
	return f.Machine
}

// scriptOf returns the content of a file if it is a script of at most 4 KB,
// otherwise "".
func scriptOf(path string, size int64) string {
	if size > 4<<10 {
		return ""
	}
	content, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(content, []byte("#!")) {
		return ""
	}
	return string(content)
}

// RemoveTree removes a directory with write-protected content.
func RemoveTree(dir string) error {
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
