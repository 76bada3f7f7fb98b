// Package lambda holds the facts about AWS Lambda that a migration depends on:
// which file a runtime starts, what fits into a deployment package, how a
// function is reported, and when AWS retires a runtime. No other package
// restates them.
package lambda

import "debug/elf"

// The runtimes that dualboot moves functions between, as the API names them.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
const (
	Go1x           = "go1.x"
	Provided       = "provided"
	ProvidedAL2    = "provided.al2"
	ProvidedAL2023 = "provided.al2023"
)

// The names of a function's two binaries in the deployment package.
const (
	// LegacyBinary is the default name of the binary that go1.x starts. The
	// function's handler decides.
	LegacyBinary = "lambda"
	// Bootstrap is started by the provided runtimes.
	Bootstrap = "bootstrap"
)

// Architectures, as the API names them.
const (
	X86_64 = "x86_64"
	ARM64  = "arm64"
)

// NoRPC is the build tag of aws-lambda-go that leaves out net/rpc, without which
// go1.x cannot invoke a binary.
const NoRPC = "lambda.norpc"

// Origins returns the runtimes that functions are moved from, and that a rollback
// returns them to.
func Origins() []string { return []string{Go1x, ProvidedAL2, Provided} }

// SupportsARM64 reports whether a runtime can run on arm64. Those on the first
// Amazon Linux, go1.x and provided, run on x86_64 only. Source:
// https://aws.amazon.com/blogs/aws/aws-lambda-functions-powered-by-aws-graviton2-processor-run-your-functions-on-arm-and-get-up-to-34-better-price-performance/
func SupportsARM64(runtime string) bool { return runtime == ProvidedAL2 || runtime == ProvidedAL2023 }

// Machine returns the machine in the ELF header of a program for an architecture.
func Machine(architecture string) elf.Machine {
	if architecture == ARM64 {
		return elf.EM_AARCH64
	}
	return elf.EM_X86_64
}

// IsProvided reports whether the runtime is an OS-only runtime.
func IsProvided(runtime string) bool {
	return runtime == Provided || runtime == ProvidedAL2 || runtime == ProvidedAL2023
}

// Supported reports whether dualboot knows what the runtime starts.
func Supported(runtime string) bool { return runtime == Go1x || IsProvided(runtime) }

// EntryPoint returns the file of the deployment package that the runtime starts:
// on go1.x the one that the handler names, and bootstrap on a provided runtime,
// which ignores the handler. It returns "" for other runtimes. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/golang-package.html
func EntryPoint(runtime, handler string) string {
	switch {
	case runtime == Go1x:
		return handler
	case IsProvided(runtime):
		return Bootstrap
	}
	return ""
}
