package lambda

import (
	"encoding/json"
	"maps"
	"slices"

	"example.com/dualboot/magefiles/internal/text"
)

// Variables are environment variables of a function. No output shows their values.
type Variables map[string]string

func (v Variables) String() string               { return text.Count(len(v), "variable") }
func (v Variables) GoString() string             { return v.String() }
func (v Variables) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Names of the time zone database that dualboot adds to a zip: of its file, and of the
// environment variable that leads Go to it. The bridge has one too. provided.al2023
// has no database, and go1.x has one. Source: https://pkg.go.dev/time#LoadLocation
const (
	ZonesFile     = "zoneinfo.zip"
	ZonesVariable = "ZONEINFO"
	ZonesPath     = "/var/task/" + ZonesFile
	BridgeZones   = "/opt/" + ZonesFile
)

// WithZones returns the variables, with the path of the time zone database.
func (v Variables) WithZones(path string) Variables {
	all := maps.Clone(v)
	if all == nil {
		all = Variables{}
	}
	all[ZonesVariable] = path
	return all
}

// OwnZones reports whether the variables name a time zone database that is not the
// bridge's.
func (v Variables) OwnZones() bool {
	path := v[ZonesVariable]
	return path != "" && path != BridgeZones
}

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
