package bundle

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// Deployed is a zip that Lambda has, on this machine.
type Deployed struct {
	// Package describes the zip as it is. Its Legacy is "" unless dualboot made it.
	Package lambda.Package
	zip     *zip.ReadCloser
}

// OpenDeployed opens a deployed zip with binaries of an architecture. Close closes
// it.
func OpenDeployed(path, codeSha256, architecture string) (*Deployed, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	p := describe(&z.Reader)
	p.Path, p.CodeSha256, p.Architecture, p.Size = path, codeSha256, architecture, info.Size()
	return &Deployed{p, z}, nil
}

// Close closes the zip.
func (d *Deployed) Close() error { return d.zip.Close() }

// describe returns a package with the contents of a zip.
func describe(z *zip.Reader) (p lambda.Package) {
	c := contents(z)
	p = lambda.Package{Legacy: c.Legacy, Zones: c.Zones, Files: c.Names(), Unzipped: unzipped(z.File)}
	for _, f := range c.Files {
		if f.Executable && f.Name != lambda.Bootstrap && f.Name != c.Legacy {
			p.Programs = append(p.Programs, f.Name)
		}
	}
	return p
}

func unzipped(files []*zip.File) (n int64) {
	for _, f := range files {
		n += int64(f.UncompressedSize64)
	}
	return n
}

// cleanName returns the name under which Lambda unpacks a file.
func cleanName(f *zip.File) string { return strings.TrimPrefix(path.Clean(f.Name), "/") }

// find returns the file that Lambda unpacks under that name, or nil: of several, the
// last.
func (d *Deployed) find(name string) *zip.File {
	for _, f := range slices.Backward(d.zip.File) {
		if cleanName(f) == name && !f.Mode().IsDir() {
			return f
		}
	}
	return nil
}

// mostLinks is how many symbolic links a path may have, as in Linux.
const mostLinks = 40

// resolve returns the regular file to which the name leads through symbolic links.
func (d *Deployed) resolve(name string) (*zip.File, error) {
	to := name
	for range mostLinks {
		f := d.find(to)
		switch {
		case f == nil && to == name:
			return nil, fmt.Errorf("the zip has no file %q", name)
		case f == nil:
			return nil, fmt.Errorf("its %q is a symbolic link to %q, which it does not have", name, to)
		case f.Mode().IsRegular():
			return f, nil
		case f.Mode()&fs.ModeSymlink == 0:
			return nil, fmt.Errorf("its %q is not a regular file", to)
		}
		target, err := read(f)
		if err != nil {
			return nil, err
		}
		to = path.Join(path.Dir(to), target)
	}
	return nil, fmt.Errorf("its %q is a symbolic link that leads nowhere", name)
}

// read returns the content of a small file.
func read(f *zip.File) (string, error) {
	in, err := f.Open()
	if err != nil {
		return "", err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, 4<<10))
	return string(data), err
}

// Extract writes the content of the program that a runtime starts as that file. It
// follows symbolic links.
func (d *Deployed) Extract(name string, to io.Writer) error {
	f, err := d.resolve(name)
	if err != nil {
		return err
	}
	if f.Mode()&0o001 == 0 {
		return fmt.Errorf("its %q is not executable for everyone (mode %04o)", cleanName(f), f.Mode().Perm())
	}
	return copyTo(to, f)
}

// copyTo writes the content of a file.
func copyTo(to io.Writer, f *zip.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(to, in)
	return err
}

// ExtractLibrary writes the content of a shared library, and reports whether the zip has
// it. Dynamic linkers find those in the root and in lib, which are in LD_LIBRARY_PATH.
// A program may have a search path of its own, so those in other directories count too.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func (d *Deployed) ExtractLibrary(name string, to io.Writer) (found bool, err error) {
	name = strings.TrimPrefix(name, "/var/task/")
	places := []string{name, "lib/" + name}
	for _, f := range d.zip.File {
		if path.Base(f.Name) == name {
			places = append(places, cleanName(f))
		}
	}
	for _, place := range places {
		if d.find(place) != nil {
			f, err := d.resolve(place)
			if err != nil {
				return false, err
			}
			return true, copyTo(to, f)
		}
	}
	return false, nil
}

// member is an entry of a zip that is made from a deployed one: a file of that, under
// its own name or another one, or a file of ours.
type member struct {
	file *zip.File
	name string // in the zip; of a file, as it is there
	own  Entry  // instead of file
}

func (m member) isLink() bool {
	return m.file == nil && m.own.Link != "" || m.file != nil && m.file.Mode()&fs.ModeSymlink != 0
}

// members returns the entries of the deployed zip.
func (d *Deployed) members() (list []member) {
	for _, f := range d.zip.File {
		list = append(list, member{file: f, name: f.Name})
	}
	return list
}

// dual returns the entries of a zip in which the provided runtimes start the file
// that go1.x starts: those of the deployed zip, and bootstrap as a link to that
// file, unless it is bootstrap already.
func (d *Deployed) dual(legacy string) ([]member, error) {
	entry := d.find(legacy)
	switch {
	case entry == nil:
		return nil, fmt.Errorf("the zip has no file %q", legacy)
	case !entry.Mode().IsRegular():
		return nil, fmt.Errorf("its %q is not a regular file", legacy)
	}
	list := d.members()
	switch other := d.find(lambda.Bootstrap); {
	case legacy == lambda.Bootstrap:
	case other == nil:
		list = append(list, member{name: lambda.Bootstrap, own: Entry{Name: lambda.Bootstrap, Link: legacy}})
	default:
		if same, err := d.same(lambda.Bootstrap, legacy); err != nil || !same {
			return nil, cmp.Or(err, fmt.Errorf("its %q is another file than %q, which go1.x starts, and nothing says that it is the same function", lambda.Bootstrap, legacy))
		}
	}
	return list, nil
}

// clean returns the entries of a zip without the file that only go1.x starts. If
// bootstrap is a link to that file or a copy of it, the file becomes bootstrap.
func (d *Deployed) clean() ([]member, error) {
	legacy := d.Package.Legacy
	if legacy == "" || legacy == lambda.Bootstrap {
		return d.members(), nil
	}
	same, err := d.same(lambda.Bootstrap, legacy)
	if err != nil {
		return nil, err
	}
	var list []member
	for _, m := range d.members() {
		switch name := cleanName(m.file); {
		case name == legacy && same:
			list = append(list, member{file: m.file, name: lambda.Bootstrap})
		case name == legacy, name == lambda.Bootstrap && same:
		case m.isLink():
			target, err := read(m.file)
			if err != nil {
				return nil, err
			}
			if path.Join(path.Dir(name), target) == legacy {
				return nil, fmt.Errorf("its %q is a symbolic link to %q, which a cleanup removes", name, legacy)
			}
			fallthrough
		default:
			list = append(list, m)
		}
	}
	return list, nil
}

// same reports whether two files are one through symbolic links, or equal.
func (d *Deployed) same(a, b string) (bool, error) {
	var sums [][]byte
	var files []*zip.File
	for _, name := range []string{a, b} {
		f, err := d.resolve(name)
		if err != nil {
			return false, err
		}
		if files = append(files, f); len(files) == 2 && (files[0] == f || files[0].CRC32 != f.CRC32 || files[0].UncompressedSize64 != f.UncompressedSize64) {
			return files[0] == f, nil
		}
	}
	for _, f := range files {
		in, err := f.Open()
		if err != nil {
			return false, err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, in)
		if err := errors.Join(err, in.Close()); err != nil {
			return false, err
		}
		sums = append(sums, sum.Sum(nil))
	}
	return bytes.Equal(sums[0], sums[1]), nil
}

// checkMembers returns an error if Lambda could not unpack the entries.
func checkMembers(file string, list []member) error {
	names := map[string]bool{}
	total := int64(0)
	for _, m := range list {
		name := strings.TrimPrefix(path.Clean(m.name), "/")
		switch directory := m.file != nil && m.file.Mode().IsDir(); {
		case !validName(name) && !(directory && name == "."):
			return fmt.Errorf("its file name %q is not one that Lambda unpacks, such as %q", m.name, "dir/file")
		case names[name] && !directory:
			return fmt.Errorf("%s would hold two files named %q", file, name)
		}
		names[name] = true
		total += int64(len(m.own.Link))
		switch {
		case m.file != nil:
			total += int64(m.file.UncompressedSize64)
		case m.own.Path != "":
			info, err := os.Stat(m.own.Path)
			if err != nil {
				return err
			}
			total += info.Size()
		}
	}
	if total >= lambda.MaxUnzipped {
		return fmt.Errorf("%s would unzip to %s; Lambda accepts less than %s", file, text.Bytes(total), text.Bytes(lambda.MaxUnzipped))
	}
	return nil
}

// directoryDigest identifies the directory of a zip: the names of its files, their
// attributes and their content.
func directoryDigest(headers []*zip.FileHeader) string {
	sum := sha256.New()
	for _, h := range headers {
		fmt.Fprintf(sum, "%q %d %d %d %d %d %d %d %d\n", h.Name, h.CRC32, h.CompressedSize64, h.UncompressedSize64,
			h.Method, h.CreatorVersion, h.ExternalAttrs, h.ModifiedDate, h.ModifiedTime)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
