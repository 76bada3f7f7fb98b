package emulator

import (
	"regexp"
	"strings"
)

// latest is the version that updates change.
const latest = "$LATEST"

// namePattern is every form in which the API takes a function's name: the name
// alone, a partial ARN (account:function:name) or a full one, each with an
// optional version or alias.
const namePattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-[a-z]+)+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`

// qualifierPattern is every form in which the API takes a version or an alias.
const qualifierPattern = `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`

// target is the function that a request is for.
type target struct {
	name      string
	qualifier string // a version or an alias, or nothing if none was given
}

// parseTarget reads a function's name as the API takes it. What another region
// or account would have is not found here.
func (s *Server) parseTarget(given string) (target, error) {
	m := regexp.MustCompile(`^` + namePattern + `$`).FindStringSubmatch(given)
	if m == nil || len(m[7]) > 64 || len(given) > 256 {
		return target{}, invalid(given, "functionName", "Member must satisfy regular expression pattern: "+namePattern)
	}
	region, account := strings.TrimSuffix(m[3], ":"), strings.TrimSuffix(m[5], ":")
	if region != "" && region != s.options.Region || account != "" && account != s.options.Account {
		return target{}, notFound(given)
	}
	return target{name: m[7], qualifier: m[9]}, nil
}

// target is the function that a call is for, by its path and Qualifier.
func (s *Server) target(c *call) (target, error) {
	t, err := s.parseTarget(c.function)
	if err != nil {
		return target{}, err
	}
	if q := c.URL.Query().Get("Qualifier"); q != "" {
		if len(q) > 128 || !matches(qualifierPattern, q) {
			return target{}, invalid(q, "qualifier", "Member must satisfy regular expression pattern: "+qualifierPattern)
		}
		if t.qualifier != "" && t.qualifier != q {
			return target{}, otherQualifier()
		}
		t.qualifier = q
	}
	return t, nil
}

// latestTarget is target for what can only be done with $LATEST, or with the
// function as a whole. Assumption: AWS refuses a version or an alias there in
// the words in which it refuses two qualifiers that differ.
func (s *Server) latestTarget(c *call) (target, error) {
	t, err := s.target(c)
	if err == nil && t.qualifier != "" && t.qualifier != latest {
		err = otherQualifier()
	}
	return t, err
}

func otherQualifier() *apiError {
	return invalidParameter("The derived qualifier from the function name does not match the specified qualifier.")
}

// arn is the function's ARN, qualified if the target is.
func (s *Server) arn(t target) string {
	arn := "arn:" + partition(s.options.Region) + ":lambda:" + s.options.Region + ":" + s.options.Account + ":function:" + t.name
	if t.qualifier != "" {
		arn += ":" + t.qualifier
	}
	return arn
}

// partition is the part of AWS that a region is in.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
