package build

import (
	"fmt"
	"runtime"

	"example.com/dualboot/magefiles/internal/lambda"
)

// Kind is what a binary is for. Its value is its name in paths and messages.
type Kind string

const (
	// Legacy is started by go1.x, which invokes it over net/rpc. On a provided
	// runtime it calls the Runtime API.
	Legacy Kind = "lambda"
	// Bootstrap is started by the provided runtimes and calls the Runtime API.
	Bootstrap Kind = "bootstrap"
	// Single is one binary for both runtimes.
	Single Kind = "single"
)

// tags returns the build tags of the kind. The provided runtimes do not use
// net/rpc, and provided.al2023 has no time zone database. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/golang-package.html
func (k Kind) tags() []string {
	switch k {
	case Bootstrap:
		return []string{lambda.NoRPC, "timetzdata"}
	case Single:
		return []string{"timetzdata"}
	}
	return nil
}

// Binary is one of the binaries of a function.
type Binary struct {
	Kind         Kind
	Architecture string // as the Lambda API names it: x86_64 or arm64
}

// String returns the kind, and for arm64 "bootstrap-arm64".
func (b Binary) String() string {
	if b.Architecture == lambda.ARM64 {
		return string(b.Kind) + "-" + lambda.ARM64
	}
	return string(b.Kind)
}

// MarshalText returns the text of String, so that binaries can be keys in JSON.
func (b Binary) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// valid returns an error if Lambda cannot have such a binary.
func (b Binary) valid() error {
	switch b.Architecture {
	case lambda.X86_64:
		return nil
	case lambda.ARM64:
		if b.Kind == Bootstrap {
			return nil
		}
		return fmt.Errorf("building %s: go1.x does not support arm64", b)
	}
	return fmt.Errorf("building %s: unknown architecture %q, want %s or %s", b, b.Architecture, lambda.X86_64, lambda.ARM64)
}

// platform returns the platform on which Lambda starts the binary.
func (b Binary) platform() Platform {
	if b.Architecture == lambda.ARM64 {
		return Platform{OS: "linux", Arch: "arm64"}
	}
	return AWS
}

// Platform is an operating system and architecture, in Go's terms.
type Platform struct{ OS, Arch string }

// AWS is the platform of go1.x, and of all other functions on x86_64.
var AWS = Platform{OS: "linux", Arch: "amd64"}

// host returns the platform of this machine.
func host() Platform { return Platform{OS: runtime.GOOS, Arch: runtime.GOARCH} }

func (p Platform) String() string { return p.OS + "/" + p.Arch }
