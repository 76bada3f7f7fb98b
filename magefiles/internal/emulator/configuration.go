package emulator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/uuid"
)

// configuration is a function's configuration as the API reports it. It is a
// value: what it points to is replaced, never changed.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
type configuration struct {
	FunctionName     string
	FunctionArn      string
	Runtime          string `json:",omitempty"`
	Role             string
	Handler          string `json:",omitempty"`
	CodeSize         int64
	Description      string
	Timeout          int // seconds
	MemorySize       int // MB
	LastModified     string
	CodeSha256       string
	Version          string
	Environment      *environmentVariables `json:",omitempty"`
	RevisionId       string
	PackageType      string
	Architectures    []string
	TracingConfig    struct{ Mode string }
	EphemeralStorage struct{ Size int } // MB
	SnapStart        struct{ ApplyOn, OptimizationStatus string }
	LoggingConfig    struct{ LogFormat, LogGroup string }

	State           string `json:",omitempty"`
	StateReason     string `json:",omitempty"`
	StateReasonCode string `json:",omitempty"`

	LastUpdateStatus           string `json:",omitempty"`
	LastUpdateStatusReason     string `json:",omitempty"`
	LastUpdateStatusReasonCode string `json:",omitempty"`
}

type environmentVariables struct {
	Variables map[string]string
}

func (c configuration) architecture() string { return c.Architectures[0] }

// revise gives the configuration a new revision.
func (c *configuration) revise() { c.RevisionId = uuid.NewString() }

// lastModified is the form in which Lambda gives that time.
const lastModified = "2006-01-02T15:04:05.000-0700"

// touch sets LastModified to now.
func (c *configuration) touch() { c.LastModified = time.Now().UTC().Format(lastModified) }

// listed is the configuration as ListFunctions shows it, without the states.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
func (c configuration) listed() configuration {
	c.State, c.StateReason, c.StateReasonCode = "", "", ""
	c.LastUpdateStatus, c.LastUpdateStatusReason, c.LastUpdateStatusReasonCode = "", "", ""
	return c
}

// settings are the members of a configuration that requests set. What is nil
// was not given.
type settings struct {
	Runtime     *string
	Role        *string
	Handler     *string
	Description *string
	Timeout     *int
	MemorySize  *int
	Environment *environmentVariables
}

// apply checks the settings given and puts them into c.
func (s settings) apply(c *configuration) error {
	if s.Runtime != nil {
		if !knownRuntime(*s.Runtime) {
			return unknownRuntime(*s.Runtime)
		}
		c.Runtime = *s.Runtime
	}
	if s.Role != nil {
		const pattern = `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`
		if !matches(pattern, *s.Role) {
			return invalid(*s.Role, "role", "Member must satisfy regular expression pattern: "+pattern)
		}
		c.Role = *s.Role
	}
	if s.Handler != nil {
		if len(*s.Handler) > 128 {
			return invalid(*s.Handler, "handler", "Member must have length less than or equal to 128")
		}
		if !matches(`[^\s]+`, *s.Handler) {
			return invalid(*s.Handler, "handler", `Member must satisfy regular expression pattern: [^\s]+`)
		}
		c.Handler = *s.Handler
	}
	if s.Description != nil {
		if len(*s.Description) > 256 {
			return invalid(*s.Description, "description", "Member must have length less than or equal to 256")
		}
		c.Description = *s.Description
	}
	if s.Timeout != nil {
		if err := inRange(*s.Timeout, "timeout", 1, 900); err != nil {
			return err
		}
		c.Timeout = *s.Timeout
	}
	if s.MemorySize != nil {
		if err := inRange(*s.MemorySize, "memorySize", 128, 10240); err != nil {
			return err
		}
		c.MemorySize = *s.MemorySize
	}
	if s.Environment != nil {
		if err := checkVariables(s.Environment.Variables); err != nil {
			return err
		}
		c.Environment = s.Environment
		if len(s.Environment.Variables) == 0 {
			c.Environment = nil
		}
	}
	return nil
}

// check refuses a configuration whose parts do not go together.
func (c configuration) check() error {
	if c.PackageType == "Image" {
		if c.Runtime != "" || c.Handler != "" {
			return invalidParameter("Please don't provide Handler or Runtime when the intended function PackageType is Image.")
		}
		return nil
	}
	if c.Runtime == "" || c.Handler == "" {
		return invalidParameter("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	if c.Runtime == "go1.x" && c.architecture() == "arm64" {
		return invalidParameter("Runtime %s does not support the following architectures [arm64]. Please select different architectures from [x86_64] or select a different runtime.", c.Runtime)
	}
	return nil
}

// checkArchitectures takes a request's Architectures: exactly one, known.
func checkArchitectures(given []string) error {
	if len(given) != 1 {
		return invalid(given, "architectures", "Member must have length equal to 1")
	}
	if given[0] != "x86_64" && given[0] != "arm64" {
		return invalid(given, "architectures", "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]")
	}
	return nil
}

func matches(pattern, value string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(value)
}

func inRange(value int, member string, least, most int) error {
	if value < least {
		return invalid(value, member, fmt.Sprintf("Member must have value greater than or equal to %d", least))
	}
	if value > most {
		return invalid(value, member, fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
	return nil
}

// knownRuntime knows the runtimes that the SDK knows, deprecated ones included.
func knownRuntime(name string) bool {
	return slices.Contains(types.Runtime("").Values(), types.Runtime(name))
}

func unknownRuntime(name string) error {
	var known []string
	for _, r := range types.Runtime("").Values() {
		known = append(known, string(r))
	}
	slices.Sort(known)
	return invalidParameter("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN", name, strings.Join(known, ", "))
}

// maxVariables is how much all variables may take as JSON, in bytes.
const maxVariables = 4096

// checkVariables refuses the variables of the environment that AWS refuses.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func checkVariables(variables map[string]string) error {
	reserved := []string{
		"_HANDLER", "_X_AMZN_TRACE_ID",
		"AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
		"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
		"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "TZ",
	}
	var used []string
	for name, value := range variables {
		if slices.Contains(reserved, name) {
			used = append(used, name)
			continue
		}
		if !matches(`[a-zA-Z]([a-zA-Z0-9_])+`, name) {
			return invalid(name, "environment.variables", "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")
		}
		if strings.ContainsRune(value, 0) {
			return invalidParameter("The value of environment variable %s has a zero byte", name)
		}
	}
	if len(used) > 0 {
		slices.Sort(used)
		return invalidParameter("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(used, ", "))
	}
	if size, _ := json.Marshal(variables); len(size) > maxVariables {
		return invalidParameter("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %s", size)
	}
	return nil
}
