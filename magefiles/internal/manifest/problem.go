package manifest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A Problem is a mistake in a manifest and its place.
type Problem struct {
	// File is the name of the manifest as it was given.
	File string

	// Line and Column are the place, counted from 1, or 0 without a file. A
	// column is one character, as in editors; a tab is one.
	Line, Column int

	// Pointer is the JSON pointer (RFC 6901) of the value; empty for the root.
	Pointer string

	// Message says what is wrong.
	Message string

	// Hint, if not empty, says how to fix it.
	Hint string
}

// Error returns the problem on one line:
//
//	lambdas.json:7:15: /functions/0/package: no such directory "functions/exmaple-api" (did you mean "functions/example-api"?)
func (p Problem) Error() string {
	place := p.File
	if p.File != "" && p.Line > 0 {
		place += fmt.Sprintf(":%d:%d", p.Line, p.Column)
	}
	parts := slices.DeleteFunc([]string{place, p.Pointer, p.Message}, func(s string) bool { return s == "" })
	if p.Hint != "" {
		return fmt.Sprintf("%s (%s)", strings.Join(parts, ": "), p.Hint)
	}
	return strings.Join(parts, ": ")
}

// A fault is a mistake in a value, with a hint that may be empty.
type fault struct{ message, hint string }

// err returns f as a [Problem] without a place, and nil for nil.
func (f *fault) err() error {
	if f == nil {
		return nil
	}
	return Problem{Message: f.message, Hint: f.hint}
}

// A finding is a fault and its place.
type finding struct {
	offset  int // in bytes
	pointer jsontext.Pointer
	fault
}

// A source is the file of a manifest, without a byte order mark.
type source struct {
	file string
	data []byte
	root *node
}

// problems returns findings as problems, in the order of the file.
func (s source) problems(findings []finding) []error {
	slices.SortStableFunc(findings, func(a, b finding) int { return cmp.Compare(a.offset, b.offset) })
	problems := make([]error, len(findings))
	line, column, at := 1, 1, 0
	for i, f := range findings {
		passed := s.data[at:f.offset]
		at = f.offset
		if newline := bytes.LastIndexByte(passed, '\n'); newline >= 0 {
			line, column = line+bytes.Count(passed, []byte("\n")), 1
			passed = passed[newline+1:]
		}
		column += utf8.RuneCount(passed)
		problems[i] = Problem{s.file, line, column, string(f.pointer), f.message, f.hint}
	}
	return problems
}

// problem returns a problem with a member of the root, without a place if the
// manifest was not parsed.
func (s source) problem(member string, f fault) error {
	if s.root == nil {
		return Problem{File: s.file, Pointer: "/" + member, Message: f.message, Hint: f.hint}
	}
	n := s.root.member(member)
	return s.problems([]finding{{n.start, n.pointer(), f}})[0]
}
