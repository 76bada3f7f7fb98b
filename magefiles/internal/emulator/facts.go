package emulator

import (
	"path"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator/runner"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Facts about Lambda: runtimes, architectures and limits.

// Limits in bytes that only the emulator enforces; package lambda has the others.
//
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const (
	maxPackageRequest = 70167211 // of a request with a deployment package
	maxSyncPayload    = 6291456
	maxAsyncPayload   = 1048576
	maxOtherRequest   = 1 << 20
)

// entryPoint returns the file in the package that a runtime starts. It reports
// false for the runtimes that the emulator cannot run.
func entryPoint(runtime, handler string) (file string, ok bool) {
	file = lambda.EntryPoint(runtime, path.Clean(handler))
	return file, file != ""
}

func protocol(runtime string) runner.Protocol {
	if runtime == lambda.Go1x {
		return runner.RPC
	}
	return runner.RuntimeAPI
}

// knownRuntimes returns the sorted names of the runtimes that the SDK knows, with the
// deprecated ones.
func knownRuntimes() []string {
	var names []string
	for _, r := range types.Runtime("").Values() {
		names = append(names, string(r))
	}
	slices.Sort(names)
	return names
}

// offeredRuntimes are the runtimes that AWS lists when it refuses an unknown one,
// in its order, as recorded in January 2026, for creations and for updates.
const offeredRuntimes = "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2"

func supports(runtime, architecture string) bool {
	return architecture == lambda.X86_64 || !lambda.Supported(runtime) || lambda.SupportsARM64(runtime)
}
