package bench

import (
	"math"
	"strconv"

	"example.com/dualboot/magefiles/internal/text"
)

// goal says how a row compares two numbers, and which result misses the goal.
type goal struct {
	text   string
	ratio  func(ours, other float64) string // nil for an empty cell
	missed func(ours, other float64) bool   // nil if no result does
}

// row adds a row to the table. It compares ours with nothing if other is zero.
func (b *bench) row(what string, ours, other side, m metric, g goal) {
	x, text := ours.median(m)
	cells := []string{what, text, "", "", g.text}
	y, text := other.median(m)
	if other.name != "" {
		cells[2] = other.name + ": " + text
	}
	if g.ratio != nil && !math.IsNaN(x) && !math.IsNaN(y) {
		cells[3] = g.ratio(x, y)
	}
	if g.missed != nil && g.missed(x, y) {
		cells[4] += " **missed**"
	}
	b.table.Add(cells...)
}

// compared is no goal, but shows the ratio.
func compared() goal { return goal{ratio: ratio} }

// within is the goal to take at most so many times as long. A fraction is the
// goal to be faster. Ratios are compared as the table shows them.
func within(times float64) goal {
	symbol := "≤ "
	if times < 1 {
		symbol = "≥ "
	}
	return goal{symbol + ratio(times, 1), ratio, func(ours, other float64) bool { return rounded(ours/other) > times }}
}

// exactly is the goal of a count, which text shows.
func exactly(n int, text string) goal {
	return goal{text: text, missed: func(ours, _ float64) bool { return ours < float64(n) || ours > float64(n) }}
}

func ratio(ours, other float64) string {
	if ours < other {
		return text.Digits(other/ours) + "× faster"
	}
	return text.Digits(ours/other) + "× as long"
}

func rounded(times float64) float64 {
	if times < 1 {
		return 1 / rounded(1/times)
	}
	x, _ := strconv.ParseFloat(text.Digits(times), 64)
	return x
}

// megabytes returns a number of bytes in the decimal unit of the goals.
func megabytes(n int64) string { return text.Digits(float64(n)/1e6) + " MB" }
