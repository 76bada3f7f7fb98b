package lambda

import (
	"fmt"
	"time"
)

// Date is a calendar day. The zero Date is none.
type Date struct {
	midnight time.Time // UTC
}

// IsZero reports whether d is the zero Date.
func (d Date) IsZero() bool { return d.midnight.IsZero() }

// Compare returns -1, 0 or +1 if d is before, equal to or after e.
func (d Date) Compare(e Date) int { return d.midnight.Compare(e.midnight) }

// Days returns the number of days from today, in today's location, until d. It
// is negative if d has passed, and meaningless for the zero Date.
func (d Date) Days(today time.Time) int {
	year, month, day := today.Date()
	return int(d.midnight.Sub(time.Date(year, month, day, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
}

// String returns the date as YYYY-MM-DD, or "" for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.midnight.Format(time.DateOnly)
}

// MarshalText writes what String returns.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf("%q is not a date like 2027-03-03", text)
	}
	d.midnight = t
	return nil
}
