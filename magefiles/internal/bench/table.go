package bench

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	what   string
	ours   string
	other  string // what ours is compared with, and its figure
	ratio  string
	goal   string
	missed bool
}

// failed stands where a command failed.
const failed = "failed"

// goal is how long ours may take, by what the other side took. The zero value
// is none.
type goal struct {
	text string
	most float64 // ours divided by the other
}

func faster(times float64) goal {
	return goal{fmt.Sprintf("≥ %s× faster", digits(times)), 1 / times}
}
func within(times float64) goal { return goal{fmt.Sprintf("≤ %s× as long", digits(times)), times} }

// versus compares the medians of two results.
func versus(what string, ours, other result, g goal) row {
	r := row{what: what, ours: ours.cell(), other: other.name + ": " + other.cell(), goal: g.text}
	if len(ours.took) > 0 && len(other.took) > 0 {
		times := float64(median(ours.took)) / float64(median(other.took))
		r.ratio = ratio(times)
		r.missed = g.text != "" && shown(times) > g.most
	}
	return r
}

// cell is the median, or why there is none.
func (r result) cell() string {
	if len(r.took) == 0 {
		return cmp.Or(r.missing, failed)
	}
	return seconds(median(r.took))
}

// ratio says how long ours took by how long the other did.
func ratio(times float64) string {
	if times < 1 {
		return digits(1/times) + "× faster"
	}
	return digits(times) + "× as long"
}

// shown is times as ratio shows it, which is what is judged.
func shown(times float64) float64 {
	if times < 1 {
		return 1 / shown(1/times)
	}
	rounded, err := strconv.ParseFloat(digits(times), 64)
	if err != nil { // not a number
		return times
	}
	return rounded
}

func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return digits(1000*d.Seconds()) + " ms"
	}
	return digits(d.Seconds()) + " s"
}

func megabytes(bytes int64) string { return digits(float64(bytes)/1e6) + " MB" }

// digits renders a number with three significant digits.
func digits(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}

// printTable writes the rows as Markdown, aligned for people.
func printTable(out io.Writer, rows []row) error {
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| what\t| dualboot\t| compared with\t| ratio\t| goal\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range rows {
		goal := r.goal
		if r.missed {
			goal += " **missed**"
		}
		fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %s\t| %s\t|\n", r.what, r.ours, r.other, r.ratio, goal)
	}
	return w.Flush()
}
