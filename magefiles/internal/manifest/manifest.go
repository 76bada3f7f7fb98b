// Package manifest reads lambdas.json, the file that lists the functions to
// deploy and the environments to deploy them to.
//
// It is strict: it reports unknown, repeated and misspelled members, function
// names that Lambda refuses and packages that do not build into a binary, all at
// once and with line and column, before anything is built or sent. The JSON
// Schema in [SchemaFile] describes the same rules to editors.
package manifest

import (
	"cmp"
	"fmt"
	"os"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

const (
	// DefaultSettle is the default settle delay.
	DefaultSettle = time.Minute

	maxSettle = 15 * time.Minute

	// maxSize is the maximum size of a manifest in bytes, enough for several
	// thousand functions.
	maxSize = 1 << 20
)

// The first sentences of the following comments describe the members in the
// JSON Schema.

// A Manifest is the checked content of lambdas.json, with defaults filled in.
type Manifest struct {
	// Schema is the JSON Schema that editors complete and check this file with.
	Schema string `json:"$schema,omitempty"`

	// Architecture is the architecture of all functions, x86_64 or arm64, unless
	// an environment or a function has its own; without it, each function keeps
	// the architecture that it has.
	Architecture string `json:"architecture,omitempty"`

	// LayerArchitectures are the architectures that the layers of all functions
	// support; a function with layers moves only to one of these.
	LayerArchitectures []string `json:"layerArchitectures,omitempty"`

	// Single tells whether zips hold one binary for both runtimes, with bootstrap
	// as a symbolic link to it, unless an environment or a function says
	// otherwise. The default is false.
	Single *bool `json:"single,omitempty"`

	// Snapshot tells whether a deploy publishes a version of each function before
	// it switches the runtime, unless an environment or a function says otherwise.
	// The default is false.
	Snapshot *bool `json:"snapshot,omitempty"`

	// Environments are the AWS accounts and regions to deploy to, by name. There
	// is at least one.
	Environments map[string]Environment `json:"environments"`

	// Functions are the functions to deploy, in the order in which they are
	// built and reported. There is at least one.
	Functions []Function `json:"functions"`

	source source
}

// An Environment is an AWS account and region to deploy to.
type Environment struct {
	// Name is the name of the environment, such as "prod".
	Name string `json:"-"`

	// Profile is the AWS profile to use; without it, the AWS SDK looks for
	// credentials as every AWS tool does.
	Profile string `json:"profile,omitempty"`

	// Region is the AWS region of the functions; without it, the profile or
	// AWS_REGION decides.
	Region string `json:"region,omitempty"`

	// Prefix and the name of a function together form its function name on AWS.
	Prefix string `json:"prefix,omitempty"`

	// Account is the ID of the AWS account that the credentials must belong to,
	// twelve digits in quotes; without it, any account will do.
	Account string `json:"account,omitempty"`

	// Dual tells whether zips for this environment carry the legacy go1.x binary
	// beside bootstrap; cleanup sets it to false.
	Dual bool `json:"dual,omitempty"`

	// Settle is the settle delay between the code update and the switch of the
	// runtime, a Go duration from 0s to 15m. The default is [DefaultSettle].
	Settle time.Duration `json:"settle,omitempty"`

	// Calls limits the control-plane calls to Lambda per second, of which AWS
	// allows 15 per account and region. Zero stands for the default of package
	// awsclient.
	Calls float64 `json:"calls,omitzero"`

	// Bucket is the S3 bucket through which zips of 50 MB and more go, in the
	// region of the functions; without it, such zips are refused.
	Bucket string `json:"bucket,omitempty"`

	// Architecture is like the architecture of the file, for this environment.
	Architecture string `json:"architecture,omitempty"`

	// LayerArchitectures are like those of the file, for this environment.
	LayerArchitectures []string `json:"layerArchitectures,omitempty"`

	// Single is like single of the file, for this environment.
	Single *bool `json:"single,omitempty"`

	// Snapshot is like snapshot of the file, for this environment.
	Snapshot *bool `json:"snapshot,omitempty"`

	// Terraform is the directory of the Terraform files that manage the
	// functions of this environment, relative to this file, with forward
	// slashes. It may be outside the repository, as in "../infra/prod". Its
	// content is not checked.
	Terraform string `json:"terraform,omitempty"`

	// TerraformVarFiles are the variable files of this environment, as of
	// terraform's -var-file, relative to the directory of the Terraform files.
	// Later ones win.
	TerraformVarFiles []string `json:"terraformVarFiles,omitempty"`

	// RollbackTo is like rollbackTo of a function, for the functions of this
	// environment that have none.
	RollbackTo string `json:"rollbackTo,omitempty"`
}

// A Function is a Go function to deploy.
type Function struct {
	// Name is the name of the function; prefix and name together are its
	// function name on AWS. It is unique even in another case, because it names
	// a directory.
	Name string `json:"name"`

	// Package is the directory of the function's package main, relative to this
	// file, with forward slashes. A function without one has a source. [Load] and [Parse] return it in the form that
	// go build accepts: "./functions/example-api".
	Package string `json:"package,omitempty"`

	// Source is "deployed" instead of a package for a function whose zips are made
	// from the one that it has on AWS. Nothing is built for it.
	Source string `json:"source,omitempty"`

	// Testdata is the directory with the events and variables that a rehearsal gives to
	// a function without sources, relative to this file, with forward slashes.
	Testdata string `json:"testdata,omitempty"`

	// Tags are Go build tags in addition to those that the build sets itself.
	Tags []string `json:"tags,omitempty"`

	// Dual tells whether the function ever ran on go1.x; false leaves the legacy
	// binary out of its zip in every environment.
	Dual bool `json:"dual,omitempty"`

	// RollbackTo is the runtime that the function had before its migration, to
	// which a rollback returns it; the default is go1.x, and unknown if dual is
	// false. It may be provided.al2 even if dual is true.
	RollbackTo string `json:"rollbackTo,omitempty"`

	// Handler is the handler that the function has on go1.x, which names the
	// legacy binary; while the function is on go1.x, its own handler counts
	// instead. The default is lambda.
	Handler string `json:"handler,omitempty"`

	// Include are the files that the zip holds besides the binaries, as globs
	// relative to the package directory. "**" matches any number of directories.
	Include []string `json:"include,omitempty"`

	// Drop are the files of the deployed zip that may disappear, as globs like
	// those of include.
	Drop []string `json:"drop,omitempty"`

	// Architecture is like the architecture of the file, for this function.
	Architecture string `json:"architecture,omitempty"`

	// LayerArchitectures are like those of the file, for this function.
	LayerArchitectures []string `json:"layerArchitectures,omitempty"`

	// Single is like single of the file, for this function.
	Single *bool `json:"single,omitempty"`

	// Snapshot is like snapshot of the file, for this function.
	Snapshot *bool `json:"snapshot,omitempty"`

	// Names are the full function names by environment, where they are not
	// prefix and name.
	Names map[string]string `json:"names,omitempty"`
}

// LegacyName returns the name of the legacy binary where the function is not on
// go1.x.
func (f Function) LegacyName() string { return cmp.Or(f.Handler, lambda.LegacyBinary) }

// Deployed is the source of a function without sources.
const Deployed = "deployed"

// Deployed reports whether the zips of the function are made from its deployed zip.
func (f Function) Deployed() bool { return f.Source == Deployed }

// FunctionName returns the function name of f in e.
func (e Environment) FunctionName(f Function) string {
	if name, ok := f.Names[e.Name]; ok {
		return name
	}
	return e.Prefix + f.Name
}

// Load reads the manifest in file and checks it, including the packages that it
// names. The error joins a [Problem] for each mistake, in the order of the file.
func Load(file string) (*Manifest, error) {
	data, err := read(file)
	if err != nil {
		return nil, err
	}
	d := decode(file, data)
	d.checkPackages()
	return d.result()
}

// Parse is like [Load] for the content of file, without checking the packages.
func Parse(file string, data []byte) (*Manifest, error) {
	return decode(file, data).result()
}

// Environment returns the environment of that name. The error is a [Problem].
func (m *Manifest) Environment(name string) (Environment, error) {
	if e, ok := m.Environments[name]; ok {
		return e, nil
	}
	return Environment{}, m.source.problem("environments",
		fault{fmt.Sprintf("no environment %s", quote(name)), suggest(name, sortedKeys(m.Environments))})
}

func read(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading manifest: %w", err)
	case len(data) > maxSize:
		return nil, fmt.Errorf("reading manifest: %s is larger than %s (is it the right file?)", file, text.Size(maxSize))
	}
	return data, nil
}
