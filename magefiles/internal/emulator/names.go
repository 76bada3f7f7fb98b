package emulator

import (
	"regexp"
	"strings"
)

// latest is the version that updates change.
const latest = "$LATEST"

// namePattern matches every form of a function's name: the name alone, a partial
// ARN (account:function:name) or a full ARN, each with an optional version or
// alias.
const namePattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-[a-z]+)+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`

var nameForm = regexp.MustCompile(`^` + namePattern + `$`)

// target is a function, or a version of it, in a request.
type target struct {
	name      string
	qualifier string // a version or an alias, or "" if none was given
}

func (t target) String() string { return strings.TrimSuffix(t.name+":"+t.qualifier, ":") }

// parseTarget parses a function's name. Functions of other regions and accounts
// do not exist.
func (s *Server) parseTarget(given string) (target, error) {
	m := nameForm.FindStringSubmatch(given)
	if m == nil || len(m[7]) > 64 || len(given) > 256 {
		return target{}, invalid(given, "functionName", "Member must satisfy regular expression pattern: "+namePattern)
	}
	region, account := strings.TrimSuffix(m[3], ":"), strings.TrimSuffix(m[5], ":")
	if region != "" && region != s.options.Region || account != "" && account != s.options.Account {
		return target{}, functionNotFound(given)
	}
	return target{name: m[7], qualifier: m[9]}, nil
}

func (s *Server) target(c *call) (target, error) {
	t, err := s.parseTarget(c.resource)
	if err != nil {
		return t, err
	}
	if q := c.URL.Query().Get("Qualifier"); q != "" {
		const pattern = `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`
		if len(q) > 128 || !matches(pattern, q) {
			return t, invalid(q, "qualifier", "Member must satisfy regular expression pattern: "+pattern)
		}
		if t.qualifier != "" && t.qualifier != q {
			return t, otherQualifier()
		}
		t.qualifier = q
	}
	return t, nil
}

// latestTarget is target for an operation on $LATEST or on the whole function.
// Assumption: AWS refuses versions and aliases there in the same words as two
// different qualifiers.
func (s *Server) latestTarget(c *call) (target, error) {
	t, err := s.target(c)
	if err == nil && t.qualifier != "" && t.qualifier != latest {
		err = otherQualifier()
	}
	return t, err
}

func otherQualifier() error {
	return invalidParameter("The derived qualifier from the function name does not match the specified qualifier.")
}

// arn returns the ARN of a target, qualified if the target is.
func (s *Server) arn(t target) string { return s.lambdaARN("function:" + t.String()) }

func (s *Server) lambdaARN(resource string) string {
	return "arn:" + s.partition() + ":lambda:" + s.options.Region + ":" + s.options.Account + ":" + resource
}

// partition returns the part of AWS that the region belongs to.
func (s *Server) partition() string {
	switch {
	case strings.HasPrefix(s.options.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(s.options.Region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
