package emulator

import (
	"debug/elf"
	"path"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator/sandbox"
)

// Facts about Lambda: runtimes, architectures and limits.

const (
	go1x = "go1.x"

	x86_64 = "x86_64"
	arm64  = "arm64"
)

// Limits, in bytes.
//
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	maxUnzipped       = 250 << 20 // of a deployment package
	maxPackageRequest = 70167211  // of a request with a deployment package
	maxSyncPayload    = 6291456
	maxAsyncPayload   = 1048576
	maxOtherRequest   = 1 << 20
	maxVariables      = 4096 // of all environment variables as JSON
)

// entryPoint returns the file in the package that a runtime starts. It reports
// false for the runtimes that the emulator cannot run.
func entryPoint(runtime, handler string) (file string, ok bool) {
	switch runtime {
	case go1x:
		return path.Clean(handler), true
	case "provided", "provided.al2", "provided.al2023":
		return "bootstrap", true
	}
	return "", false
}

// protocol returns how a runtime and its processes communicate.
func protocol(runtime string) sandbox.Protocol {
	if runtime == go1x {
		return sandbox.RPC
	}
	return sandbox.RuntimeAPI
}

// knownRuntime reports whether the API accepts a runtime. The SDK's list has the
// deprecated runtimes as well.
func knownRuntime(name string) bool {
	return slices.Contains(types.Runtime("").Values(), types.Runtime(name))
}

// supports reports whether a runtime exists on an architecture.
func supports(runtime, architecture string) bool {
	return runtime != go1x || architecture == x86_64
}

// machine returns the ELF machine of an architecture.
func machine(architecture string) elf.Machine {
	if architecture == arm64 {
		return elf.EM_AARCH64
	}
	return elf.EM_X86_64
}
