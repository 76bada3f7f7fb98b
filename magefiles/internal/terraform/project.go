package terraform

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A project is what a plan reads: the files of a root module and of the local
// modules that it calls, and the values of its variables.
type project struct {
	root        string              // directory of the root module
	directories map[string][]source // *.tf and similar files
	automatic   []source            // variable files that terraform reads by itself, in its order
	named       []source            // variable files of -var-file, in their order
	others      []source            // variable files in the root's directory that are neither
	variables   Variables
}

// load reads a project.
func load(dir string, v Variables) (*project, error) {
	p := &project{root: filepath.Clean(dir), directories: map[string][]source{}, variables: v}
	if err := p.loadDirectory(p.root); err != nil {
		return nil, err
	}
	if len(p.directories[p.root]) == 0 {
		return nil, fmt.Errorf("no Terraform files (*.tf) in %s; give the directory that holds the aws_lambda_function resources", dir)
	}
	for _, file := range v.Files {
		s, err := readSource(file)
		if errors.Is(err, fs.ErrNotExist) {
			if inside := filepath.Join(dir, file); exists(inside) {
				err = fmt.Errorf("%w; paths are relative to the current directory: -varfile=%s", err, inside)
			}
		}
		if err != nil {
			return nil, err
		}
		p.named = append(p.named, s)
	}
	return p, p.loadVariables()
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// loadVariables reads the variable files in the root's directory.
func (p *project) loadVariables() error {
	files, err := readSources(p.root, isVariableFile)
	if err != nil {
		return err
	}
	for _, s := range files {
		switch {
		case isAutomatic(filepath.Base(s.file)):
			p.automatic = append(p.automatic, s)
		case !slices.ContainsFunc(p.named, func(n source) bool { return n.file == s.file }):
			p.others = append(p.others, s)
		}
	}
	slices.SortStableFunc(p.automatic, func(a, b source) int { return cmp.Compare(rank(a.file), rank(b.file)) })
	return nil
}

// rank puts terraform.tfvars and terraform.tfvars.json before *.auto.tfvars.
func rank(file string) int {
	if i := slices.Index([]string{"terraform.tfvars", "terraform.tfvars.json"}, filepath.Base(file)); i >= 0 {
		return i
	}
	return 2
}

// loadDirectory reads a module and the local modules that it calls. A called
// directory that does not exist is left out.
func (p *project) loadDirectory(dir string) error {
	sources, err := readSources(dir, isConfiguration)
	if err != nil {
		return err
	}
	p.directories[dir] = sources
	d, err := parse(dir, sources)
	if err != nil {
		return err
	}
	for _, b := range d.blocks {
		called, ok := b.localSource(dir)
		if _, known := p.directories[called]; !ok || known {
			continue
		}
		if err := p.loadDirectory(called); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// localSource returns the directory that a block in dir calls as a module.
func (b *block) localSource(dir string) (called string, ok bool) {
	attr := b.attrs["source"]
	if b.kind != "module" || attr == nil {
		return "", false
	}
	v, _ := attr.Expr.Value(nil)
	address, _ := text(v)
	if !strings.HasPrefix(address, "./") && !strings.HasPrefix(address, "../") {
		return "", false
	}
	return filepath.Join(dir, filepath.FromSlash(address)), true
}

// sources returns all files that can change, each once, sorted by name.
func (p *project) sources() []source {
	all := slices.Concat(p.automatic, p.named)
	for _, sources := range p.directories {
		all = append(all, sources...)
	}
	slices.SortFunc(all, func(a, b source) int { return cmp.Compare(a.file, b.file) })
	return slices.CompactFunc(all, func(a, b source) bool { return a.file == b.file })
}

// edited returns the project with other content of files.
func (p *project) edited(content map[string][]byte) *project {
	replaced := func(sources []source) []source {
		sources = slices.Clone(sources)
		for i, s := range sources {
			if data, ok := content[s.file]; ok {
				sources[i].data = data
			}
		}
		return sources
	}
	after := *p
	after.automatic, after.named = replaced(p.automatic), replaced(p.named)
	after.directories = map[string][]source{}
	for dir, sources := range p.directories {
		after.directories[dir] = replaced(sources)
	}
	return &after
}

// shared reports whether a file belongs to a module outside of the root's
// directory, which other configurations may call too.
func (p *project) shared(file string) bool {
	dir := filepath.Dir(file)
	if _, ok := p.directories[dir]; !ok {
		return false // a variable file, which belongs to the root module
	}
	rel, err := filepath.Rel(p.root, dir)
	return err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
