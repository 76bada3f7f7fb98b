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

// Lifecycle is when AWS plans to deprecate each runtime and to block creating and
// updating functions on it. AWS keeps moving the dates: they inform people and
// decide nothing.
type Lifecycle struct {
	// Checked is the day on which runtimes.json was last compared with its
	// sources.
	Checked Date `json:"checked"`

	// Table is the address of AWS's table.
	Table string `json:"table"`

	// Sources are transcriptions of that table. Where two differ, the earlier
	// date counts and the runtime has a note.
	Sources []Source `json:"sources"`

	// Runtimes are all runtimes of AWS's table, sorted by name.
	Runtimes []Runtime `json:"runtimes"`
}

// Source is one transcription of AWS's table.
type Source struct {
	URL  string `json:"url"`
	Date Date   `json:"date"` // of the transcription
}

// Runtime is what AWS plans for one runtime. A zero date has not been announced.
type Runtime struct {
	Name        string `json:"name"` // as in the API, "go1.x"
	Deprecated  Date   `json:"deprecated"`
	BlockCreate Date   `json:"blockCreate"` // first day on which no function can be created on it
	BlockUpdate Date   `json:"blockUpdate"` // first day on which no function on it can be updated
	Note        string `json:"note"`
}

// LoadLifecycle returns the plan of AWS that this module was released with.
func LoadLifecycle() (*Lifecycle, error) {
	d := json.NewDecoder(strings.NewReader(data))
	d.DisallowUnknownFields()
	l := &Lifecycle{}
	if err := d.Decode(l); err != nil {
		return nil, fmt.Errorf("reading runtimes.json: %w", err)
	}
	return l, nil
}

// Lookup returns the plan for the named runtime, and whether there is one.
func (l *Lifecycle) Lookup(name string) (Runtime, bool) {
	i, ok := slices.BinarySearchFunc(l.Runtimes, name, func(r Runtime, name string) int {
		return strings.Compare(r.Name, name)
	})
	if !ok {
		return Runtime{}, false
	}
	return l.Runtimes[i], true
}

// AsOf is the date of the newest source.
func (l *Lifecycle) AsOf() Date {
	newest := Date{}
	for _, s := range l.Sources {
		if s.Date.Compare(newest) > 0 {
			newest = s.Date
		}
	}
	return newest
}

// Due reports whether the runtime is deprecated today, or blocked for updates
// within the given time.
func (r Runtime) Due(today time.Time, within time.Duration) bool {
	return !r.Deprecated.IsZero() && r.Deprecated.Days(today) <= 0 ||
		!r.BlockUpdate.IsZero() && r.BlockUpdate.Days(today) <= int(within/(24*time.Hour))
}
