package emulator

import (
	"cmp"
	"regexp"
	"strings"
)

// latest is the version that updates change.
const latest = "$LATEST"

// The patterns of functions' names in the API's model, as AWS states them in
// errors. They match the name alone, a partial ARN (account:function:name) or a
// full ARN, each with an optional version or alias.
const (
	namePrefix     = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?`
	namePattern    = namePrefix + `([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`
	newNamePattern = namePrefix + `([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?` // for CreateFunction
)

var (
	nameForm    = regexp.MustCompile(`^` + namePattern + `$`)
	newNameForm = regexp.MustCompile(`^` + newNamePattern + `$`)
)

// target is a function, or a version of it, in a request.
type target struct {
	name      string
	qualifier string // a version or an alias, or "" if none was given
}

func (t target) String() string { return strings.TrimSuffix(t.name+":"+t.qualifier, ":") }

// parseTarget parses the name of a function that may exist. Assumption: functions
// of other accounts do not.
func (s *Server) parseTarget(given string) (target, error) {
	t, account, err := s.parseName(given, 256, nameForm, namePattern)
	if err == nil && account != s.options.Account {
		err = functionNotFound(given)
	}
	return t, err
}

// parseNewName parses the name of a function to create.
func (s *Server) parseNewName(given string) (target, error) {
	t, account, err := s.parseName(given, 140, newNameForm, newNamePattern)
	switch {
	case err != nil:
	case account != s.options.Account:
		err = notYours()
	case t.qualifier != "":
		err = invalidParameter("The function name of a new function must not have a version or alias: %s", given)
	case len(t.name) > 64: // not a violation to AWS, but with the text of one
		err = invalidParameter("%s", atMost(64, &t.name, "functionName"))
	}
	return t, err
}

// parseName parses a function's name of at most the given length. It returns the
// account too, which is the server's if the name has none.
func (s *Server) parseName(given string, most int, form *regexp.Regexp, pattern string) (t target, account string, err error) {
	m := form.FindStringSubmatch(given)
	err = atMost(most, &given, "functionName")
	if m == nil {
		err = validate(err, invalid(given, "functionName", "Member must satisfy regular expression pattern: "+pattern))
	}
	if err != nil {
		return target{}, "", err
	}
	region, account := strings.TrimSuffix(m[3], ":"), strings.TrimSuffix(m[9], ":")
	if region != "" && region != s.options.Region {
		err = notFound("Functions from '%s' are not reachable in this region ('%s')", region, s.options.Region)
	}
	return target{name: m[11], qualifier: m[13]}, cmp.Or(account, s.options.Account), err
}

// target returns the target of a call. Assumption: the operations that AWS's
// answers are not recorded of take the same names as GetFunction.
func (s *Server) target(c *call) (target, error) {
	t, err := s.parseTarget(c.resource)
	q := c.URL.Query().Get("Qualifier")
	if q == "" {
		return t, err
	}
	const pattern = `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`
	err = validate(atMost(128, &q, "qualifier"), matching(&q, "qualifier", pattern), err)
	if err == nil && t.qualifier != "" && t.qualifier != q {
		err = otherQualifier()
	}
	t.qualifier = q
	return t, err
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
