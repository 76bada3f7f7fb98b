package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"unicode"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/progress"
	"example.com/dualboot/magefiles/internal/text"
)

//go:embed page.html sheet.html style.css
var sources embed.FS

// page is what the template shows.
type page struct {
	Title, Word, Verdict string // the verdict without its first word, such as PASS
	Pass                 bool
	Facts                []fact
	Failures             []string
	Chart                chart
	Legend               []legend
	Functions            []function
	Few                  bool // there is room for all steps on paper
}

type fact struct{ Name, Value string }

type legend struct{ Class, Name string }

// function is a row of the table.
type function struct {
	Name, Outcome, Reason                string
	Failed                               bool
	Runtime, Handler, Architecture, Code string
	Took                                 string
	Steps                                []step
}

type step struct{ Begin, Took, Text string }

// WritePage writes a timeline as one page of HTML that refers to nothing else.
func WritePage(w io.Writer, t Timeline) error { return execute(w, "page.html", newPage(&t)) }

// execute writes a page of HTML.
func execute(w io.Writer, name string, data any) error {
	parsed, err := template.ParseFS(sources, name, "style.css")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, data); err != nil {
		return err
	}
	_, err = w.Write(bytes.Map(printable, bytes.ToValidUTF8(b.Bytes(), []byte("\uFFFD"))))
	return err
}

// printable replaces characters that may not be in a document.
func printable(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF:
		return ' '
	}
	return r
}

func newPage(t *Timeline) page {
	word, verdict, _ := strings.Cut(t.Verdict, ": ")
	p := page{
		Title: t.Title, Word: word, Verdict: verdict, Pass: word == "PASS",
		Facts: facts(t), Failures: t.Failures, Chart: newChart(t), Few: len(t.Functions) <= few/2,
	}
	used := map[string]bool{}
	for _, f := range t.Functions {
		p.Functions = append(p.Functions, newFunction(f))
		for _, s := range f.Segments {
			used[s.class()] = true
		}
	}
	slices.SortStableFunc(p.Functions, func(a, b function) int { return rank(a) - rank(b) })
	for _, k := range kinds {
		if used[k.class] {
			p.Legend = append(p.Legend, legend{k.class, k.name})
			delete(used, k.class)
		}
	}
	if used["queued"] {
		p.Legend = append(p.Legend, legend{"queued", "queued: waits for its turn"})
	}
	return p
}

// rank sorts failures first.
func rank(f function) int {
	if f.Failed {
		return 0
	}
	return 1
}

func facts(t *Timeline) (facts []fact) {
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, fact{name, value})
		}
	}
	add("Account", t.Account)
	add("Region", t.Region)
	add("Endpoint", t.Endpoint)
	add("Began", text.Second(t.Began))
	add("Took", seconds(t.Took))
	add("Functions", outcomes(t.Functions))
	add("Sent", fmt.Sprintf("%s, %s", text.Count(t.Calls, "call"), text.Size(t.Bytes)))
	return facts
}

// outcomes counts the functions: "4: 2 changed, 1 unchanged, 1 failed".
func outcomes(functions []*Function) string {
	count := map[progress.Outcome]int{}
	open := 0
	for _, f := range functions {
		if f.Over {
			count[f.Outcome]++
		} else {
			open++
		}
	}
	s := fmt.Sprintf("%s: %d changed, %d unchanged, %d failed", text.Thousands(len(functions)),
		count[progress.Changed], count[progress.Unchanged], count[progress.Failed])
	if n := count[progress.Stopped]; n > 0 {
		s += fmt.Sprintf(", %d stopped", n)
	}
	if open > 0 {
		s += fmt.Sprintf(", %d not finished", open)
	}
	return s
}

func newFunction(f *Function) function {
	row := function{
		Name: f.Name, Outcome: f.outcome(), Reason: f.Reason, Failed: f.failed(),
	}
	if len(f.Segments) > 0 {
		row.Took = seconds(f.Took())
	}
	if f.Before.Runtime != "" {
		after := f.After
		if after.Runtime == "" {
			after = f.Before
		}
		row.Runtime = text.Change(f.Before.Runtime, after.Runtime)
		row.Handler = text.Change(f.Before.Handler, after.Handler)
		row.Architecture = text.Change(f.Before.Architecture, after.Architecture)
		row.Code = code(f.Before, after)
	}
	for _, s := range f.Segments {
		words := s.Text
		if s.Queued {
			words = "queued: " + words
		}
		row.Steps = append(row.Steps, step{seconds(s.Begin), seconds(s.Took()), words})
	}
	return row
}

// code describes the zips before and after: "6.1 MB → 6.2 MB", "6.1 MB, new".
func code(before, after lambda.State) string {
	change := text.Change(text.Size(before.CodeSize), text.Size(after.CodeSize))
	if before.CodeSha256 != after.CodeSha256 {
		change += ", new"
	}
	return change
}
