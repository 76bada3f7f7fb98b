// Package commandline checks the words after mage before the first target acts on
// them. Mage parses targets and arguments one after the other, and runs a target
// before it notices that the next word is none. Source:
// https://github.com/magefile/mage/blob/v1.17.2/mage/template.go
package commandline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Target is what mage knows about a target.
type Target struct {
	Arguments []string          // names of the required ones
	Flags     map[string]string // types, such as "string" or "time.Duration", by name in lower case
	Aliases   []string
}

// Check returns an error unless mage can run all words after the program: each is a
// target, or an argument or flag of the target before it. find returns the target
// of a name, or nil if there is none.
func Check(program string, words []string, find func(string) (*Target, error)) error {
	var before []string // the previous target with its arguments and flags
	var previous *Target
	for len(words) > 0 {
		t, err := find(words[0])
		if err != nil {
			return err
		}
		if t == nil {
			return unknown(program, words, previous, before, find)
		}
		n, err := t.take(program, words)
		if err != nil {
			return err
		}
		previous, before, words = t, words[:n], words[n:]
	}
	return nil
}

// checkOnce returns an error if a target's flag is given twice: mage keeps only the
// last.
func checkOnce(target string, flags []string) error {
	seen := map[string]bool{} // by name in lower case
	for _, word := range flags {
		flag, _, hasValue := strings.Cut(word, "=")
		name := strings.ToLower(flag)
		switch {
		case seen[name] && hasValue:
			return fmt.Errorf("%s: %s is given twice, and mage keeps only the last; write it once, with commas between values if it takes several", target, flag)
		case seen[name]:
			return fmt.Errorf("%s: %s is given twice; write it once", target, flag)
		}
		seen[name] = true
	}
	return nil
}

// take returns how many words belong to the target, which is the first.
func (t *Target) take(program string, words []string) (int, error) {
	name, n := words[0], 1+len(t.Arguments)
	if n > len(words) {
		return 0, fmt.Errorf("%s needs %s; write: %s %[1]s <%[4]s>", name, count(len(t.Arguments), "argument"), program, strings.Join(t.Arguments, "> <"))
	}
	for len(t.Flags) > 0 && n < len(words) && strings.HasPrefix(words[n], "-") {
		if err := t.check(program, name, words[n]); err != nil {
			return 0, err
		}
		n++
	}
	return n, checkOnce(name, words[1+len(t.Arguments):n])
}

// check returns an error unless mage accepts the flag for the target.
func (t *Target) check(program, name, word string) error {
	flag, value, given := strings.Cut(word[1:], "=")
	kind, ok := t.Flags[strings.ToLower(flag)]
	switch {
	case !ok:
		return fmt.Errorf("%s has no flag %q; list its flags with: %s -h %[1]s", name, "-"+flag, program)
	case !given && kind != "bool":
		return fmt.Errorf("%s: write -%s=VALUE, with = and without a space", name, flag)
	case !given:
		return nil
	}
	var err error
	switch kind {
	case "bool":
		_, err = strconv.ParseBool(value)
	case "int":
		_, err = strconv.Atoi(value)
	case "float64":
		_, err = strconv.ParseFloat(value, 64)
	case "time.Duration":
		_, err = time.ParseDuration(value)
	}
	if err != nil {
		return fmt.Errorf("%s: %q is no %s for -%s", name, value, kind, flag)
	}
	return nil
}

// unknown returns the error for words that begin with no target, after a target
// that took the words before.
func unknown(program string, words []string, t *Target, before []string, find func(string) (*Target, error)) error {
	message := fmt.Sprintf("%q is not a target", words[0])
	if t == nil {
		return fmt.Errorf("%s; list the targets with: %s -l", message, program)
	}
	message += fmt.Sprintf(", and %s takes %s", before[0], count(len(t.Arguments), "argument"))
	if _, ok := t.Flags["only"]; !ok || strings.HasPrefix(words[0], "-") {
		return fmt.Errorf("%s; list the targets with: %s -l", message, program)
	}
	if right := t.inEnvironment(before, words[0]); right != nil {
		return fmt.Errorf("%s; for environment %s, write: %s %s", message, words[0], program, strings.Join(right, " "))
	}
	names := words[:1]
	for _, word := range words[1:] {
		if other, err := find(word); other != nil || err != nil || strings.HasPrefix(word, "-") {
			break
		}
		names = append(slices.Clip(names), word)
	}
	return fmt.Errorf("%s; to select functions, write: %s %s", message, program, strings.Join(selecting(before, names), " "))
}

// environments are common names of environments, which people type without a flag.
var environments = []string{"prod", "production", "stag", "stage", "staging", "stg", "dev", "development", "test"}

// inEnvironment returns the words of the target for an environment that follows
// them as a word, or nil if the word is none. The target takes it as an argument or
// as a flag.
func (t *Target) inEnvironment(words []string, word string) []string {
	_, flag := t.Flags["env"]
	lacking := len(t.Arguments) > 0 && strings.HasPrefix(words[1], "-") // mage took a flag for the argument
	env := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(strings.ToLower(w), "-env=") })
	known := slices.Contains(environments, strings.ToLower(word))
	switch words := slices.Clone(words); {
	case lacking && env < 0:
		return slices.Insert(words, 1, word)
	case !known || !flag:
		return nil
	case env > 0:
		words[env] = "-env=" + word
		return words
	case len(t.Arguments) > 0:
		words[1] = word
		return words
	default:
		return append(words, "-env="+word)
	}
}

// selecting returns the words of a target with a flag -only for more names.
func selecting(words, names []string) []string {
	words, more := slices.Clone(words), strings.Join(names, ",")
	for i, word := range words {
		if strings.HasPrefix(strings.ToLower(word), "-only=") {
			words[i] += "," + more
			return words
		}
	}
	return append(words, "-only="+more)
}

func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun
	case 1:
		return "one " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
