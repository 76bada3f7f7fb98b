package match

import (
	"cmp"
	"slices"
	"strings"
)

// generic are the last elements of a package's path that say nothing about which
// function it is.
var generic = []string{"app", "bootstrap", "cmd", "function", "handler", "lambda", "main", "src"}

// stages are words for environments; those on one line mean the same.
var stages = [][]string{
	{"prod", "prd", "production", "live"},
	{"stg", "stage", "staging"},
	{"dev", "develop", "development"},
	{"test", "testing", "tst"},
	{"qa"}, {"uat"}, {"demo"}, {"sandbox", "sbx"}, {"int", "integration"}, {"beta"},
	{"preprod", "preproduction"}, {"nonprod", "nonproduction"},
}

// fold makes names comparable: "_" is "-", and case does not count. It keeps the
// length of s.
func fold(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch {
		case c == '_':
			b[i] = '-'
		case 'A' <= c && c <= 'Z':
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// candidates returns the folded names that a function built from the package
// may have after its prefix: the last element of the path, or several joined by
// "-", of the path as it is or without its generic elements. A name of generic
// elements alone is not one, unless the package has no other.
func candidates(pkg string) []string {
	var all, telling []string
	for element := range strings.SplitSeq(fold(strings.TrimPrefix(pkg, "./")), "/") {
		if element == "." {
			continue // the package beside lambdas.json has no name
		}
		all = append(all, element)
		if !slices.Contains(generic, element) {
			telling = append(telling, element)
		}
	}
	var names []string
	for _, path := range [][]string{telling, all} {
		for i := range path {
			if len(telling) == 0 || slices.ContainsFunc(path[i:], func(e string) bool { return slices.Contains(telling, e) }) {
				names = append(names, strings.Join(path[i:], "-"))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// prefixes returns what stands before a candidate in the function's name,
// wherever that is nothing or ends with "-" or "_", the shortest first.
func prefixes(function string, candidates []string) []string {
	var found []string
	folded := fold(function)
	for _, c := range candidates {
		before, ok := strings.CutSuffix(folded, c)
		if ok && (before == "" || strings.HasSuffix(before, "-")) {
			found = append(found, function[:len(before)])
		}
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	return slices.Compact(found)
}

// A kind says whose prefix a prefix is, going by its words.
type kind int

const (
	neutral kind = iota // it names no environment
	own                 // it names the environment
	foreign             // it names another environment
)

// kindOf returns the kind of prefix for the environment called env: "prod-" and
// "our-prod_" are prod's own, and so is "production-"; "stg-" is foreign to it.
func kindOf(prefix, env string) kind {
	words, envWords := stageWords(prefix), stageWords(env)
	for _, w := range words {
		if stage := slices.ContainsFunc(stages, func(s []string) bool { return s[0] == w }); stage && !slices.Contains(envWords, w) {
			return foreign
		}
	}
	for i := range len(words) - len(envWords) + 1 {
		if slices.Equal(words[i:i+len(envWords)], envWords) {
			return own
		}
	}
	return neutral
}

// stageWords returns the words of a name, with those for a stage replaced by the
// first that means the same.
func stageWords(name string) []string {
	words := strings.Split(fold(name), "-")
	for i := len(words) - 1; i > 0; i-- { // "pre-prod" is no "prod"
		if slices.Contains([]string{"pre", "non", "not"}, words[i-1]) && slices.Contains(stages[0], words[i]) {
			together := "nonprod"
			if words[i-1] == "pre" {
				together = "preprod"
			}
			words = slices.Replace(words, i-1, i+1, together)
		}
	}
	for i, w := range words {
		for _, s := range stages {
			if slices.Contains(s, w) {
				words[i] = s[0]
			}
		}
	}
	return words
}
