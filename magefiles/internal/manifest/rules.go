package manifest

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
)

// A rule is what a string must look like. The same pattern checks it here and,
// by way of the schema, in editors; so it stays within what Go's and
// JavaScript's regular expressions share.
type rule struct {
	pattern *regexp.Regexp
	not     string // the end of a sentence that begins with the refused string
	hint    string
}

var (
	environmentRule = rule{regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`),
		"is not an environment name", `use up to 32 lower-case letters, digits, "-" and "_", beginning with a letter`}

	profileRule = rule{regexp.MustCompile(`^([^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?)?$`),
		"is not a profile name", "leave out white space around it and control characters"}

	regionRule = rule{regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`),
		"is not an AWS region", "regions look like ap-northeast-1"}

	prefixRule = rule{regexp.MustCompile(`^[A-Za-z0-9_-]{0,63}$`),
		"cannot begin the name of a Lambda function", `use up to 63 letters, digits, "-" and "_"`}

	accountRule = rule{regexp.MustCompile(`^[0-9]{12}$`),
		"is not an AWS account id", "an account id has twelve digits"}

	settleRule = rule{regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(h|m|s|ms))+$`),
		"is not a duration from 0s to 15m", "durations look like 60s or 1m30s"}

	terraformRule = rule{regexp.MustCompile(`^[^\x00-\x20\x7f/~:\x5c]([^\x00-\x1f\x7f:\x5c]*[^\x00-\x20\x7f:\x5c])?$`),
		"is not a directory", "Terraform directories look like ../infra/prod"}

	functionRule = rule{regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`),
		"is not a name that Lambda accepts", `use 1 to 64 letters, digits, "-" and "_"`}

	packageRule = rule{regexp.MustCompile(`^(\./?|(\./)?` + element + `(/` + element + `)*/?)$`),
		"is not a package directory", "package directories look like ./functions/example-api"}

	tagRule = rule{regexp.MustCompile(`^[A-Za-z0-9_.]+$`),
		"is not a build tag", `use letters, digits, "_" and "."`}
)

// element matches an element of a package's path as Go allows it, without two
// dots in a row.
const element = `\.?[A-Za-z0-9_][A-Za-z0-9_~+-]*(\.[A-Za-z0-9_~+-]+)*`

// legacyTag is the build tag that leaves out of a binary what go1.x needs.
const legacyTag = "lambda.norpc"

func (r rule) check(s string) (message, hint string, ok bool) {
	if r.pattern.MatchString(s) {
		return "", "", true
	}
	return quote(s) + " " + r.not, r.hint, false
}

// CheckEnvironment checks the name of an environment that is yet to be written.
func CheckEnvironment(name string) error {
	if message, hint, ok := environmentRule.check(name); !ok {
		return Problem{Message: message, Hint: hint}
	}
	return nil
}

// checkPackage is the rule for package paths with more to say about common
// mistakes.
func checkPackage(s string) (message, hint string, ok bool) {
	slashed := strings.ReplaceAll(s, `\`, "/")
	switch {
	case s == "":
		return "the package path is empty", packageRule.hint, false
	case absolute(s):
		return fmt.Sprintf("package path %s is absolute", quote(s)), "write it relative to the manifest", false
	case slashed != s:
		return fmt.Sprintf("package path %s has backslashes", quote(s)), fmt.Sprintf("write %s", quote(slashed)), false
	case path.Clean(s) == ".." || strings.HasPrefix(path.Clean(s), "../"):
		return fmt.Sprintf("package path %s leaves the repository", quote(s)), "only packages beside or below the manifest can be built", false
	case strings.HasPrefix(s, "../") || strings.Contains(s, "/../") || strings.HasSuffix(s, "/.."):
		return fmt.Sprintf(`package path %s contains ".."`, quote(s)), fmt.Sprintf("write %s", quote(dotSlash(s))), false
	case strings.Contains(s, "..."):
		return fmt.Sprintf("package path %s is a pattern", quote(s)), "name one package", false
	}
	return packageRule.check(s)
}

// checkTerraform is the rule for Terraform directories with more to say about
// common mistakes.
func checkTerraform(s string) (message, hint string, ok bool) {
	slashed := strings.ReplaceAll(s, `\`, "/")
	switch {
	case s == "":
		return "the Terraform directory is empty", `leave it out, or write "." for the directory of the manifest`, false
	case absolute(s):
		return fmt.Sprintf("Terraform directory %s is absolute", quote(s)), "write it relative to the manifest, such as ../infra/prod", false
	case slashed != s:
		return fmt.Sprintf("Terraform directory %s has backslashes", quote(s)), fmt.Sprintf("write %s", quote(slashed)), false
	}
	return terraformRule.check(s)
}

// absolute reports whether the path s is absolute on some system, or in a
// shell.
func absolute(s string) bool {
	return len(s) > 1 && s[1] == ':' && isWord(rune(s[0])) || s != "" && strings.ContainsRune(`/\~`, rune(s[0]))
}

// dotSlash returns the package path s in the form that go build takes for a
// directory.
func dotSlash(s string) string {
	if s = path.Clean(s); s == "." {
		return s
	}
	return "./" + s
}

// checkSettle is the rule for settle delays with their range.
func checkSettle(s string) (d time.Duration, message, hint string, ok bool) {
	if message, hint, ok := settleRule.check(s); !ok {
		if settleRule.pattern.MatchString(s + "s") {
			hint = fmt.Sprintf("write %q, with the unit", s+"s")
		}
		return 0, message, hint, false
	}
	d, err := time.ParseDuration(s)
	if err != nil || d > MaxSettle {
		return 0, quote(s) + " " + settleRule.not, "the longest delay is 15m", false
	}
	return d, "", "", true
}
