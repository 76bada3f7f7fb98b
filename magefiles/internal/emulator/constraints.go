package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/text"
)

// Constraints of the API's model. A nil value was not given and breaks none.

// violations are the constraints that a request breaks.
type violations []string

func (v violations) Error() string {
	return text.Count(len(v), "validation error") + " detected: " + strings.Join(v, "; ")
}

// validate returns all violations in one error, as AWS does, or else the first
// other error.
func validate(errs ...error) error {
	var all violations
	for _, err := range errs {
		v, _ := errors.AsType[violations](err)
		all = append(all, v...)
	}
	if len(all) > 0 {
		return all
	}
	return cmp.Or(errs...)
}

func invalid(value any, member, constraint string) error {
	shown := "null"
	if list, ok := value.([]string); ok {
		shown = "'[" + strings.Join(list, ", ") + "]'"
	} else if value != nil {
		shown = fmt.Sprintf("'%v'", value)
	}
	return violations{fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", shown, member, constraint)}
}

func required[T any](value *T, member string) error {
	if value == nil {
		return invalid(nil, member, "Member must not be null")
	}
	return nil
}

func matching(value *string, member, pattern string) error {
	if value != nil && !matches(pattern, *value) {
		return invalid(*value, member, "Member must satisfy regular expression pattern: "+pattern)
	}
	return nil
}

func matches(pattern, value string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(value)
}

func atMost(length int, value *string, member string) error {
	if value != nil && len(*value) > length {
		return invalid(*value, member, fmt.Sprintf("Member must have length less than or equal to %d", length))
	}
	return nil
}

func between(least, most int, value *int, member string) error {
	switch {
	case value != nil && *value < least:
		return invalid(*value, member, fmt.Sprintf("Member must have value greater than or equal to %d", least))
	case value != nil && *value > most:
		return invalid(*value, member, fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
	return nil
}

func oneOf(value, member string, set ...string) error {
	if !slices.Contains(set, value) {
		return invalid(value, member, "Member must satisfy enum value set: ["+strings.Join(set, ", ")+"]")
	}
	return nil
}

func set[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}
