package health

import (
	"strconv"
	"strings"
	"time"
)

// minutes is the layout of a moment to the minute.
const minutes = "2006-01-02 15:04"

// moment renders a time in UTC.
func moment(t time.Time, layout string) string { return t.UTC().Format(layout) + " UTC" }

// count renders a number with its thousands apart: "1,204".
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent renders a fraction: "0.03 %", "2.6 %", "100 %".
func percent(fraction float64) string {
	p := 100 * fraction
	if p < 1 {
		return strconv.FormatFloat(p, 'g', 2, 64) + " %"
	}
	return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0") + " %"
}

// short renders a duration with three digits: "1.23ms", "1.2s", "4m10s".
func short(d time.Duration) string {
	unit := time.Microsecond
	for d >= 1000*unit && unit < time.Second {
		unit *= 10
	}
	return d.Round(unit).String()
}
