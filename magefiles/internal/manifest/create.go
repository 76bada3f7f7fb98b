package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"example.com/dualboot/magefiles/internal/atomicfile"
)

// Create writes m, complete as [Load] returns it, to a new file, without
// defaults and with one line for each environment and function. The file appears
// only when it is complete. An existing file stays as it is, and the error is
// [fs.ErrExist].
//
// Create does not write a manifest that [Parse] refuses. It returns the problems
// without places.
func Create(file string, m *Manifest) error {
	data, err := format(m)
	if err == nil {
		_, err = Parse("", data)
	}
	if err == nil {
		err = atomicfile.Create(file, data)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("creating %s: %w (move it away to create a new one)", file, fs.ErrExist)
	case err != nil:
		return fmt.Errorf("creating %s: %w", file, err)
	}
	return nil
}

// An environmentLine is what format writes of an environment. Its own fields
// replace those of Environment.
type environmentLine struct {
	Environment
	Dual   omitTrue `json:"dual,omitzero"`
	Settle string   `json:"settle,omitempty"`
}

type functionLine struct {
	Function
	Dual omitTrue `json:"dual,omitzero"`
}

type omitTrue bool

// IsZero makes omitzero omit true.
func (b omitTrue) IsZero() bool { return bool(b) }

// Line returns f as a line of a manifest.
func Line(f Function) (string, error) {
	data, err := marshal(functionLine{f, omitTrue(f.Dual)})
	return string(data), err
}

func marshal(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true), jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true))
}

// format returns m as JSON.
func format(m *Manifest) ([]byte, error) {
	var errs []error
	line := func(what string, v any) string {
		data, err := marshal(v)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
		return string(data)
	}
	var members, environments, functions []string
	member := func(name string, set bool, v any) {
		if set {
			members = append(members, fmt.Sprintf("  %q: %s,\n", name, line(name, v)))
		}
	}
	member("$schema", m.Schema != "", m.Schema)
	member("architecture", m.Architecture != "", m.Architecture)
	member("layerArchitectures", len(m.LayerArchitectures) > 0, m.LayerArchitectures)
	member("single", m.Single != nil, m.Single)
	member("snapshot", m.Snapshot != nil, m.Snapshot)
	for _, name := range sortedKeys(m.Environments) {
		e := m.Environments[name]
		key := line("environment "+quote(name), name)
		value := line("environment "+quote(name), environmentLine{e, omitTrue(e.Dual), formatSettle(e.Settle)})
		environments = append(environments, key+": "+value)
	}
	for _, f := range m.Functions {
		functions = append(functions, line("function "+quote(f.Name), functionLine{f, omitTrue(f.Dual)}))
	}
	const between = ",\n    "
	return fmt.Appendf(nil, "{\n%s  \"environments\": {\n    %s\n  },\n  \"functions\": [\n    %s\n  ]\n}\n",
		strings.Join(members, ""), strings.Join(environments, between), strings.Join(functions, between)), errors.Join(errs...)
}

// formatSettle returns d in the form that settleRule accepts, which has no unit
// below the millisecond.
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
