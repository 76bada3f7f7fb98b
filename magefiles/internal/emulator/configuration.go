package emulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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
	Layers           []attachedLayer `json:",omitempty"`
	TracingConfig    struct{ Mode string }
	EphemeralStorage struct{ Size int } // MB
	SnapStart        struct{ ApplyOn, OptimizationStatus string }
	LoggingConfig    struct{ LogFormat, LogGroup string }

	RuntimeVersionConfig *runtimeVersion `json:",omitempty"`

	state
	lastUpdate

	object *resolvedObject // the code, if it is kept by reference; GetFunction alone reports it
}

type environment struct{ Variables variables }

// variables are the variables of an environment, by name. They are reported and
// measured in the order in which the request had them.
type variables struct {
	byName map[string]string
	text   []byte // JSON
}

func (v *variables) UnmarshalJSON(data []byte) error {
	var text bytes.Buffer
	if err := json.Compact(&text, data); err != nil {
		return err
	}
	v.text = text.Bytes()
	return json.Unmarshal(data, &v.byName)
}

func (v variables) MarshalJSON() ([]byte, error) {
	if v.byName == nil {
		return []byte("{}"), nil
	}
	return v.text, nil
}

// runtimeVersion is the version of a runtime. Its ARN differs between runtimes
// and between architectures, as on AWS.
type runtimeVersion struct{ RuntimeVersionArn string }

// runtimeVersion returns the version of the runtime of a function, nil for a
// container image.
func (s *Server) runtimeVersion(c configuration) *runtimeVersion {
	if c.Runtime == "" {
		return nil
	}
	id := sha256.Sum256([]byte(c.Runtime + " " + c.architecture()))
	return &runtimeVersion{"arn:" + s.partition() + ":lambda:" + s.options.Region + "::runtime:" + hex.EncodeToString(id[:])}
}

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

// stateless returns the configuration without the states.
func (c configuration) stateless() configuration {
	c.state, c.lastUpdate = state{}, lastUpdate{}
	return c
}

// listed returns the configuration as lists show it.
func (c configuration) listed() configuration {
	c.RuntimeVersionConfig = nil
	return c.stateless()
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
	fixedSettings
}

// check refuses settings that are invalid by themselves, or that a function with
// configuration c cannot have.
func (s settings) check(c configuration) error {
	return validate(
		checkRuntime(s.Runtime),
		matching(s.Role, "role", `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`),
		atMost(128, s.Handler, "handler"),
		matching(s.Handler, "handler", `[^\s]+`),
		checkDescription(s.Description),
		between(1, 900, s.Timeout, "timeout"),
		between(128, 10240, s.MemorySize, "memorySize"),
		s.Environment.check(),
		checkLayers(s.Layers),
		s.fixedSettings.check(c),
	)
}

// apply sets all but the layers, which attach finds.
func (s settings) apply(c *configuration) {
	set(&c.Runtime, s.Runtime)
	set(&c.Role, s.Role)
	set(&c.Handler, s.Handler)
	set(&c.Description, s.Description)
	set(&c.Timeout, s.Timeout)
	set(&c.MemorySize, s.MemorySize)
	if s.Environment != nil {
		c.Environment = s.Environment
	}
}

// check refuses a configuration with parts that do not go together.
func (c configuration) check() error {
	switch {
	case c.PackageType == "Image" && (c.Runtime != "" || c.Handler != "" || len(c.Layers) > 0):
		// https://github.com/pulumi/pulumi-aws/issues/5439
		return invalidParameter("Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.")
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
	if name != nil && !slices.Contains(knownRuntimes(), *name) {
		return unknownRuntime(*name)
	}
	return nil
}

func unknownRuntime(name string) error {
	return invalidParameter("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN", name, offeredRuntimes)
}

// checkCreation refuses a runtime on which AWS lets nobody create functions any
// more. go1.x is such a runtime, too: the emulator takes it, for there would be
// nothing to migrate without it.
func checkCreation(runtime string) error {
	if runtime == lambda.Go1x || slices.Contains(strings.Split(offeredRuntimes, ", "), runtime) {
		return nil
	}
	lifecycle, err := lambda.LoadLifecycle()
	if err != nil {
		return err
	}
	if r, _ := lifecycle.Lookup(runtime); !r.Deprecated.IsZero() && r.Deprecated.Compare(lifecycle.Checked) <= 0 {
		return blocked(runtime)
	}
	return nil // it is newer than the list of those that AWS offered
}

// check refuses the environment variables that AWS refuses.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func (e *environment) check() error {
	if e == nil {
		return nil
	}
	var reserved []string
	for name, value := range e.Variables.byName {
		switch {
		case lambda.ReservedVariable(name):
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
	if text := e.Variables.text; len(text) > lambda.MaxVariables {
		return invalidParameter("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %s", text)
	}
	return nil
}
