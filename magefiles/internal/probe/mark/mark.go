// Package mark describes the answer of the function that a probe deploys: which
// code, configuration, runtime and file answered.
package mark

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
)

const (
	// File is the file in the zip that marks the code.
	File = "mark"
	// Variable is the environment variable that marks the configuration.
	Variable = "PROBE_CONFIGURATION"
)

// Mark says what answered an invocation.
type Mark struct {
	Code          string // content of [File]
	Configuration string // value of [Variable]
	Handler       string // of the configuration
	Runtime       string `json:",omitempty"` // AWS_EXECUTION_ENV, which provided.* does not set
	System        string // name of the operating system, "Amazon Linux 2023"
	Started       string // path of the file that the runtime started
	Executable    string // the same, after symbolic links
	Instance      string // random; one for each execution environment
}

// Read returns the mark of this process.
func Read() Mark {
	m := Mark{
		Configuration: os.Getenv(Variable),
		Handler:       os.Getenv("_HANDLER"),
		Runtime:       os.Getenv("AWS_EXECUTION_ENV"),
		Started:       os.Args[0],
		Instance:      rand.Text()[:8],
	}
	m.Executable, _ = os.Executable()
	code, _ := os.ReadFile(filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), File))
	m.Code = string(code)
	release, _ := os.ReadFile("/etc/os-release")
	m.System = prettyName(string(release))
	return m
}

// prettyName returns PRETTY_NAME of an os-release file, or "".
func prettyName(release string) string {
	for line := range strings.Lines(release) {
		if value, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}
