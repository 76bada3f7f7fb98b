package emulator

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// packages keeps each distinct zip that is deployed, once, and unpacked.
type packages struct {
	dir string

	mu       sync.Mutex
	bySHA256 map[string]*codePackage
	made     int // so that each directory is a new one
}

// codePackage is a deployment package. It is not changed once it is unpacked.
type codePackage struct {
	sha256 string // standard base64, as the API gives it
	size   int64  // of the zip, in bytes
	zip    string // path of the zip
	root   string // path of the directory that it is unpacked in
	files  map[string]packedFile

	users    int // guarded by packages.mu
	unpacked sync.Once
	err      error // what unpacking came to
}

// packedFile is a regular file in a package.
type packedFile struct {
	mode    fs.FileMode // as the zip gives it
	machine elf.Machine // what an executable was built for, EM_NONE if it is no ELF file
}

func newPackages(dir string) *packages {
	return &packages{dir: dir, bySHA256: map[string]*codePackage{}}
}

// take unpacks a zip, unless it is here already. Who takes a package must
// release it.
func (ps *packages) take(zip []byte) (*codePackage, error) {
	if len(zip) == 0 {
		return nil, emptyZip()
	}
	digest := sha256.Sum256(zip)
	sum := base64.StdEncoding.EncodeToString(digest[:])

	ps.mu.Lock()
	p, ok := ps.bySHA256[sum]
	if !ok {
		ps.made++
		base := filepath.Join(ps.dir, "package-"+strconv.Itoa(ps.made))
		p = &codePackage{sha256: sum, size: int64(len(zip)), zip: base + ".zip", root: base}
		ps.bySHA256[sum] = p
	}
	p.users++
	ps.mu.Unlock()

	p.unpacked.Do(func() { p.err = p.unpack(zip) })
	if p.err != nil {
		ps.release(p)
		return nil, p.err
	}
	return p, nil
}

func (p *codePackage) unpack(zip []byte) (err error) {
	if err := os.WriteFile(p.zip, zip, 0o600); err != nil {
		return err
	}
	p.files, err = unpack(zip, p.root)
	return err
}

// keep counts one more user of a package that has one; nil is no package.
func (ps *packages) keep(p *codePackage) {
	if p == nil {
		return
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.users++
}

// find is take for a package that is known by its digest.
func (ps *packages) find(sum string) (*codePackage, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p, ok := ps.bySHA256[sum]
	if ok {
		p.users++
	}
	return p, ok
}

// release ends one use of a package; after the last it is removed from disk.
func (ps *packages) release(p *codePackage) {
	if p == nil {
		return
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.users--
	if p.users > 0 {
		return
	}
	delete(ps.bySHA256, p.sha256)
	os.Remove(p.zip)
	removeTree(p.root)
}

// startable is nil if the named file can be started, and else the error that
// the kernel would give in Lambda. Lambda runs functions as a user that does
// not own the files, so it is the mode for others that counts.
func (p *codePackage) startable(name, architecture string, anyMachine bool) error {
	file, ok := p.files[name]
	switch {
	case !ok:
		return syscall.ENOENT
	case file.mode&0o001 == 0:
		return syscall.EACCES
	case !anyMachine && file.machine != elf.EM_NONE && file.machine != machine(architecture):
		return syscall.ENOEXEC
	}
	return nil
}

// machine is the ELF machine of one of Lambda's architectures.
func machine(architecture string) elf.Machine {
	if architecture == "arm64" {
		return elf.EM_AARCH64
	}
	return elf.EM_X86_64
}

// machineOf is what the file was built for, EM_NONE if it is no ELF file.
func machineOf(path string) elf.Machine {
	file, err := elf.Open(path)
	if err != nil {
		return elf.EM_NONE
	}
	defer file.Close()
	return file.Machine
}

// removeTree removes a directory whose content may be write-protected.
func removeTree(dir string) error {
	filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
