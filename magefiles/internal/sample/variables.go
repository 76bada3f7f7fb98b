package sample

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// readVariables reads a file with environment variables, which need not exist. It
// accepts what Lambda accepts. Errors contain no values, which may be secret.
func readVariables(file string) (map[string]string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := checkJSON(file, data, false); err != nil {
		return nil, err
	}
	var values map[string]any
	if json.Unmarshal(data, &values) != nil || values == nil {
		return nil, fmt.Errorf(`%s: it is not an object of strings, such as {"STAGE": "test"}`, file)
	}
	variables := map[string]string{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value, isText := values[name].(string)
		if problem := problemOf(name, value, isText); problem != "" {
			errs = append(errs, fmt.Errorf("%s: %q %s", file, name, problem))
		}
		variables[name] = value
	}
	if size := lambda.VariablesSize(variables); len(errs) == 0 && size > lambda.MaxVariables {
		errs = append(errs, fmt.Errorf("%s: the variables are %s of JSON, and Lambda allows %s; remove some",
			file, text.Count(size, "byte"), text.Thousands(lambda.MaxVariables)))
	}
	return variables, errors.Join(errs...)
}

// variableName is what Lambda accepts. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html
var variableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

// problemOf returns what is wrong with a variable, or "".
func problemOf(name, value string, isText bool) string {
	switch {
	case lambda.ReservedVariable(name):
		return "is reserved, because Lambda itself sets it; remove it"
	case !variableName.MatchString(name):
		return "is not a name that Lambda accepts: a letter, and then one or more letters, digits and underscores"
	case !isText:
		return "is not a string; put the value in quotes"
	case strings.ContainsRune(value, 0):
		return "contains a zero byte"
	}
	return ""
}
