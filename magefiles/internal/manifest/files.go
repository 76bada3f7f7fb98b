package manifest

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"example.com/dualboot/magefiles/internal/lambda"
)

// The rules for names of files in a zip.
var (
	handlerRule = rule{regexp.MustCompile(`^[^\x00-\x20\x7f/\x5c]+(/[^\x00-\x20\x7f/\x5c]+)*$`),
		"is not the path of a file in the zip", "handlers look like main or bin/orders"}
	patternRule = rule{regexp.MustCompile(`^[^\x00-\x1f\x7f/~\x5c]([^\x00-\x1f\x7f\x5c]*[^\x00-\x1f\x7f/\x5c])?$`),
		"is not a pattern of files", "patterns look like config.json or templates/**"}
)

// CheckHandler checks that the handler names a file that can be in a zip beside
// bootstrap. The error is a [Problem] without a place.
func CheckHandler(handler string) error { return checkHandler(handler).err() }

// checkHandler applies handlerRule and explains common mistakes.
func checkHandler(s string) *fault {
	what := "handler " + quote(s)
	plain := path.Clean(strings.TrimPrefix(s, taskRoot))
	switch {
	case s == "":
		return &fault{"the handler is empty", fmt.Sprintf("leave it out for %q", lambda.LegacyBinary)}
	case strings.Contains(s, `\`):
		return withBackslashes(s, what)
	case strings.ContainsFunc(s, unicode.IsSpace):
		return &fault{what + " contains white space", "remove it; Lambda does not allow it"}
	case utf8.RuneCountInString(s) > maxHandler:
		return &fault{fmt.Sprintf("%s has %d characters", what, utf8.RuneCountInString(s)), fmt.Sprintf("Lambda allows %d", maxHandler)}
	case strings.HasPrefix(s, lambda.Bootstrap+"/"):
		return &fault{fmt.Sprintf("%s needs a directory %s", what, lambda.Bootstrap), "the zip has a file of that name; choose another directory"}
	case fs.ValidPath(s) && s != ".":
		return handlerRule.check(s)
	case plain != s && checkHandler(plain) == nil:
		return &fault{what + " " + handlerRule.not, fmt.Sprintf("write %q, relative to the root of the zip", plain)}
	}
	return &fault{what + " " + handlerRule.not, handlerRule.hint}
}

// checkInclude checks a pattern of files in the package directory.
func checkInclude(s string) *fault { return checkPattern(s, "the package directory") }

// checkDrop checks a pattern of files in a deployed zip.
func checkDrop(s string) *fault { return checkPattern(s, "the root of the zip") }

// checkPattern checks a pattern of files relative to root.
func checkPattern(s, root string) *fault {
	what, clean := "pattern "+quote(s), path.Clean(s)
	switch {
	case s == "":
		return &fault{"the pattern is empty", patternRule.hint}
	case isAbsolute(s):
		return &fault{what + " is absolute", "write it relative to " + root}
	case strings.Contains(s, `\`):
		return withBackslashes(s, what)
	case !doublestar.ValidatePattern(s):
		return &fault{what + " is malformed", `close every "[" and "{"; a class such as [a-z] is not empty`}
	case hasParent(s):
		return &fault{what + ` contains ".."`, "only files below " + root + " match"}
	case clean == ".":
		return &fault{what + " names a directory", `write "**" for all files`}
	case strings.HasSuffix(s, "/"):
		return &fault{what + " names a directory", fmt.Sprintf("write %s for all files in it", quote(clean+"/**"))}
	case clean != s:
		return &fault{what + " " + patternRule.not, "write " + quote(clean)}
	}
	return patternRule.check(s)
}

// hasParent reports whether ".." is an element of the paths that a pattern
// matches, also in braces.
func hasParent(pattern string) bool {
	for element := range strings.FieldsFuncSeq(pattern, func(r rune) bool { return strings.ContainsRune("/{},", r) }) {
		if element == ".." {
			return true
		}
	}
	return false
}
