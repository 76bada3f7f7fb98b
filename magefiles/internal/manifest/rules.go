package manifest

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
)

// A rule is the pattern of a string, which the JSON Schema contains too: it
// stays within what Go's and JavaScript's regular expressions share.
type rule struct {
	pattern *regexp.Regexp
	not     string // follows a refused string in the message
	hint    string
}

var (
	environmentRule = rule{regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`),
		"is not an environment name", `use up to 32 lower-case letters, digits, "-" and "_", beginning with a letter`}
	profileRule = rule{regexp.MustCompile(`^([^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?)?$`),
		"is not a profile name", "remove control characters and surrounding white space"}
	regionRule = rule{regexp.MustCompile(regionPattern), "is not an AWS region", "regions look like ap-northeast-1"}
	prefixRule = rule{regexp.MustCompile(`^[A-Za-z0-9_-]{0,63}$`),
		"is not a valid prefix of function names", `use up to 63 letters, digits, "-" and "_"`}
	bucketRule = rule{regexp.MustCompile(bucketPattern), "is not the name of an S3 bucket",
		`use 3 to 63 lower-case letters, digits, "." and "-", beginning and ending with a letter or digit`}
	accountRule = rule{regexp.MustCompile(accountPattern), "is not an AWS account ID", "account IDs have twelve digits"}
	settleRule  = rule{regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(h|m|s|ms))+$`),
		"is not a duration from 0s to 15m", "durations look like 60s or 1m30s"}
	terraformRule = rule{regexp.MustCompile(`^[^\x00-\x20\x7f/~:\x5c]([^\x00-\x1f\x7f:\x5c]*[^\x00-\x20\x7f:\x5c])?$`),
		"is not a directory", "Terraform directories look like ../infra/prod"}
	varFileRule = rule{regexp.MustCompile(`^[^\x00-\x20\x7f/~:\x5c]([^\x00-\x1f\x7f:\x5c]*[^\x00-\x20\x7f/:\x5c])?$`),
		"is not a file", "variable files look like prod.tfvars"}
	functionRule = rule{regexp.MustCompile(functionNamePattern),
		"is not a valid function name", `use 1 to 64 letters, digits, "-" and "_"`}
	packageRule = rule{regexp.MustCompile(`^(\./?|(\./)?` + pathElement + `(/` + pathElement + `)*/?)$`),
		"is not a package directory", "package directories look like ./functions/example-api"}
	testdataRule = rule{packageRule.pattern, "is not a directory below the manifest", "such directories look like ./testdata/old-import"}
	tagRule      = rule{regexp.MustCompile(`^[A-Za-z0-9_.]+$`), "is not a build tag", `use letters, digits, "_" and "."`}
)

// pathElement matches an element of an import path, without two dots in a row.
const pathElement = `\.?[A-Za-z0-9_][A-Za-z0-9_~+-]*(\.[A-Za-z0-9_~+-]+)*`

// check returns the fault of s, or nil.
func (r rule) check(s string) *fault {
	if r.pattern.MatchString(s) {
		return nil
	}
	return &fault{quote(s) + " " + r.not, r.hint}
}

// CheckEnvironment checks the name of a new environment. The error is a
// [Problem] without a place.
func CheckEnvironment(name string) error { return environmentRule.check(name).err() }

// CheckName checks the name of a new function. The error is a [Problem] without a
// place.
func CheckName(name string) error { return functionRule.check(name).err() }

// checkPackage applies packageRule and explains common mistakes.
func checkPackage(s string) *fault {
	clean, what := path.Clean(s), "package path "+quote(s)
	switch {
	case s == "":
		return &fault{"the package path is empty", packageRule.hint}
	case isAbsolute(s):
		return &fault{what + " is absolute", "write it relative to the manifest"}
	case strings.Contains(s, `\`):
		return withBackslashes(s, what)
	case clean == ".." || strings.HasPrefix(clean, "../"):
		return &fault{what + " leaves the repository", "only packages beside or below the manifest can be built"}
	case strings.Contains("/"+s+"/", "/../"):
		return &fault{what + ` contains ".."`, "write " + quote(dotSlash(s))}
	case strings.Contains(s, "..."):
		return &fault{what + " is a pattern", "name one package"}
	}
	return packageRule.check(s)
}

// checkSource checks where the code of a function without a package comes from.
func checkSource(s string) *fault {
	if s == Deployed {
		return nil
	}
	return &fault{quote(s) + " is not a source", fmt.Sprintf(`write %q for a function without sources, or name its directory as "package"`, Deployed)}
}

// architectures are those of Lambda, as its API names them.
func architectures() []string { return []string{lambda.X86_64, lambda.ARM64} }

// checkArchitecture checks an architecture and explains names that Lambda does not
// use.
func checkArchitecture(s string) *fault {
	if slices.Contains(architectures(), s) {
		return nil
	}
	hint := suggest(s, architectures())
	switch strings.ToLower(s) {
	case "amd64", "x64":
		hint = didYouMean(lambda.X86_64)
	case "aarch64":
		hint = didYouMean(lambda.ARM64)
	}
	return &fault{quote(s) + " is not an architecture of Lambda", hint}
}

// checkBucket applies bucketRule and explains common mistakes.
func checkBucket(s string) *fault {
	f := bucketRule.check(s)
	if f == nil {
		return nil
	}
	name := strings.TrimPrefix(strings.TrimPrefix(s, "s3://"), "arn:aws:s3:::")
	name, _, _ = strings.Cut(name, "/")
	if bucketRule.check(name) == nil {
		f.hint = fmt.Sprintf("write %q, the name alone", name)
	}
	return f
}

// checkTerraform applies terraformRule and explains common mistakes.
func checkTerraform(s string) *fault {
	what := "Terraform directory " + quote(s)
	switch {
	case s == "":
		return &fault{"the Terraform directory is empty", `leave it out, or write "." for the directory of the manifest`}
	case isAbsolute(s):
		return &fault{what + " is absolute", "write it relative to the manifest, such as ../infra/prod"}
	case strings.Contains(s, `\`):
		return withBackslashes(s, what)
	}
	return terraformRule.check(s)
}

// checkTerraformVarFile applies varFileRule and explains common mistakes.
func checkTerraformVarFile(s string) *fault {
	what := "variable file " + quote(s)
	switch {
	case s == "":
		return &fault{"the name of the variable file is empty", varFileRule.hint}
	case isAbsolute(s):
		return &fault{what + " is absolute", "write it relative to the Terraform directory, such as prod.tfvars"}
	case strings.Contains(s, `\`):
		return withBackslashes(s, what)
	}
	return varFileRule.check(s)
}

// checkRollbackTo checks a runtime that functions may have had.
func checkRollbackTo(s string) *fault {
	switch {
	case slices.Contains(lambda.Origins(), s):
		return nil
	case s == lambda.ProvidedAL2023:
		return &fault{fmt.Sprintf("%q is the runtime that a deploy moves functions to", s), "name the one before that: " + strings.Join(lambda.Origins(), ", ")}
	}
	return &fault{quote(s) + " is not a runtime to return to", suggest(s, lambda.Origins())}
}

func withBackslashes(s, what string) *fault {
	return &fault{what + " has backslashes", "write " + quote(strings.ReplaceAll(s, `\`, "/"))}
}

// isAbsolute reports whether the path s is absolute on some system, or in a
// shell.
func isAbsolute(s string) bool {
	return len(s) > 1 && s[1] == ':' && isWord(rune(s[0])) || s != "" && strings.ContainsRune(`/\~`, rune(s[0]))
}

// dotSlash returns the package path s as go build expects a directory.
func dotSlash(s string) string {
	if s = path.Clean(s); s == "." {
		return s
	}
	return "./" + s
}

// checkSettle applies settleRule and checks the range.
func checkSettle(s string) *fault {
	f := settleRule.check(s)
	if f != nil && settleRule.check(s+"s") == nil {
		f.hint = fmt.Sprintf("write %q, with the unit", s+"s")
	}
	if f != nil {
		return f
	}
	if d, err := time.ParseDuration(s); err != nil || d > maxSettle {
		return &fault{quote(s) + " " + settleRule.not, "the maximum is 15m"}
	}
	return nil
}

// checkTag applies tagRule and refuses the tag that breaks go1.x.
func checkTag(s string) *fault {
	if s == lambda.NoRPC {
		return &fault{fmt.Sprintf("build tag %q breaks the legacy binary: %s needs RPC", s, lambda.Go1x), "remove it: the build sets it for bootstrap"}
	}
	return tagRule.check(s)
}
