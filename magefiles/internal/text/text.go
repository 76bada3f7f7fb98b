// Package text writes numbers, sizes, durations and tables the same way
// everywhere: in results, progress and errors.
package text

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Count returns a number with its noun: "1 function", "1,204 functions".
func Count[N ~int | ~int64](n N, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "ry"):
		return Thousands(n) + " " + strings.TrimSuffix(noun, "y") + "ies"
	}
	return Thousands(n) + " " + noun + "s"
}

// Counts returns numbers by name, sorted by name: "2 GetFunction, 1 Invoke", or
// "none".
func Counts(count map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %s", count[name], name))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

// Are returns a number with its noun and verb: "1 file is", "2 files are".
func Are[N ~int | ~int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return Count(n, noun) + " are"
}

// List returns names separated by commas, at most so many: "a, b and 3 more".
func List(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %s more", strings.Join(names[:most], ", "), Thousands(more))
	}
	return strings.Join(names, ", ")
}

// Thousands returns a number with its thousands separated: "1,204".
func Thousands[N ~int | ~int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Size returns a number of bytes in megabytes of 2^20 bytes, as Lambda counts
// its limits, or in gigabytes of 2^30 bytes: "6.1 MB", "1.6 GB". See [Bytes] for a
// size that is compared with a limit.
func Size(n int64) string {
	if n >= 1<<30 {
		return strconv.FormatFloat(float64(n)/(1<<30), 'f', 1, 64) + " GB"
	}
	return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MB"
}

// Bytes returns an exact number of bytes: "52,428,801 bytes (50.0 MB)".
func Bytes(n int64) string {
	return fmt.Sprintf("%s (%s)", Count(n, "byte"), Size(n))
}

// Percent returns a fraction in percent: "0.03 %", "2.6 %", "100 %".
func Percent(fraction float64) string {
	p := 100 * fraction
	if p < 1 {
		return strconv.FormatFloat(p, 'g', 2, 64) + " %"
	}
	return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0") + " %"
}

// Digits returns a number with three significant digits.
func Digits(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}

// Duration returns a measured duration with three significant digits:
// "1.23ms", "1.2s", "4m10s".
func Duration(d time.Duration) string {
	unit := time.Microsecond
	for d >= 1000*unit && unit < time.Second {
		unit *= 10
	}
	return d.Round(unit).String()
}

// Days returns a number of days from today: "today", "in 1 day", "3 days ago".
func Days(n int) string {
	switch {
	case n == 0:
		return "today"
	case n < 0:
		return Count(-n, "day") + " ago"
	}
	return "in " + Count(n, "day")
}

// Minute returns a time to the minute, in UTC: "2026-11-24 08:00 UTC".
func Minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// Soon returns a time to the minute, in UTC, without the date if that is today's:
// "08:00 UTC".
func Soon(t, now time.Time) string {
	if t, now = t.UTC(), now.UTC(); t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04") + " UTC"
	}
	return Minute(t)
}

// Second returns a time to the second, in UTC: "2026-11-24 08:00:59 UTC".
func Second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// Change returns what becomes of a value: "go1.x → provided.al2023", or the
// value itself if it stays the same.
func Change(before, after string) string {
	if before == after {
		return after
	}
	return before + " → " + after
}
