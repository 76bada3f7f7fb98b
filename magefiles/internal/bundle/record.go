package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"

	"golang.org/x/mod/semver"
)

// format is the number of this package's way to write a zip. Whatever makes
// TestGolden fail must raise it.
const format = 2

// deflater is the module that decides the bytes of a zip besides this package.
const deflater = "github.com/klauspost/compress"

// recipe names the code that writes the zips, or is empty where that is not
// known to the byte, as in tests and where the compressor is replaced by a
// directory.
func recipe() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return recipeOf(info.Deps)
}

func recipeOf(deps []*debug.Module) string {
	i := slices.IndexFunc(deps, func(m *debug.Module) bool { return m.Path == deflater })
	if i < 0 {
		return ""
	}
	m := deps[i]
	if m.Replace != nil {
		m = m.Replace
	}
	if !semver.IsValid(m.Version) {
		return ""
	}
	return fmt.Sprintf("%d %s %s@%s %s", format, runtime.Version(), m.Path, m.Version, m.Sum)
}

// record says what the zips in a directory are made of. It is believed only
// together with their digests and those of the binaries, so it does no harm
// when it is old, or there without them.
type record map[string]entry

// entry is about one zip.
type entry struct {
	Of         string // digest of the recipe and the binaries
	CodeSha256 string // of the zip
}

// recordFile is the record's name in the directory of the zips.
const recordFile = ".zips.json"

// binary is what is known of a binary without compressing it.
type binary struct {
	name string
	size int64
	sum  [sha256.Size]byte
}

// of identifies a zip before it is there.
func of(recipe string, binaries []binary) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", recipe)
	for _, b := range binaries {
		fmt.Fprintf(h, "%s %x\n", b.name, b.sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// reuse returns the zips in dir if they are what the recipe makes of the
// binaries at the paths, the first of which is in both zips. Only content
// counts, read anew each time: sizes and times prove nothing.
func reuse(dir, recipe string, names, paths []string) (Bundle, bool) {
	var known record
	data, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil || recipe == "" || json.Unmarshal(data, &known) != nil {
		return Bundle{}, false
	}
	binaries := make([]binary, len(names))
	err = parallel(len(names), func(i int) error {
		size, sum, err := digest(paths[i])
		binaries[i] = binary{names[i], size, sum}
		return err
	})
	if err != nil {
		return Bundle{}, false
	}
	var b Bundle
	if b.Bootstrap = known.find(dir, "bootstrap.zip", recipe, binaries[:1]); b.Bootstrap == nil {
		return Bundle{}, false
	}
	if len(binaries) > 1 {
		if b.Dual = known.find(dir, "lambda.zip", recipe, binaries); b.Dual == nil {
			return Bundle{}, false
		}
	}
	return b, true
}

// find returns the zip if it is there and made of the binaries, otherwise nil.
func (r record) find(dir, name, recipe string, binaries []binary) *Package {
	e := r[name]
	if e.Of != of(recipe, binaries) {
		return nil
	}
	p := &Package{Path: filepath.Join(dir, name), CodeSha256: e.CodeSha256}
	size, sum, err := digest(p.Path)
	if err != nil || encode(sum) != e.CodeSha256 {
		return nil
	}
	p.Size = size
	for _, b := range binaries {
		p.Files = append(p.Files, b.name)
		p.Unzipped += b.size
	}
	return p
}

// remember writes the record of the zips just written.
func remember(dir, recipe string, b Bundle, files []File) error {
	if recipe == "" {
		return nil
	}
	binaries := make([]binary, len(files))
	for i, f := range files {
		binaries[i] = binary{name: f.header.Name, sum: f.sum}
	}
	r := record{"bootstrap.zip": {of(recipe, binaries[:1]), b.Bootstrap.CodeSha256}}
	if b.Dual != nil {
		r["lambda.zip"] = entry{of(recipe, binaries), b.Dual.CodeSha256}
	}
	return replace(filepath.Join(dir, recordFile), func(f *os.File) error {
		return json.NewEncoder(f).Encode(r)
	})
}

// digest reads a file and returns its size and SHA-256.
func digest(path string) (int64, [sha256.Size]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, [sha256.Size]byte{}, err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	return size, [sha256.Size]byte(h.Sum(nil)), err
}
