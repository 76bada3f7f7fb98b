package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Problem is one thing wrong with a manifest, and where.
type Problem struct {
	// File is the manifest's name as it was given.
	File string

	// Line and Column are the place, counted from 1. Columns count characters,
	// as editors do, with a tab as one. Both are 0 if there is no file.
	Line, Column int

	// Pointer is the JSON pointer (RFC 6901) of the value; empty for the whole.
	Pointer string

	// Message says what is wrong.
	Message string

	// Hint, if not empty, says what to do about it.
	Hint string
}

// Error returns the problem in one line:
//
//	lambdas.json:7:15: /functions/0/package: no such directory "functions/exmaple-api" (did you mean "functions/example-api"?)
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	}
	if p.Pointer != "" {
		b.WriteString(p.Pointer + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems are all that is wrong with a manifest, in the order of the file.
// [errors.As] finds the first [Problem] in them.
type Problems []Problem

// Error returns the problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the problems one by one.
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i, problem := range p {
		errs[i] = problem
	}
	return errs
}

// A finding is a problem whose place is still a byte offset.
type finding struct {
	offset                 int
	pointer, message, hint string
}

// locate turns findings into problems, in the order of the file. It reads data
// once, however many there are.
func locate(file string, data []byte, findings []finding) Problems {
	findings = slices.Clone(findings)
	slices.SortStableFunc(findings, func(a, b finding) int { return cmp.Compare(a.offset, b.offset) })

	problems := make(Problems, len(findings))
	line, column, at := 1, 1, bomLength(data)
	for i, f := range findings {
		for at < f.offset {
			_, size := utf8.DecodeRune(data[at:])
			if data[at] == '\n' {
				line, column = line+1, 0
			}
			column++
			at += size
		}
		problems[i] = Problem{file, line, column, f.pointer, f.message, f.hint}
	}
	return problems
}

// A source is the file behind a manifest.
type source struct {
	file string
	data []byte
	root *node
}

func (s source) problem(pointer, message, hint string) Problem {
	if s.root == nil {
		return Problem{File: s.file, Pointer: pointer, Message: message, Hint: hint}
	}
	at := finding{s.root.find(pointer).start, pointer, message, hint}
	return locate(s.file, s.data, []finding{at})[0]
}
