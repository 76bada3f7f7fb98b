package planfile

import (
	"errors"
	"fmt"

	"example.com/dualboot/magefiles/internal/text"
)

// shown is how many functions with the same difference are named.
const shown = 20

// differences are how functions differ from their plan, by reason.
type differences struct {
	reasons []string
	names   map[string][]string
	detail  map[string]string // of the first function
}

func (d *differences) add(function, reason, detail string) {
	if d.names == nil {
		d.names, d.detail = map[string][]string{}, map[string]string{}
	}
	if d.names[reason] == nil {
		d.reasons = append(d.reasons, reason)
		d.detail[reason] = detail
	}
	d.names[reason] = append(d.names[reason], function)
}

// join returns an error with a line for each reason, or nil if there is none. Only
// the line of a single function has details.
func (d *differences) join() error {
	var lines []error
	for _, reason := range d.reasons {
		line := text.List(d.names[reason], shown) + ": " + reason
		if detail := d.detail[reason]; detail != "" && len(d.names[reason]) == 1 {
			line += fmt.Sprintf(" (%s)", detail)
		}
		lines = append(lines, errors.New(line))
	}
	return errors.Join(lines...)
}
