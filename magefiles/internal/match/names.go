package match

import (
	"cmp"
	"slices"
	"strings"
)

// generic are path elements that do not identify a function.
var generic = []string{"app", "bootstrap", "cmd", "function", "handler", "lambda", "main", "src"}

// stages maps words for a stage to one of its names.
var stages = map[string]string{
	"prod": "prod", "prd": "prod", "production": "prod", "live": "prod",
	"stg": "stg", "stage": "stg", "staging": "stg",
	"dev": "dev", "develop": "dev", "development": "dev",
	"test": "test", "testing": "test", "tst": "test",
	"qa": "qa", "uat": "uat", "demo": "demo", "beta": "beta",
	"sandbox": "sandbox", "sbx": "sandbox",
	"int": "int", "integration": "int",
	"preprod": "preprod", "preproduction": "preprod",
	"nonprod": "nonprod", "nonproduction": "nonprod",
}

// negated maps a word before "prod" to the stage that they name together.
var negated = map[string]string{"pre": "preprod", "non": "nonprod", "not": "nonprod"}

// fold makes names comparable: "_" equals "-", and case is ignored. It keeps the
// length of function names, which are ASCII.
func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }

// A candidate is a name that a function may have after its prefix.
type candidate struct {
	name     string // with "-" between its words
	folded   string
	squashed string
}

// squash makes names comparable in which words are separated differently.
func squash(s string) string { return strings.ReplaceAll(fold(s), "-", "") }

// candidates returns the names that a function built from the package may have
// after its prefix: the last element of the path, or several joined by "-",
// of the whole path or without its generic elements. A name of only generic
// elements is a candidate if the package has no other.
func candidates(pkg string) []candidate {
	var all, telling []string
	for element := range strings.SplitSeq(strings.TrimPrefix(pkg, "./"), "/") {
		if element == "." {
			continue // the package beside lambdas.json has no name
		}
		all = append(all, element)
		if !slices.Contains(generic, fold(element)) {
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
	var list []candidate
	for _, name := range slices.Compact(names) {
		list = append(list, candidate{strings.Join(words(name), "-"), fold(name), squash(name)})
	}
	return list
}

// kind classifies a prefix by its words.
type kind int

const (
	neutral kind = iota // names no environment
	own                 // names the environment
	foreign             // names another environment
)

// kindOf returns the kind of prefix for the environment called env. For prod,
// "prod-", "our-prod_", "production-" and "AcmeProd" are own, and "stg-" is foreign.
func kindOf(prefix, env string) kind {
	words, envWords := stageWords(prefix), stageWords(env)
	for _, w := range words {
		if stages[w] != "" && !slices.Contains(envWords, w) {
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

// stageWords returns the words of a name, with each word for a stage replaced by
// its name in stages.
func stageWords(name string) []string {
	words := words(name)
	for i := len(words) - 1; i >= 0; i-- {
		words[i] = cmp.Or(stages[words[i]], words[i])
		if i+1 < len(words) && negated[words[i]] != "" && words[i+1] == "prod" {
			words = slices.Replace(words, i, i+2, negated[words[i]])
		}
	}
	return words
}
