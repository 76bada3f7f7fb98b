package report

import "io"

// Sheet is the result of a command that changes nothing, as tables.
type Sheet struct {
	Title    string
	Summary  string
	Failures []string
	Tables   []SheetTable
	Notes    []string
}

// SheetTable is a table of a [Sheet]. The first cell of each row names it.
type SheetTable struct {
	Title  string
	Header []string
	Rows   []SheetRow
}

// SheetRow is a row of as many cells as the header has, with what else to know.
type SheetRow struct{ Cells, Notes []string }

// WriteSheet writes a sheet as one page of HTML that refers to nothing else.
func WriteSheet(w io.Writer, s Sheet) error { return execute(w, "sheet.html", s) }
