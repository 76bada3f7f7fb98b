package lambda

import (
	"encoding/json"
	"slices"
)

// MaxVariables is the maximum size of all environment variables of a function, in
// bytes of JSON. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const MaxVariables = 4096

// VariablesSize returns the size of environment variables as MaxVariables counts
// it.
func VariablesSize(variables map[string]string) int {
	data, err := json.Marshal(variables)
	if err != nil {
		panic(err) // unreachable: strings always have a JSON form
	}
	return len(data)
}

// ReservedVariable reports whether Lambda sets an environment variable itself, so
// that a function's configuration cannot contain it. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
func ReservedVariable(name string) bool {
	return slices.Contains([]string{
		"_HANDLER", "_X_AMZN_TRACE_ID",
		"AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
		"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
		"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "TZ",
	}, name)
}
