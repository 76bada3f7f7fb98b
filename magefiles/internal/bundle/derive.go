package bundle

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// DownloadPath returns where Download writes a zip.
func (p *Packer) DownloadPath(codeSha256 string) string {
	name := codeSha256
	if sum, err := base64.StdEncoding.DecodeString(codeSha256); err == nil {
		name = hex.EncodeToString(sum)
	}
	return filepath.Join(p.dir, ".deployed", filepath.Base(name)+".zip")
}

// Download writes the deployed zip at location to the directory of the packer, unless
// it is there already, and returns its path. It refuses bytes of another digest or
// size. Errors do not show the location, which may be a presigned URL.
func (p *Packer) Download(ctx context.Context, client Doer, location, codeSha256 string, size int64) (string, error) {
	path := p.DownloadPath(codeSha256)
	lock := p.lock(path)
	lock.Lock()
	defer lock.Unlock()
	if file, err := (&lambda.Package{Path: path, CodeSha256: codeSha256}).Open(); err == nil {
		_ = os.Chtimes(path, time.Time{}, time.Now()) // it is used: see RemoveUnused
		return path, file.Close()
	}
	if location == "" {
		return "", errors.New("the answer of AWS has no location of the zip")
	}
	if err := p.prepare(filepath.Dir(path)); err != nil {
		return "", err
	}
	r := &remote{ctx: ctx, client: client, location: location}
	response, err := r.get("")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the server answers %s", response.Status)
	}
	return path, atomicfile.ReplaceFunc(path, func(out *os.File) error {
		sum := sha256.New()
		n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(response.Body, maxZip+1))
		switch digest := lambda.CodeSha256([sha256.Size]byte(sum.Sum(nil))); {
		case err != nil:
			return err
		case n != size:
			return fmt.Errorf("the server sends %s, and CodeSize is %d", text.Count(n, "byte"), size)
		case digest != codeSha256:
			return fmt.Errorf("the server sends a zip with the digest %s, and CodeSha256 is %s", digest, codeSha256)
		}
		return nil
	})
}

// Scratch calls do with a temporary file in the directory of the packer. Few of them
// exist at the same time.
func (p *Packer) Scratch(ctx context.Context, do func(*os.File) error) error {
	if err := p.cores.Acquire(ctx, 1); err != nil {
		return err
	}
	defer p.cores.Release(1)
	dir := filepath.Join(p.dir, ".deployed")
	if err := p.prepare(dir); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, scratch)
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	return do(file)
}

// Derivation describes a zip to make from a deployed one.
type Derivation struct {
	Legacy       string // the name of the file that go1.x starts, or "" if there is none
	Architecture string // of the binaries
	Zones        string // path of a time zone database to add, or ""
}

// Derive writes a zip of a function from its deployed zip. It copies the files of that
// with their bytes, modes and times, in their order. With a file that go1.x starts, it
// adds bootstrap, a symbolic link to that, if the zip has none; without, that file
// becomes bootstrap. It adds a time zone database if one is given. The same deployed
// zip, and the same database, always give the same bytes.
//
// It removes the function's zip of the other kind.
func (p *Packer) Derive(ctx context.Context, name string, d *Deployed, to Derivation) (*lambda.Package, error) {
	var list []member
	var err error
	file, other := BootstrapZip, DualZip
	if to.Legacy != "" {
		file, other = other, file
		list, err = d.dual(to.Legacy)
	} else {
		list, err = d.clean()
	}
	if to.Zones != "" {
		list = append(list, member{name: lambda.ZonesFile, own: Entry{Name: lambda.ZonesFile, Path: to.Zones, Mode: 0o644}})
	}
	if err == nil {
		err = checkMembers(file, list)
	}
	if err != nil {
		return nil, err
	}
	if err := p.cores.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer p.cores.Release(1)
	dir := filepath.Join(p.dir, name)
	if err := p.prepare(dir); err != nil {
		return nil, err
	}
	pkg, err := derive(filepath.Join(dir, file), to, list, d.Package.Zones || to.Zones != "")
	if err != nil {
		return nil, err
	}
	pkg.Replaces = d.Package.CodeSha256
	return pkg, remove(filepath.Join(dir, other))
}

// derive writes a zip with the members, and reads it back. zones says that one of
// them is a time zone database that dualboot has added.
func derive(path string, to Derivation, list []member, zones bool) (*lambda.Package, error) {
	sum := sha256.New()
	err := atomicfile.ReplaceFunc(path, func(out *os.File) error {
		w := zip.NewWriter(io.MultiWriter(out, sum))
		var headers []*zip.FileHeader
		for _, m := range list {
			h, err := m.write(w)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			headers = append(headers, h)
		}
		return errors.Join(w.SetComment(derivedComment(headers, to.Legacy, zones)), w.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	written, err := OpenDeployed(path, lambda.CodeSha256([sha256.Size]byte(sum.Sum(nil))), to.Architecture)
	if err != nil {
		return nil, err
	}
	p := written.Package
	if p.Legacy != to.Legacy || !contents(&written.zip.Reader).Made {
		err = fmt.Errorf("%s is not what was to be written", path)
	}
	return &p, errors.Join(err, written.Close())
}

// write adds the member to a zip and returns its header.
func (m member) write(w *zip.Writer) (*zip.FileHeader, error) {
	if m.file == nil {
		c, err := compress("", source{path: m.own.Path, link: m.own.Link}, &sync.Pool{}) // small
		if err != nil {
			return nil, err
		}
		h := m.own.header(c)
		return h, add(w, h, c)
	}
	h := m.file.FileHeader
	h.Name = m.name
	if strings.HasSuffix(h.Name, "/") { // some tools compress the nothing in a directory
		h.Method, h.Flags, h.CompressedSize64 = zip.Store, h.Flags&utf8Name, 0
		_, err := w.CreateRaw(&h)
		return &h, err
	}
	in, err := m.file.OpenRaw()
	if err != nil {
		return nil, err
	}
	body, err := w.CreateRaw(&h)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(body, in)
	return &h, err
}
