package manifest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// longest is the number of characters of a name that messages repeat, and of
// the longest name that hints look for.
const longest = 80

// suggest returns the hint for a name that is not one of known: the one that
// was probably meant, or else all of them.
func suggest(name string, known []string) string {
	if meant, ok := nearest(name, known); ok {
		return didYouMean(meant)
	}
	if len(known) == 0 {
		return ""
	}
	const most = 20
	if more := len(known) - most; more > 1 {
		return fmt.Sprintf("known: %s and %d more", strings.Join(known[:most], ", "), more)
	}
	return "known: " + strings.Join(known, ", ")
}

func didYouMean(name string) string {
	return fmt.Sprintf("did you mean %q?", name)
}

// nearest returns the one of known that name was probably meant to be: the same
// in another case, a few slips of the keyboard away, or a longer or shorter
// form of it.
func nearest(name string, known []string) (string, bool) {
	n := utf8.RuneCountInString(name)
	if n == 0 || n > longest {
		return "", false
	}
	best, found := "", 1+n/4
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return k, true
		}
		if slips := utf8.RuneCountInString(k) - n; max(slips, -slips) > found {
			continue
		}
		if d := distance([]rune(name), []rune(k)); d < found || d == found && best == "" {
			best, found = k, d
		}
	}
	if best != "" && found < n {
		return best, true
	}
	for _, k := range known {
		if min(n, len(k)) >= 3 && (strings.HasPrefix(name, k) || strings.HasPrefix(k, name)) {
			return k, true
		}
	}
	return "", false
}

// distance returns how many characters have to be inserted, left out, replaced
// or swapped with their neighbour to turn a into b.
func distance(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(replace, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// quote returns s in quotes, shortened if it is long.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= longest {
		return s
	}
	return string([]rune(s)[:longest]) + "…"
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
