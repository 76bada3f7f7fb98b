package terraform

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A source is a file of Terraform configuration, or of values for variables.
type source struct {
	file string
	data []byte
}

// maxSize is the size in bytes of the largest file that dualboot reads.
const maxSize = 5 << 20

// readSource reads a regular file.
func readSource(file string) (source, error) {
	info, err := os.Stat(file)
	if err != nil {
		return source{}, fmt.Errorf("reading Terraform files: %w", err)
	}
	if kind := irregular(info.Mode()); kind != "" {
		return source{}, fmt.Errorf("reading Terraform files: %s is %s, not a regular file; remove it, or name another directory with -dir=", file, kind)
	}
	f, err := os.Open(file)
	if err != nil {
		return source{}, fmt.Errorf("reading Terraform files: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return source{}, fmt.Errorf("reading Terraform files: %w", err)
	}
	if len(data) > maxSize {
		return source{}, fmt.Errorf("reading Terraform files: %s is larger than %d MB; split it, or move it out of the directory", file, maxSize>>20)
	}
	return source{filepath.Clean(file), data}, nil
}

// irregular names what a file is if it is not a regular file.
func irregular(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

// readSources reads the files of a directory that match, in the order of their
// names. Like Terraform it skips directories.
func readSources(dir string, match func(name string) bool) ([]source, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading Terraform files: %w", err)
	}
	var sources []source
	for _, entry := range entries {
		if entry.IsDir() || !match(entry.Name()) {
			continue
		}
		s, err := readSource(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

// isConfiguration reports whether Terraform or OpenTofu read a file. They skip
// hidden files.
func isConfiguration(name string) bool {
	return !strings.HasPrefix(name, ".") && hasSuffix(name, ".tf", ".tf.json", ".tofu", ".tofu.json")
}

// isVariableFile reports whether a file sets variables.
func isVariableFile(name string) bool { return hasSuffix(name, ".tfvars", ".tfvars.json") }

// isAutomatic reports whether Terraform reads a variable file by itself.
func isAutomatic(name string) bool {
	return name == "terraform.tfvars" || name == "terraform.tfvars.json" || hasSuffix(name, ".auto.tfvars", ".auto.tfvars.json")
}

func hasSuffix(name string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}
