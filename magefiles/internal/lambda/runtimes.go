// Package runtimes holds AWS's plan for Lambda's runtimes: from which day each
// is deprecated, and from which day no function can be created or updated with
// it. It is what AWS planned on a certain day; AWS keeps moving the dates, so
// nothing may depend on them but what people are told.
package lambda

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

//go:embed runtimes.json
var data string

// Plan is the content of runtimes.json.
type Plan struct {
	// Checked is the day on which the file was last compared with its sources.
	Checked Date `json:"checked"`

	// Table is the address of AWS's table, which the sources transcribe.
	Table string `json:"table"`

	// Sources are where the dates are from. Where two differ the plan has the
	// earlier date, and the runtime a note.
	Sources []Source `json:"sources"`

	// Runtimes are all of AWS's table, supported or not, sorted by name.
	Runtimes []Runtime `json:"runtimes"`
}

// Source is one transcription of AWS's table.
type Source struct {
	URL  string `json:"url"`
	Date Date   `json:"date"` // of the transcription
}

// Runtime is what AWS plans for one runtime. A zero date is one that AWS has
// not announced.
type Runtime struct {
	Name        string `json:"name"` // as the API has it, "go1.x"
	Deprecated  Date   `json:"deprecated"`
	BlockCreate Date   `json:"blockCreate"` // from then on no function can be created with it
	BlockUpdate Date   `json:"blockUpdate"` // from then on no function with it can be updated
	Note        string `json:"note"`
}

// Load returns the plan that this module was released with.
func Load() (*Plan, error) {
	d := json.NewDecoder(strings.NewReader(data))
	d.DisallowUnknownFields()
	p := &Plan{}
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("reading runtimes.json: %w", err)
	}
	return p, nil
}

// Lookup returns what is planned for the runtime of that name, and whether the
// plan has it.
func (p *Plan) Lookup(name string) (Runtime, bool) {
	i, ok := slices.BinarySearchFunc(p.Runtimes, name, func(r Runtime, name string) int {
		return strings.Compare(r.Name, name)
	})
	if !ok {
		return Runtime{}, false
	}
	return p.Runtimes[i], true
}

// AsOf is the date of the newest source.
func (p *Plan) AsOf() Date {
	newest := Date{}
	for _, s := range p.Sources {
		if s.Date.Compare(newest) > 0 {
			newest = s.Date
		}
	}
	return newest
}

// Due reports whether by the plan the runtime is deprecated today, or takes no
// updates from a day on that is no further away than within.
func (r Runtime) Due(today time.Time, within time.Duration) bool {
	return !r.Deprecated.IsZero() && r.Deprecated.Days(today) <= 0 ||
		!r.BlockUpdate.IsZero() && r.BlockUpdate.Days(today) <= int(within/(24*time.Hour))
}
