package text

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	gap        = 2  // the space between two columns
	mostPadded = 80 // the widest column of Markdown that is aligned
)

// Table is a table of text. Each row has as many cells as the header.
type Table struct {
	Header []string
	Rows   [][]string
	// Optional names the columns that a narrow terminal can do without, the least
	// important one first.
	Optional []string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write writes the table with aligned columns.
func (t Table) Write(w io.Writer) error { return t.WriteFit(w, 0) }

// WriteFit writes the table with aligned columns in lines of at most width
// columns, or of any width for 0. It first shortens the names in the first column,
// then leaves out optional columns, which it names below the table, and then
// shortens all cells.
func (t Table) WriteFit(w io.Writer, width int) error {
	left := t.drop(width)
	widths := t.shrink(width)
	var b strings.Builder
	for _, row := range slices.Concat([][]string{t.Header}, t.Rows) {
		var line strings.Builder
		for i, cell := range row {
			shorten := Shorten
			if i == 0 {
				shorten = ShortenMiddle
			}
			if width > 0 {
				cell = shorten(cell, widths[i])
			}
			line.WriteString(Pad(cell, widths[i]+gap))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if len(left) > 0 {
		b.WriteString(Shorten("columns left out: "+strings.Join(left, ", "), width) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// drop removes optional columns until the table fits, and returns their names.
func (t *Table) drop(width int) (left []string) {
	for _, name := range t.Optional {
		i := slices.Index(t.Header, name)
		if width <= 0 || i < 0 || total(named(t.widths())) <= width {
			continue
		}
		t.Header = slices.Delete(slices.Clone(t.Header), i, i+1)
		rows := make([][]string, len(t.Rows))
		for r, row := range t.Rows {
			rows[r] = slices.Delete(slices.Clone(row), i, i+1)
		}
		t.Rows = rows
		left = append(left, name)
	}
	return left
}

// shrink returns the widths of the columns in a table of at most width columns. The
// widest column gives way; once none is wider than wide, the last one, which often
// is free text, down to narrow.
func (t Table) shrink(width int) []int {
	const wide, narrow = 20, 8
	widths := t.widths()
	if rest := total(named(widths)); len(widths) > 0 && width > 0 && rest <= width { // names alone give way
		widths[0] = min(widths[0], named(widths)[0]+width-rest)
		return widths
	}
	for width > 0 && total(widths) > width {
		give := slices.Index(widths, slices.Max(widths))
		if last := len(widths) - 1; widths[give] <= wide && widths[last] > narrow {
			give = last
		}
		if widths[give] <= 1 {
			break
		}
		widths[give]--
	}
	return widths
}

// widths returns the width of the widest cell of each column.
func (t Table) widths() []int {
	widths := make([]int, len(t.Header))
	for _, row := range slices.Concat([][]string{t.Header}, t.Rows) {
		for i, cell := range row {
			widths[i] = max(widths[i], Width(cell))
		}
	}
	return widths
}

// named returns the widths with the first column, of names, at the width at which
// optional columns give way instead.
func named(widths []int) []int {
	const narrow = 24
	widths = slices.Clone(widths)
	if len(widths) > 0 {
		widths[0] = min(widths[0], narrow)
	}
	return widths
}

// total returns the width of a table with columns of such widths.
func total(widths []int) int {
	n := gap * (len(widths) - 1)
	for _, w := range widths {
		n += w
	}
	return n
}

// WriteMarkdown writes the table as Markdown, with aligned columns. Very wide cells
// do not widen the others.
func (t Table) WriteMarkdown(w io.Writer) error {
	header, rows := markdownRow(t.Header), make([][]string, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = markdownRow(row)
	}
	widths := Table{Header: header, Rows: rows}.widths()
	var b strings.Builder
	line := func(cells []string) {
		for i, cell := range cells {
			fmt.Fprintf(&b, "| %s ", Pad(cell, min(widths[i], mostPadded)))
		}
		b.WriteString("|\n")
	}
	line(header)
	for range header {
		b.WriteString("| --- ")
	}
	b.WriteString("|\n")
	for _, row := range rows {
		line(row)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdownRow returns cells as they are written in a row of Markdown, which is one
// line.
func markdownRow(cells []string) []string {
	escape := strings.NewReplacer("|", `\|`, "\n", "<br>")
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = escape.Replace(cell)
	}
	return row
}
