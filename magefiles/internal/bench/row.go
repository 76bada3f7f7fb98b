package bench

import (
	"math"
	"strconv"
	"time"

	"example.com/dualboot/magefiles/internal/text"
)

// figure is a number in a row.
type figure struct {
	name  string  // of its side
	value float64 // NaN if there is no number
	text  string  // value with its unit, or why there is no number
}

// duration returns a figure of seconds that are calculated, not measured.
func duration(name string, value float64) figure {
	if math.IsNaN(value) {
		return figure{name, value, failed}
	}
	return figure{name, value, seconds(value)}
}

func seconds(x float64) string { return text.Duration(time.Duration(x * float64(time.Second))) }

// megabytes returns a number of bytes in the decimal unit of the goals.
func megabytes(x float64) string { return text.Digits(x/1e6) + " MB" }

// goal says how a row compares two figures, and which result misses the goal.
type goal struct {
	text   string
	ratio  func(ours, other float64) string // nil for an empty cell
	missed func(ours, other float64) bool   // nil if no result does
}

// row adds a row to the table. The zero other stands for no comparison.
func (b *bench) row(what string, ours, other figure, g goal) {
	cells := []string{what, ours.text, "", "", g.text}
	if other.name != "" {
		cells[2] = other.name + ": " + other.text
	}
	if g.ratio != nil && !math.IsNaN(ours.value) && !math.IsNaN(other.value) {
		cells[3] = g.ratio(ours.value, other.value)
	}
	if g.missed != nil && g.missed(ours.value, other.value) {
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
