package manifest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Create writes m, complete as [Load] returns it, to a new file: one line an
// environment and one line a function, defaults left out. The file appears in
// one step with all that is in it. If there is one already, it stays as it is
// and the error is [fs.ErrExist].
//
// A manifest that [Parse] would refuse is not written. The error is [Problems]
// then, without lines and columns.
func Create(file string, m *Manifest) error {
	data, err := format(m)
	if err == nil {
		_, err = Parse("", data)
	}
	if err == nil {
		err = writeNew(file, data)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("creating %s: %w and is left as it is (move it away to have a new one)", file, fs.ErrExist)
	case err != nil:
		return fmt.Errorf("creating %s: %w", file, err)
	}
	return nil
}

// WriteSchema writes [Schema] to [SchemaFile] in dir. If there is such a file
// already, it stays as it is and written is false.
func WriteSchema(dir string) (written bool, err error) {
	data, err := Schema()
	if err != nil {
		return false, err
	}
	file := filepath.Join(dir, SchemaFile)
	switch err := writeNew(file, data); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("creating %s: %w", file, err)
	}
	return true, nil
}

// environmentLine and functionLine are what is written of an environment and of
// a function: nil and empty for what is its default.
type environmentLine struct {
	Profile   string  `json:"profile,omitempty"`
	Region    string  `json:"region,omitempty"`
	Prefix    string  `json:"prefix,omitempty"`
	Account   string  `json:"account,omitempty"`
	Dual      *bool   `json:"dual,omitempty"`
	Settle    string  `json:"settle,omitempty"`
	Calls     float64 `json:"calls,omitzero"`
	Terraform string  `json:"terraform,omitempty"`
}

type functionLine struct {
	Name    string            `json:"name"`
	Package string            `json:"package"`
	Tags    []string          `json:"tags,omitempty"`
	Dual    *bool             `json:"dual,omitempty"`
	Names   map[string]string `json:"names,omitempty"`
}

// format returns m as JSON.
func format(m *Manifest) ([]byte, error) {
	var environments, functions []string
	for _, name := range sortedKeys(m.Environments) {
		e := m.Environments[name]
		line, err := formatLine(map[string]environmentLine{
			name: {e.Profile, e.Region, e.Prefix, e.Account, formatDual(e.Dual), formatSettle(e.Settle), e.Calls, e.Terraform},
		})
		if err != nil {
			return nil, fmt.Errorf("environment %s: %w", quote(name), err)
		}
		environments = append(environments, line[1:len(line)-1]) // name and value, without the braces around them
	}
	for _, f := range m.Functions {
		line, err := formatLine(functionLine{f.Name, f.Package, f.Tags, formatDual(f.Dual), f.Names})
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", quote(f.Name), err)
		}
		functions = append(functions, line)
	}
	schema := ""
	if m.Schema != "" {
		line, err := formatLine(m.Schema)
		if err != nil {
			return nil, fmt.Errorf("$schema: %w", err)
		}
		schema = `  "$schema": ` + line + ",\n"
	}
	const between = ",\n    "
	return fmt.Appendf(nil, "{\n%s  \"environments\": {\n    %s\n  },\n  \"functions\": [\n    %s\n  ]\n}\n",
		schema, strings.Join(environments, between), strings.Join(functions, between)), nil
}

// formatLine returns v as JSON on one line.
func formatLine(v any) (string, error) {
	line, err := json.Marshal(v, json.Deterministic(true), jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true))
	return string(line), err
}

func formatDual(dual bool) *bool {
	if dual {
		return nil
	}
	return &dual
}

// formatSettle returns d as a manifest writes it, which knows no unit below the
// millisecond.
func formatSettle(d time.Duration) string {
	switch {
	case d == DefaultSettle:
		return ""
	case 0 < d && d < time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
	case d%time.Minute == 0 && d != 0:
		return strings.TrimSuffix(d.String(), "0s")
	}
	return d.String()
}

// writeNew writes data to a new file, which appears in one step. If there is one
// already, the error is [fs.ErrExist]. Where files cannot have two names, the
// new one may be seen half written.
func writeNew(file string, data []byte) error {
	temp := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+"."+rand.Text())
	if err := writeExclusive(temp, data); err != nil {
		return err
	}
	defer os.Remove(temp)
	if os.Link(temp, file) == nil {
		return nil
	}
	return writeExclusive(file, data) // fails too if there is one
}

// writeExclusive writes data to a file that it creates, or removes again.
func writeExclusive(file string, data []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(file)
		return err
	}
	return nil
}
