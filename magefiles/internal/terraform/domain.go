package terraform

import "slices"

// The runtimes, handlers and architecture that dualboot moves functions between.
const (
	goRuntime       = "go1.x"
	goHandler       = "lambda" // the only handler on go1.x that dualboot supports
	newRuntime      = "provided.al2023"
	newHandler      = "bootstrap"
	newArchitecture = "x86_64"
)

// isOld reports whether dualboot moves functions away from a runtime.
func isOld(runtime string) bool {
	return slices.Contains([]string{goRuntime, "provided", "provided.al2"}, runtime)
}

// functionKind is the type of the resources that define functions.
const functionKind = "aws_lambda_function"

// attributes are the attributes of a function that dualboot changes.
var attributes = []string{"runtime", "handler", "architectures"}

// targets are the values that attributes must have.
var targets = map[string]string{"runtime": newRuntime, "handler": newHandler, "architectures": newArchitecture}
