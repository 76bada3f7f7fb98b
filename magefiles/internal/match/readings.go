package match

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A reading is a way in which a function's name ends like a package's path.
type reading struct {
	prefix    string // of the function's name
	name      string // of the package, as a function's name: see candidates
	exact     bool   // the rest of the function's name is that, but for case and "_"
	generated bool   // CloudFormation has made up the end of the function's name
}

// readings returns one reading for each prefix, the shortest prefix first.
func readings(forms []form, candidates []candidate) []reading {
	var found []reading
	for _, c := range candidates {
		for _, f := range forms {
			at := len(f.starts) - len(c.squashed)
			if c.squashed == "" || at < 0 || f.starts[at] < 0 || !strings.HasSuffix(f.squashed, c.squashed) {
				continue
			}
			prefix, rest := f.name[:f.starts[at]], f.name[f.starts[at]:]
			exact := !f.shortened && !endsInCamelCase(prefix) && fold(rest) == c.folded
			found = append(found, reading{prefix, c.name, exact, f.generated})
		}
	}
	slices.SortFunc(found, func(a, b reading) int {
		return cmp.Or(cmp.Compare(len(a.prefix), len(b.prefix)), first(a.exact, b.exact), first(b.generated, a.generated), cmp.Compare(a.name, b.name))
	})
	return slices.CompactFunc(found, func(a, b reading) bool { return a.prefix == b.prefix })
}

// first orders true before false.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// A form is a function's name, or the part before what tools add to it.
type form struct {
	name      string
	shortened bool
	generated bool
	squashed  string
	starts    []int // for each byte of squashed where a word starts: its index in name; else -1
}

// forms returns the forms of a function's name, the name itself first.
func forms(name string) []form {
	all := []form{newForm(name)}
	short, generated := cutToken(name)
	for generated {
		f := newForm(short)
		f.shortened, f.generated = true, true
		all = append(all, f)
		short, generated = cutHash(short)
	}
	for _, f := range slices.Clone(all) {
		if short, ok := cutNoun(f.name); ok {
			noun := newForm(short)
			noun.shortened, noun.generated = true, f.generated
			all = append(all, noun)
		}
	}
	return all
}

func newForm(name string) form {
	f := form{name: name, squashed: squash(name)}
	for i := range len(name) {
		switch {
		case isSeparator(name[i]):
		case startsWord(name, i):
			f.starts = append(f.starts, i)
		default:
			f.starts = append(f.starts, -1)
		}
	}
	return f
}

func isSeparator(c byte) bool { return c == '-' || c == '_' }

// startsWord reports whether a word starts at i: at the beginning, after "-" and
// "_", and at a capital letter in camel case. HTTPServer has two words.
func startsWord(name string, i int) bool {
	upper := func(i int) bool { return i < len(name) && unicode.IsUpper(rune(name[i])) }
	lower := func(i int) bool { return i < len(name) && unicode.IsLower(rune(name[i])) }
	return i == 0 || isSeparator(name[i-1]) || upper(i) && (!upper(i-1) || lower(i+1))
}

// words returns the words of a name in lower case.
func words(name string) (list []string) {
	start := 0
	for i := range len(name) + 1 {
		if i < len(name) && !isSeparator(name[i]) && (i == start || !startsWord(name, i)) {
			continue
		}
		if start < i {
			list = append(list, strings.ToLower(name[start:i]))
		}
		start = i
		if i < len(name) && isSeparator(name[i]) {
			start++
		}
	}
	return list
}

// endsInCamelCase reports whether a prefix ends within a name in camel case: "Prod"
// of ProdOrders.
func endsInCamelCase(prefix string) bool {
	return prefix != "" && !isSeparator(prefix[len(prefix)-1])
}

// isWhole reports whether a prefix cannot contain the first words of a function's
// own name in camel case, as "nightly" of nightlyReport does: it ends with the
// environment then.
func isWhole(prefix, env string) bool {
	words, envWords := stageWords(prefix), stageWords(env)
	return !endsInCamelCase(prefix) || len(words) >= len(envWords) && slices.Equal(words[len(words)-len(envWords):], envWords)
}

// CloudFormation names functions STACK-LOGICALID-TOKEN, and the CDK ends logical IDs
// with a hash. Logical IDs are alphanumeric. Sources:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html
// https://docs.aws.amazon.com/cdk/v2/guide/identifiers.html
var (
	generatedName = regexp.MustCompile(`^(.+-[A-Z][A-Za-z0-9]*)-([A-Za-z0-9]{11,13})$`)
	hashedID      = regexp.MustCompile(`^(.*[a-z0-9])([0-9A-F]{8})$`)
)

// cutToken returns the name before a token of CloudFormation, if it ends with one.
func cutToken(name string) (before string, ok bool) {
	m := generatedName.FindStringSubmatch(name)
	if m == nil || !isRandom(m[2]) {
		return "", false
	}
	return m[1], true
}

// isRandom reports whether s changes more often between capital letters, small
// letters and digits than names do.
func isRandom(s string) bool {
	class := func(c byte) int {
		switch {
		case c <= '9':
			return 0
		case c <= 'Z':
			return 1
		}
		return 2
	}
	changes := 0
	for i := range len(s) - 1 {
		if class(s[i]) != class(s[i+1]) {
			changes++
		}
	}
	if s == strings.ToUpper(s) {
		return changes >= 3
	}
	return changes >= 6
}

// cutHash returns the name before a hash of the CDK, if it ends with one.
func cutHash(name string) (before string, ok bool) {
	m := hashedID.FindStringSubmatch(name)
	if m == nil || !strings.ContainsAny(m[2], "ABCDEF") {
		return "", false
	}
	return m[1], true
}

// cutNoun returns the name before a last word that any function may have.
func cutNoun(name string) (before string, ok bool) {
	all := words(name)
	if len(all) < 2 || !slices.Contains([]string{"function", "handler", "lambda"}, all[len(all)-1]) {
		return "", false
	}
	return strings.TrimRight(name[:len(name)-len(all[len(all)-1])], "-_"), true
}
