package emulator

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"time"

	"example.com/dualboot/magefiles/internal/emulator/zips"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Options configures a [Server]. The zero value is usable.
type Options struct {
	// Addr is the address to listen on, as IP:port. It must be a loopback
	// address. The default is "127.0.0.1:0", a free port.
	Addr string

	// Region is the emulated AWS region. The default is "us-east-1".
	Region string

	// Account is the emulated AWS account, twelve digits. The default is
	// "123456789012".
	Account string

	// UpdateTime is how long a new function stays Pending and an update stays
	// InProgress. With zero, the default, both end before the answer is sent:
	// the answer still says Pending or InProgress, as on AWS, and the next
	// GetFunction says Active or Successful.
	UpdateTime time.Duration

	// Window is how long after the end of an update, at T, the version that it
	// replaced may serve. This is a pessimistic model, not a claim about AWS.
	// With zero, the default, an update takes effect at once.
	//
	// Until T+Window a new execution environment may be of the replaced version.
	// A warm environment of that version is killed at some time between T and
	// T+Window, or after the invocation that it handles at that time. The times
	// are spread evenly; the version's first environment is the last.
	//
	// Turns decide which version serves an invocation. Within a window every
	// other invocation of the function, starting with the first after the
	// update, is served by a replaced version, and the others by the newest.
	// Windows can overlap. The replaced versions take turns then: first those
	// that cannot be started (see [Deployment.Startable]), then the others, the
	// oldest first. With a and b replaced, invocations are served by a, newest,
	// b, newest, a and so on. Each completed update starts this sequence again.
	// So if a replaced version cannot be started, the first invocation after the
	// update fails, and 2n invocations reach each of n replaced versions.
	Window time.Duration

	// Mixed makes code and configuration travel separately within the window: a
	// new environment may combine the code of any version that may serve with
	// the configuration of any other. Such a mixture takes turns like a replaced
	// version until the window of either part is over. The architecture travels
	// with the code. An update changes either code or configuration, so one
	// update makes no mixture; two within one window do.
	//
	// This too is a pessimistic model: AWS does not say whether code and
	// configuration can mix. Without Window it has no effect.
	Mixed bool

	// Blocked are the runtimes for which AWS accepts no more updates: the code
	// of a function on such a runtime cannot be changed, the function can only
	// be moved to another runtime, and it cannot return. Unlike on AWS such a
	// function can be created, so that a test can set up a fleet.
	Blocked []string

	// Withdrawn are the runtimes that AWS no longer lists: no function can be moved
	// to them. The code of a function that is on one can be changed.
	Withdrawn []string

	// Buckets are the names of the S3 buckets that exist at the start. They are
	// empty.
	Buckets []string

	// Quotas limit the rate of calls. The default is no limit.
	Quotas Quotas

	// HostBinaries says that packages contain binaries for this machine,
	// whatever architecture their functions declare. Set it where the host is
	// not linux/amd64. Without it, an ELF file for another machine than the
	// function's is not started, as on AWS.
	HostBinaries bool

	// HostBuild, if not nil, builds a function for this machine. It is called once
	// for each binary for another machine that this one cannot run, with what the
	// binary says about its build, and returns the path of the result, which serves
	// instead. It is not used if QEMU's user mode emulation is on PATH, as
	// qemu-aarch64 or qemu-x86_64 for example.
	HostBuild func(context.Context, *buildinfo.BuildInfo) (path string, err error)

	// ZoneInfo is a time zone database for functions on go1.x, in a form that
	// Go's variable ZONEINFO takes. That runtime has a database;
	// provided.al2023 has none. The default is the host's, if it has one.
	ZoneInfo string

	// Packages, if not nil, keeps the deployment packages of several servers, so
	// that each is unpacked once. Close leaves them there, and a package that
	// another user keeps can still be downloaded after an update has replaced it.
	// With nil, the default, a server keeps its own and removes them.
	Packages *zips.Store

	// Logs receives the lines that the functions write, each after the
	// function's name. The default discards them.
	Logs io.Writer

	// FailUpdate, if not nil, is called once for each accepted update of a
	// function; operation is "UpdateFunctionCode" or
	// "UpdateFunctionConfiguration". If it returns a failure, the update ends
	// Failed, the previous version goes on serving, and a version that the
	// update publishes is Failed as well.
	FailUpdate func(function, operation string) *Failure

	// OnServe, if not nil, is called when the code or configuration that serves
	// $LATEST of a function changes, and when a function is created. Calls come
	// in order and one at a time, before the answer is sent if UpdateTime is
	// zero. OnServe may read from the server. It must not create or update
	// functions: that would wait for OnServe itself.
	//
	// With Mixed it is also called for each mixture that an update makes
	// possible, before the call for the update itself. So the last Deployment of
	// a function is its newest version.
	OnServe func(Deployment)

	// AWS's times, which tests shorten: for the init of an environment, and
	// before each retry of a failed asynchronous invocation.
	//
	// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
	// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
	init    time.Duration
	retries []time.Duration

	// maxZipped limits the zip in a request; default lambda.MaxZipped.
	maxZipped int

	// Of a server of a [Cloud]: the keys that count in its region, and the cloud.
	keys  *keyring
	cloud *Cloud

	// lookPath finds QEMU; default exec.LookPath.
	lookPath func(string) (string, error)
}

// Failure is the reason of a failed update: LastUpdateStatusReason and
// LastUpdateStatusReasonCode.
type Failure struct{ Reason, ReasonCode string }

var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

// withDefaults returns the options with their defaults, or an error if one is
// invalid.
func (o Options) withDefaults() (Options, error) {
	o.Addr = cmp.Or(o.Addr, "127.0.0.1:0")
	o.Region = cmp.Or(o.Region, "us-east-1")
	o.Account = cmp.Or(o.Account, "123456789012")
	if o.Logs == nil {
		o.Logs = io.Discard
	}
	o.maxZipped = cmp.Or(o.maxZipped, lambda.MaxZipped)
	if o.lookPath == nil {
		o.lookPath = exec.LookPath
	}
	if o.init == 0 {
		o.init, o.retries = 10*time.Second, []time.Duration{time.Minute, 2 * time.Minute}
	}
	host, _, err := net.SplitHostPort(o.Addr)
	ip, _ := netip.ParseAddr(host)
	unknown := slices.IndexFunc(o.Blocked, func(name string) bool { return !slices.Contains(knownRuntimes(), name) })
	switch {
	case err != nil:
		return o, fmt.Errorf("address %q: %w", o.Addr, err)
	case !ip.IsLoopback():
		return o, fmt.Errorf("address %q is not a loopback address: the emulator runs the code that it receives, so it must not be reachable from other machines", o.Addr)
	case !regionName.MatchString(o.Region):
		return o, fmt.Errorf("region %q does not look like an AWS region", o.Region)
	case !regexp.MustCompile(`^\d{12}$`).MatchString(o.Account):
		return o, fmt.Errorf("account %q is not twelve digits", o.Account)
	case o.UpdateTime < 0:
		return o, fmt.Errorf("update time %s is negative", o.UpdateTime)
	case o.Window < 0:
		return o, fmt.Errorf("window %s is negative", o.Window)
	case unknown >= 0:
		return o, fmt.Errorf("blocking updates for %q: there is no such runtime", o.Blocked[unknown])
	case min(o.Quotas.ControlPlane, o.Quotas.GetFunction, o.Quotas.GetMetricData) < 0:
		return o, fmt.Errorf("quotas %+v: one is negative", o.Quotas)
	}
	return o, nil
}
