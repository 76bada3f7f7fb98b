package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Origin is what a function without sources was before its migration, so that it can
// be rehearsed with the zip that was downloaded. Variables are not part of it.
type Origin struct {
	FunctionName, Runtime, Handler, Architecture, CodeSha256 string
	Layers                                                   []string `json:",omitempty"`
	Libraries                                                []string `json:",omitempty"` // that the program needs of the layers
}

// originPath returns where the origin of a function of an environment is.
func (p *Packer) originPath(env, name string) string {
	return filepath.Join(p.dir, ".deployed", env, name+".json")
}

// SaveOrigin writes the origin of a function beside its zip, which was downloaded.
func (p *Packer) SaveOrigin(env, name string, o Origin) error {
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	path := p.originPath(env, name)
	if old, err := os.ReadFile(path); err == nil && string(old) == string(data) {
		return nil
	}
	if err := p.prepare(filepath.Dir(path)); err != nil {
		return err
	}
	return atomicfile.Replace(path, data)
}

// Origin returns the origin of a function and its zip. The error is [fs.ErrNotExist] if
// one of them is not here, or if the zip is damaged.
func (p *Packer) Origin(env, name string) (o Origin, zip *lambda.Package, err error) {
	if o, err = readOrigin(p.originPath(env, name)); err != nil {
		return o, nil, err
	}
	zip = &lambda.Package{Path: p.DownloadPath(o.CodeSha256), Architecture: o.Architecture, CodeSha256: o.CodeSha256}
	file, err := zip.Open()
	if err != nil {
		return o, nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return o, nil, err
	}
	zip.Size = info.Size()
	return o, zip, nil
}

func readOrigin(path string) (o Origin, err error) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w; remove the file", path, err)
	}
	return o, err
}

// unused is how long a zip stays that belongs to no function. Another command may be
// about to use it.
const unused = 24 * time.Hour

// RemoveUnused removes the origins of functions that are not wanted any more, and then
// the zips that were downloaded for none of the others. It does what it can: it runs
// again with the next command.
func (p *Packer) RemoveUnused(wanted func(env, name string) bool) {
	dir := filepath.Join(p.dir, ".deployed")
	if p.inside(dir) != nil {
		return
	}
	used := map[string]bool{}
	origins, _ := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	for _, path := range origins {
		env, name := filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".json")
		if !wanted(env, name) {
			_ = os.Remove(path)
			continue
		}
		o, err := readOrigin(path)
		if err != nil {
			return // which zip it needs is not known
		}
		used[p.DownloadPath(o.CodeSha256)] = true
	}
	zips, _ := filepath.Glob(filepath.Join(dir, "*.zip"))
	for _, path := range zips {
		if info, err := os.Stat(path); err == nil && !used[path] && time.Since(info.ModTime()) > unused {
			_ = os.Remove(path)
		}
	}
}
