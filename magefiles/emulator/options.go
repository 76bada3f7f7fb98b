package emulator

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"time"
)

// Options sets up a [Server]. The zero value is usable.
type Options struct {
	// Addr is where to listen, IP:port. It must be a loopback address;
	// anything else is refused. Default "127.0.0.1:0", a free port.
	Addr string

	// Region is the AWS region that the server plays. Default "us-east-1".
	Region string

	// Account is the AWS account that owns the functions, twelve digits.
	// Default "123456789012".
	Account string

	// UpdateTime is how long a created function stays Pending and an update
	// stays InProgress. With zero, the default, both are over before the
	// answer is sent: the answer itself still says Pending or InProgress, as
	// AWS's does, and the next GetFunction says Active or Successful.
	UpdateTime time.Duration

	// HostBinaries says that packages hold binaries for this machine, whatever
	// architecture their functions declare. Set it where the host is not
	// linux/amd64; without it, an ELF file for another machine than the
	// function's is not started, as on AWS.
	HostBinaries bool

	// ZoneInfo is a time zone database for functions on go1.x, as Go's variable
	// ZONEINFO takes it: that runtime has one, which provided.al2023 has not.
	// Default: the host's, if it has one.
	ZoneInfo string

	// Logs receives what the functions write, line by line, each line after
	// the function's name. Default: discarded.
	Logs io.Writer

	// FailUpdate, when not nil, is asked once for each accepted update of a
	// function; operation is "UpdateFunctionCode" or
	// "UpdateFunctionConfiguration". A non-nil answer makes the update end
	// Failed, and what served before goes on serving.
	FailUpdate func(function, operation string) *Failure

	// OnServe, when not nil, is called each time that what serves a function's
	// invocations has changed, creation included and deletion not. Calls are
	// made in order, one at a time, and before the answer is sent if UpdateTime
	// is zero. It may read from the server but must not create or update
	// functions: the call would wait for itself.
	OnServe func(Deployment)
}

// Failure is how an update fails.
// Reason and ReasonCode become LastUpdateStatusReason and LastUpdateStatusReasonCode.
type Failure struct {
	Reason, ReasonCode string
}

// Deployment is what serves a function's invocations.
type Deployment struct {
	Function, Runtime, Handler, Architecture, CodeSha256 string

	// Files are the names of the files in the package, sorted.
	Files []string

	// Executables are those of Files that could be started: executable, and
	// not built for another machine than Architecture (see
	// [Options.HostBinaries]). Sorted.
	Executables []string
}

// Startable says whether the package holds what the runtime would start, in a
// form that can be started: for go1.x the file that Handler names, for
// provided.* the file bootstrap. It is false for every other runtime and for
// container images.
func (d Deployment) Startable() bool {
	name, ok := entrypoint(d.Runtime, d.Handler)
	return ok && slices.Contains(d.Executables, name)
}

// entrypoint is the file in the package that a runtime starts.
func entrypoint(runtime, handler string) (name string, ok bool) {
	switch runtime {
	case "go1.x":
		return path.Clean(handler), true
	case "provided", "provided.al2", "provided.al2023":
		return "bootstrap", true
	}
	return "", false
}

// withDefaults fills in what is not set and refuses what cannot be.
func (o Options) withDefaults() (Options, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Account == "" {
		o.Account = "123456789012"
	}
	if o.Logs == nil {
		o.Logs = io.Discard
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return o, fmt.Errorf("address %q: %w", o.Addr, err)
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return o, fmt.Errorf("address %q is not a loopback address: the emulator runs what it is sent and listens on this machine only", o.Addr)
	}
	if !regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`).MatchString(o.Region) {
		return o, fmt.Errorf("region %q does not look like an AWS region", o.Region)
	}
	if !regexp.MustCompile(`^\d{12}$`).MatchString(o.Account) {
		return o, fmt.Errorf("account %q is not twelve digits", o.Account)
	}
	if o.UpdateTime < 0 {
		return o, fmt.Errorf("update time %s is negative", o.UpdateTime)
	}
	return o, nil
}

// limits are the times that AWS sets and tests shorten.
type limits struct {
	// initialisation is what a process has to become ready.
	initialisation time.Duration

	// retries are the waits before an Event invocation that failed is tried again.
	retries []time.Duration
}

// awsLimits are Lambda's own: ten seconds of init, and two retries of an
// asynchronous invocation, after one minute and after two more.
//
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
func awsLimits() limits {
	return limits{
		initialisation: 10 * time.Second,
		retries:        []time.Duration{time.Minute, 2 * time.Minute},
	}
}
