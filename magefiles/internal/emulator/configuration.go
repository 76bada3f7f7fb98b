package emulator

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"example.com/dualboot/magefiles/internal/lambda"
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
	Environment      *environment `json:",omitempty"`
	RevisionId       string
	PackageType      string
	Architectures    []string
	Layers           []layer `json:",omitempty"`
	TracingConfig    struct{ Mode string }
	EphemeralStorage struct{ Size int } // MB
	SnapStart        struct{ ApplyOn, OptimizationStatus string }
	LoggingConfig    struct{ LogFormat, LogGroup string }
	state
	lastUpdate

	object *resolvedObject // the code, if it is kept by reference; GetFunction alone reports it
}

// layer is a layer version. Its content is not applied.
type layer struct {
	Arn      string
	CodeSize int64
}

type environment struct{ Variables map[string]string }

type state struct {
	State           string `json:",omitempty"`
	StateReason     string `json:",omitempty"`
	StateReasonCode string `json:",omitempty"`
}

type lastUpdate struct {
	LastUpdateStatus           string `json:",omitempty"`
	LastUpdateStatusReason     string `json:",omitempty"`
	LastUpdateStatusReasonCode string `json:",omitempty"`
}

var (
	creating   = state{"Pending", "The function is being created.", "Creating"}
	active     = state{State: "Active"}
	inProgress = lastUpdate{"InProgress", "The function is being created.", "Creating"}
	successful = lastUpdate{LastUpdateStatus: "Successful"}
)

func defaultConfiguration(name string) configuration {
	conf := configuration{
		FunctionName: name, Timeout: 3, MemorySize: 128,
		Version: latest, PackageType: "Zip", Architectures: []string{lambda.X86_64}, state: creating,
	}
	conf.TracingConfig.Mode = "PassThrough"
	conf.EphemeralStorage.Size = 512
	conf.SnapStart.ApplyOn, conf.SnapStart.OptimizationStatus = "None", "Off"
	conf.LoggingConfig.LogFormat, conf.LoggingConfig.LogGroup = "Text", logGroup(name)
	conf.modified()
	return conf
}

func logGroup(function string) string { return "/aws/lambda/" + function }

func (c configuration) architecture() string { return c.Architectures[0] }

func (c *configuration) revise() { c.RevisionId = uuid.NewString() }

const lastModified = "2006-01-02T15:04:05.000-0700"

func (c *configuration) modified() {
	c.LastModified = time.Now().UTC().Format(lastModified)
	c.revise()
}

// listed returns the configuration as lists show it, without the states.
func (c configuration) listed() configuration {
	c.state, c.lastUpdate = state{}, lastUpdate{}
	return c
}

// settings are the members of a configuration that a request can set. Those
// that were not given are nil.
type settings struct {
	Runtime     *string
	Role        *string
	Handler     *string
	Description *string
	Timeout     *int
	MemorySize  *int
	Environment *environment
	Layers      []string
}

func (s settings) apply(c *configuration) error {
	err := cmp.Or(
		checkRuntime(s.Runtime),
		matching(s.Role, "role", `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`),
		atMost(128, s.Handler, "handler"),
		matching(s.Handler, "handler", `[^\s]+`),
		checkDescription(s.Description),
		between(1, 900, s.Timeout, "timeout"),
		between(128, 10240, s.MemorySize, "memorySize"),
		s.Environment.check(),
		checkLayers(s.Layers),
	)
	if err != nil {
		return err
	}
	set(&c.Runtime, s.Runtime)
	set(&c.Role, s.Role)
	set(&c.Handler, s.Handler)
	set(&c.Description, s.Description)
	set(&c.Timeout, s.Timeout)
	set(&c.MemorySize, s.MemorySize)
	if s.Layers != nil {
		c.Layers = nil
		for _, arn := range s.Layers {
			c.Layers = append(c.Layers, layer{Arn: arn})
		}
	}
	if s.Environment != nil {
		c.Environment = s.Environment
		if len(s.Environment.Variables) == 0 {
			c.Environment = nil
		}
	}
	return nil
}

// checkLayers refuses what are no ARNs of layer versions, and more than five of
// them. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html#lambda-CreateFunction-request-Layers
func checkLayers(arns []string) error {
	const pattern = `(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)`
	for _, arn := range arns {
		if !matches(pattern, arn) {
			return invalid(arns, "layers", "Member must satisfy constraint: [Member must satisfy regular expression pattern: "+pattern+"]")
		}
	}
	if len(arns) > 5 {
		return invalidParameter("Cannot reference more than 5 layers.")
	}
	return nil
}

// check refuses a configuration with parts that do not go together.
func (c configuration) check() error {
	switch {
	case c.PackageType == "Image" && (c.Runtime != "" || c.Handler != ""):
		return invalidParameter("Please don't provide Handler or Runtime when the intended function PackageType is Image.")
	case c.PackageType == "Image":
		return nil
	case c.Runtime == "" || c.Handler == "":
		return invalidParameter("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	case !supports(c.Runtime, c.architecture()):
		return invalidParameter("Runtime %s does not support the following architectures [arm64]. Please select different architectures from [x86_64] or select a different runtime.", c.Runtime)
	}
	return nil
}

func checkDescription(description *string) error { return atMost(256, description, "description") }

func checkArchitectures(given []string) error {
	switch {
	case given == nil:
		return nil
	case len(given) != 1:
		return invalid(given, "architectures", "Member must have length equal to 1")
	case given[0] != lambda.X86_64 && given[0] != lambda.ARM64:
		return invalid(given, "architectures", "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]")
	}
	return nil
}

func checkRuntime(name *string) error {
	if known := knownRuntimes(); name != nil && !slices.Contains(known, *name) {
		return invalidParameter("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN", *name, strings.Join(known, ", "))
	}
	return nil
}

// check refuses the environment variables that AWS refuses.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func (e *environment) check() error {
	if e == nil {
		return nil
	}
	var reserved []string
	for name, value := range e.Variables {
		switch {
		case isReserved(name):
			reserved = append(reserved, name)
		case !matches(`[a-zA-Z]([a-zA-Z0-9_])+`, name):
			return invalid(name, "environment.variables", "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")
		case strings.ContainsRune(value, 0):
			return invalidParameter("The value of environment variable %s contains a zero byte", name)
		}
	}
	if len(reserved) > 0 {
		slices.Sort(reserved)
		return invalidParameter("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(reserved, ", "))
	}
	if text, _ := json.Marshal(e.Variables); len(text) > maxVariables {
		return invalidParameter("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %s", text)
	}
	return nil
}
