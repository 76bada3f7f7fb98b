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

	// Window is how long after the completion of an update, at T, the version
	// that it replaced may go on serving. This is a pessimistic model, not a
	// claim about AWS. With zero, the default, an update is a hard cut.
	//
	// Until T+Window a new execution environment may be of the earlier version.
	// A warm one of that version moves over, which is to say that it is killed,
	// at a moment of its own between T and T+Window, or after the invocation
	// that it is busy with then. The moments are spread evenly; the version's
	// first environment is the last to move.
	//
	// Which version an invocation is for is no matter of luck. While a window
	// lasts, every other invocation of the function, beginning with the first
	// after the update, is for what the update replaced, and the ones between
	// for the newest version, in a warm environment if there is one and else in
	// a new one. Updates can overlap: each earlier version has a window of its
	// own. They take turns then, those first that cannot be started (see
	// [Deployment.Startable]) and after these those that came into play first:
	// of a and b invocations get a, newest, b, newest, a and so on. Each update
	// that completes begins this anew. So where something that was replaced
	// cannot be started, the first invocation after the update fails, the next
	// one is the newest version's, and 2n invocations meet each of n others.
	//
	// After T+Window of the last update only the newest version serves.
	Window time.Duration

	// Mixed says that within the window code and configuration travel
	// separately: a new environment may get the code of any version that may
	// serve with the configuration of any other. Such a mixture takes turns like
	// an earlier version, until the window of either part is over. The
	// architecture travels with the code. An update changes code or
	// configuration, and so by itself makes no mixture; two within one window do.
	//
	// This too is a pessimistic model, not a claim about AWS, which does not say
	// whether they can mix. Without Window it has no effect.
	Mixed bool

	// Blocked are the runtimes that AWS takes no updates for any more: a function
	// on one cannot be given other code, only be moved to another runtime, and
	// there is no way back. Unlike on AWS such a function can be created, so that
	// a fleet can be set up. Default: none. [Server.Block] adds to them later.
	Blocked []string

	// Quotas are how many calls are taken. Default: as many as come.
	Quotas Quotas

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
	// Failed, and what served before goes on serving; a version that it was
	// to publish is Failed too.
	FailUpdate func(function, operation string) *Failure

	// OnServe, when not nil, is called each time that what serves a function's
	// invocations has changed, creation included and deletion not. Calls are
	// made in order, one at a time, and before the answer is sent if UpdateTime
	// is zero. It may read from the server but must not create or update
	// functions: the call would wait for itself.
	//
	// It is about $LATEST. Publishing a version does not change what serves
	// that, and what versions and aliases serve is not told.
	//
	// With Mixed it is also called for each mixture that comes into play with an
	// update, before the call for the update's own version: so the last
	// Deployment told of a function is its newest version.
	OnServe func(Deployment)
}

// Failure is how an update fails.
// Reason and ReasonCode become LastUpdateStatusReason and LastUpdateStatusReasonCode.
type Failure struct {
	Reason, ReasonCode string
}

// Deployment is what serves, or may serve, a function's invocations.
type Deployment struct {
	Function, Runtime, Handler, Architecture, CodeSha256 string

	// Files are the names of the files in the package, sorted.
	Files []string

	// Executables are those of Files that could be started: executable, and
	// not built for another machine than Architecture (see
	// [Options.HostBinaries]). Sorted.
	Executables []string

	// Mixed says that this is not what an update came to, but the code of one
	// update with the configuration of another, which may serve for the length
	// of the window. See [Options.Mixed].
	Mixed bool
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
	if o.Window < 0 {
		return o, fmt.Errorf("window %s is negative", o.Window)
	}
	if q := o.Quotas; min(q.ControlPlane, q.GetFunction, q.GetMetricData) < 0 {
		return o, fmt.Errorf("quotas %+v: one is negative", q)
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
