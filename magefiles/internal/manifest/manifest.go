// Package manifest reads lambdas.json, the file that says which functions are
// deployed and where.
//
// It is strict: a member that is unknown, repeated or written in another case,
// a name that Lambda would refuse, a package that cannot become a binary are
// all reported at once, each with its line and column, before anything is built
// or sent. [Schema] describes the same rules to editors.
package manifest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	// DefaultSettle is the settle delay of an environment that names none.
	DefaultSettle = time.Minute

	// MaxSettle is the longest settle delay an environment may ask for.
	MaxSettle = 15 * time.Minute

	// MaxCalls are the control-plane calls a second that AWS takes.
	MaxCalls = 15

	// MaxSize is the largest manifest that is read, in bytes. It has room for
	// several thousand functions.
	MaxSize = 1 << 20
)

// A Manifest is the checked content of lambdas.json, with defaults filled in.
type Manifest struct {
	// Schema is the reference to the JSON Schema that editors follow.
	Schema string `json:"$schema,omitempty" jsonschema_description:"The JSON Schema that editors complete and check this file with."`

	// Environments are the places to deploy to, by name. There is at least one.
	Environments map[string]Environment `json:"environments" jsonschema_description:"The places to deploy to, by name."`

	// Functions are what is deployed, in the order of the file. There is at
	// least one.
	Functions []Function `json:"functions" jsonschema:"minItems=1" jsonschema_description:"The functions to deploy, in the order in which they are built and reported."`

	source source
}

// An Environment is one place to deploy to: an AWS account and region, as seen
// through a profile.
type Environment struct {
	// Name is the environment's name in the manifest, such as "prod".
	Name string `json:"-"`

	// Profile is the AWS profile; empty leaves the choice to the SDK's default
	// chain of credentials.
	Profile string `json:"profile,omitempty" jsonschema_description:"The AWS profile to use; without it the AWS SDK looks for credentials as every AWS tool does."`

	// Region is the AWS region; empty leaves the choice to the SDK.
	Region string `json:"region,omitempty" jsonschema:"example=ap-northeast-1" jsonschema_description:"The AWS region of the functions; without it the profile or AWS_REGION decides."`

	// Prefix is put before a function's name to form its name on AWS.
	Prefix string `json:"prefix,omitempty" jsonschema:"example=prod-" jsonschema_description:"What is put before a function's name to form its name on AWS."`

	// Account is the twelve-digit id of the account that the credentials must
	// belong to; empty means that any account will do.
	Account string `json:"account,omitempty" jsonschema:"example=123456789012" jsonschema_description:"The id of the AWS account that the credentials must belong to, as twelve digits in quotes; without it any account will do."`

	// Dual says whether zips for this environment still carry the legacy binary
	// beside bootstrap. It is true unless the manifest says otherwise.
	Dual bool `json:"dual,omitempty" jsonschema:"default=true" jsonschema_description:"Whether zips for this environment still carry the legacy go1.x binary beside bootstrap; cleanup sets it to false."`

	// Settle is how long to wait between a finished code update and the switch
	// of the runtime, while AWS may still serve requests by either version:
	// from 0 to [MaxSettle], [DefaultSettle] unless the manifest says otherwise.
	Settle time.Duration `json:"settle,omitempty" jsonschema_description:"How long to wait between the finished code update and the switch of the runtime, as a Go duration from 0s to 15m."`

	// Calls are how many of Lambda's control-plane calls a second may be made,
	// from 1 to [MaxCalls]; 0 leaves the choice to package quota.
	Calls float64 `json:"calls,omitempty" jsonschema:"minimum=1,maximum=15" jsonschema_description:"How many control-plane calls to Lambda may be made in a second, of the 15 that AWS takes from everybody in the account and region."`

	// Terraform is the directory of the Terraform files that manage the
	// environment's functions, relative to the manifest, with forward slashes;
	// it may lead out of the repository, as in "../infra/prod". Empty means
	// that there is none. Nothing is checked about what it holds.
	Terraform string `json:"terraform,omitempty" jsonschema:"example=../infra/prod" jsonschema_description:"The directory of the Terraform files that manage the functions of this environment, relative to this file, with forward slashes."`
}

// A Function is one Go function to deploy.
type Function struct {
	// Name is the function's name without any prefix. It is unique, also when
	// upper and lower case are not told apart, because it names a directory.
	Name string `json:"name" jsonschema_description:"The function's name without prefix; prefix and name together are the name on AWS."`

	// Package is the directory of the function's package main, relative to the
	// manifest, in the form that go build takes: "./functions/example-api".
	Package string `json:"package" jsonschema:"example=./functions/example-api" jsonschema_description:"The directory of the function's package main, relative to this file, with forward slashes."`

	// Tags are build tags in addition to the tool's own.
	Tags []string `json:"tags,omitempty" jsonschema:"uniqueItems=true" jsonschema_description:"Go build tags in addition to those that the build itself sets."`

	// Dual says whether the function's zip may carry the legacy binary at all.
	// It is true unless the manifest says otherwise: false is for a function
	// that never ran on go1.x.
	Dual bool `json:"dual,omitempty" jsonschema:"default=true" jsonschema_description:"Whether the function ever ran on go1.x; false leaves the legacy binary out of its zip in every environment."`

	// Names are full names on AWS by environment, for functions whose name is
	// not prefix and name.
	Names map[string]string `json:"names,omitempty" jsonschema_description:"The full name on AWS by environment, where it is not prefix and name."`
}

// FunctionName returns the name on AWS of f in e: what f.Names says for e, or
// else prefix and name.
func (e Environment) FunctionName(f Function) string {
	if name, ok := f.Names[e.Name]; ok {
		return name
	}
	return e.Prefix + f.Name
}

// Load reads the manifest in file and checks all of it, including the packages
// that it names. Whatever is wrong with the manifest is reported at once, as
// [Problems].
func Load(file string) (*Manifest, error) {
	data, err := read(file)
	if err != nil {
		return nil, err
	}
	d := decode(file, data)
	d.checkPackages()
	return d.result()
}

// Parse decodes and checks data, the content of the manifest in file, without
// looking at the packages that it names or at anything else on disk. Whatever
// is wrong is reported at once, as [Problems].
func Parse(file string, data []byte) (*Manifest, error) {
	return decode(file, data).result()
}

// Environment returns the environment called name, or a [Problem] that names
// those that there are.
func (m *Manifest) Environment(name string) (Environment, error) {
	if e, ok := m.Environments[name]; ok {
		return e, nil
	}
	return Environment{}, m.Problem("/environments",
		fmt.Sprintf("no environment %s", quote(name)), suggest(name, sortedKeys(m.Environments)))
}

// Problem returns a problem at the value that pointer, a JSON pointer, leads to
// in the manifest's file, or at the nearest value around it if there is none.
// It is for what only AWS can tell, such as an account that is not the expected
// one.
func (m *Manifest) Problem(pointer, message, hint string) Problem {
	return m.source.problem(pointer, message, hint)
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading manifest: %w (run from the directory that holds it; mage init writes a first one)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	defer f.Close()

	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("reading manifest: %s is larger than %d bytes (is it the right file?)", file, MaxSize)
	}
	return data, nil
}
