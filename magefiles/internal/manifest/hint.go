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
// the longest name that gets a suggestion.
const longest = 80

// suggest returns the hint for a name that is not known: the nearest one that is
// known or an alias, or else the known ones.
func suggest(name string, known []string, aliases ...string) string {
	const most = 20
	near, ok := nearest(name, slices.Concat(known, aliases))
	switch more := len(known) - most; {
	case ok:
		return didYouMean(near)
	case len(known) == 0:
		return ""
	case more > 1:
		return fmt.Sprintf("known: %s and %d more", strings.Join(known[:most], ", "), more)
	}
	return "known: " + strings.Join(known, ", ")
}

func didYouMean(name string) string { return fmt.Sprintf("did you mean %q?", name) }

// nearest returns the known name that name probably means: the same in another
// case, one that differs by few typing mistakes, or a prefix or an extension.
func nearest(name string, known []string) (near string, ok bool) {
	n := utf8.RuneCountInString(name)
	if n == 0 || n > longest {
		return "", false
	}
	least := min(1+n/4, n-1) // the mistakes allowed
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return k, true
		}
		if longer := utf8.RuneCountInString(k) - n; max(longer, -longer) > least {
			continue
		}
		if d := distance([]rune(name), []rune(k)); d < least || d == least && !ok {
			near, least, ok = k, d, true
		}
	}
	if ok {
		return near, true
	}
	i := slices.IndexFunc(known, func(k string) bool {
		return min(n, len(k)) >= 3 && (strings.HasPrefix(name, k) || strings.HasPrefix(k, name))
	})
	if i < 0 {
		return "", false
	}
	return known[i], true
}

// distance returns the number of characters to insert, remove, replace or swap
// with their neighbor to turn a into b.
func distance(a, b []rune) int {
	var before, above []int // the two rows above row
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			replace := above[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
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
