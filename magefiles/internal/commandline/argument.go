package commandline

import (
	"fmt"
	"strings"
)

// Argument returns the required argument of a target, which may also be given as
// a flag. The first word after a target with an argument is the argument for mage,
// even if it is a flag.
func (p *Program) Argument(target, argument, word, name string, flag *string) (string, error) {
	given, value, equals := strings.Cut(word, "=")
	switch {
	case strings.EqualFold(given, "-"+name) && equals && flag == nil && value != "":
		return value, nil
	case strings.EqualFold(given, "-"+name) && equals && flag == nil:
		return "", fmt.Errorf("-%s is empty; write: %s -%[1]s=%[3]s", name, p.Command(target), strings.ToUpper(argument))
	case strings.EqualFold(given, "-"+name) && !equals:
		return "", fmt.Errorf("write -%s=%s, with = and without a space", name, strings.ToUpper(argument))
	case strings.HasPrefix(word, "-") && flag != nil:
		return "", fmt.Errorf("the %s comes first; write: %s", argument, p.Command(target, *flag, word))
	case strings.HasPrefix(word, "-"):
		return "", fmt.Errorf("%s needs the %s first; write: %s", target, argument, p.Command(target, strings.ToUpper(argument), word))
	case flag != nil:
		return "", fmt.Errorf("the %s is %q and -%s is %q; write one of them", argument, word, name, *flag)
	case word == "":
		return "", fmt.Errorf("the %s is empty", argument)
	}
	return word, nil
}
