package ui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"example.com/dualboot/magefiles/internal/text"
)

// The formats of results.
const (
	formatTable    = "table"
	formatJSON     = "json"
	formatMarkdown = "md"
)

// document is the results of a command in each format.
type document struct {
	summary  string                     // in a few words
	rows     []any                      // a line of JSON each
	text     func(io.Writer, int) error // for people, in lines of so many columns; 0 is no limit
	markdown func(io.Writer) error
}

// format returns the format of results.
func (u *UI) format() string {
	switch {
	case u.Format != "":
		return u.Format
	case terminal(u.stdout) != nil:
		return formatTable
	}
	return formatJSON
}

// publish ends the progress, writes a document to stdout, and appends it to the
// summary of a job of GitHub Actions.
func (u *UI) publish(d document) error {
	if !u.inner {
		u.board.Stop()
	}
	return errors.Join(u.print(d), u.summarize(d))
}

func (u *UI) print(d document) error {
	switch u.format() {
	case formatTable:
		return u.write(func(w io.Writer) error { return d.text(w, Width(u.stdout)) })
	case formatMarkdown:
		return u.write(func(w io.Writer) error { return u.writeMarkdown(w, d) })
	}
	for _, row := range d.rows {
		if err := u.JSON(row); err != nil {
			return err
		}
	}
	return nil
}

// summarize appends a document to the summary of a job of GitHub Actions, if there
// is one. Source:
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions#adding-a-job-summary
func (u *UI) summarize(d document) error {
	if u.digest == "" {
		return nil
	}
	var b strings.Builder
	if err := u.writeMarkdown(&b, d); err != nil {
		return err
	}
	return u.appendSummary(b.String() + "\n")
}

// appendSummary appends text to the summary of a job of GitHub Actions, if there is
// one.
func (u *UI) appendSummary(s string) error {
	if u.digest == "" {
		return nil
	}
	file, err := os.OpenFile(u.digest, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = io.WriteString(file, s)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("writing GITHUB_STEP_SUMMARY: %w", err)
	}
	return nil
}

// writeMarkdown writes a document as Markdown below a heading.
func (u *UI) writeMarkdown(w io.Writer, d document) error {
	fmt.Fprintf(w, "### %s: %s\n\n", u.title, d.summary)
	return d.markdown(w)
}

// tabular returns a document of a table.
func tabular[T any](summary string, rows []T, t text.Table) document {
	return document{
		summary:  summary,
		rows:     anys(rows),
		text:     t.WriteFit,
		markdown: func(w io.Writer) error { return writeMarkdownTable(w, t) },
	}
}

// writeMarkdownTable writes a table, if it has rows, with all words as they are.
func writeMarkdownTable(w io.Writer, t text.Table) error {
	if len(t.Rows) == 0 {
		return nil
	}
	plain := text.Table{Header: t.Header}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = markdown(cell)
		}
		plain.Add(cells...)
	}
	return plain.WriteMarkdown(w)
}

// markdown returns text without a meaning in Markdown or HTML.
func markdown(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`).Replace(s)
}

func anys[T any](rows []T) []any {
	list := make([]any, len(rows))
	for i, row := range rows {
		list[i] = row
	}
	return list
}
