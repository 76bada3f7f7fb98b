package emulator

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// version is one pair of code and configuration, with the environments that
// run it. Configuration and code never change; the server's mutex guards the rest.
type version struct {
	configuration configuration
	code          *codePackage // nil for container images
	origin        origin
	mixed         bool // not what an update came to, but a mixture of such versions

	until   time.Time      // when it ends to serve, zero for a function's newest and what was published
	idle    []*environment // the most recently used one last
	warmed  int            // environments that became idle so far
	busy    int            // invocations under way
	retired bool           // no longer serving: what is busy is killed when it is done
}

// origin says which updates of a function brought a version's two parts, counted
// from one; the creation is zero.
type origin struct{ code, configuration int }

// retire ends a version's serving; nil is no version. The server's mutex must be held.
func (s *Server) retire(v *version) {
	if v == nil {
		return
	}
	v.retired = true
	for _, e := range v.idle {
		s.processes.kill(e.process)
	}
	v.idle = nil
	if v.busy == 0 {
		s.packages.release(v.code)
	}
}

// environment is an execution environment: a process of one version that takes
// one invocation at a time.
type environment struct {
	process  *process
	protocol protocol
	output   *output
	initTime time.Duration // shown in the first invocation's report, then zero

	number int       // among those of its version that became idle, from zero
	warmed time.Time // when it first became idle, zero before
}

// protocol is how the server and a function's process speak: net/rpc for
// go1.x, the Runtime API for provided.*.
type protocol interface {
	// variables are the environment variables through which the two find each other.
	variables() []string

	// ready returns once the process can take an invocation. An error is the
	// cause of ctx's end.
	ready(ctx context.Context) error

	// unready says what an invocation comes to whose process did not get ready
	// for the given cause, and whether another process is worth a try.
	unready(id string, cause error, limit time.Duration, out *output) (failure answer, again bool)

	// invoke has the process handle one invocation. An error, the cause of
	// ctx's end, means that there is no answer.
	invoke(ctx context.Context, inv *invocation) (answer, error)

	// unstartable and ended put into the runtime's words that its file cannot
	// be started, and that its process ended without an answer.
	unstartable(id, file string, err error) functionError
	ended(id string, state *os.ProcessState) functionError

	// close lets go of what the protocol holds.
	close()
}

// invocation is one event on its way to a function.
type invocation struct {
	id            string
	arn           string // as the caller named the function
	trace         string
	payload       []byte
	clientContext []byte // JSON, or nothing
	deadline      time.Time
}

// answer is what an invocation came to.
type answer struct {
	payload []byte
	failed  bool   // payload is an error
	discard bool   // the process must not be used again
	log     string // what the server itself has to say about a failure
	version string // that ran, $LATEST or a number; set by Server.run
}

// functionError is the payload of a failed invocation.
type functionError struct {
	Type    string `json:"errorType,omitempty"`
	Message string `json:"errorMessage"`
}

func (e functionError) answer() answer {
	payload, _ := json.Marshal(e)
	log := e.Message
	if e.Type != "" {
		log += "\n" + e.Type
	}
	return answer{payload: payload, failed: true, discard: true, log: log}
}

var errTimedOut = errors.New("timed out")

// maxResponse is how large a function's response may be, in bytes: 6 MB, as
// Lambda counts them in its own error.
const maxResponse = 6291556

// responseTooLarge is what becomes of a response beyond the limit.
func responseTooLarge() functionError {
	return functionError{"Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (" + strconv.Itoa(maxResponse) + " bytes)."}
}

// timedOut is the answer of an invocation or an init that took too long.
func timedOut(id string, after time.Duration) functionError {
	return functionError{"Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", id, after.Seconds())}
}

// noAnswer is the answer in place of one that did not come, for the cause why.
func noAnswer(p protocol, id string, cause error, limit time.Duration) functionError {
	var end exited
	if errors.As(cause, &end) {
		return p.ended(id, end.state)
	}
	return timedOut(id, limit)
}

// startEnvironment makes an environment for a version and waits until it can
// take an invocation. If none can be had, there is the failure that Lambda
// answers with; the environment then only holds the log. An error is the
// server's own.
func (s *Server) startEnvironment(v *version, id string) (e *environment, failure answer, err error) {
	for try, again := 1, true; again && try <= 5; try++ {
		e, failure, again, err = s.tryEnvironment(v, id)
	}
	return e, failure, err
}

func (s *Server) tryEnvironment(v *version, id string) (_ *environment, failure answer, again bool, err error) {
	file, _ := entrypoint(v.configuration.Runtime, v.configuration.Handler)
	out, err := newOutput(v.configuration.FunctionName, s.logs)
	if err != nil {
		return nil, answer{}, false, err
	}
	p, err := s.newProtocol(v.configuration.Runtime)
	if err != nil {
		out.close()
		return nil, answer{}, false, err
	}
	closeAll := func() { out.close(); p.close() }
	if err := v.code.startable(file, v.configuration.architecture(), s.options.HostBinaries); err != nil {
		closeAll()
		return &environment{output: out}, p.unstartable(id, file, err).answer(), false, nil
	}

	began := time.Now()
	cmd := exec.Command(filepath.Join(v.code.root, filepath.FromSlash(file)))
	cmd.Dir = v.code.root
	cmd.Env = append(s.environmentOf(v), p.variables()...)
	cmd.Stdout, cmd.Stderr = out.w, out.w
	proc, err := s.processes.start(cmd, closeAll)
	if err != nil {
		closeAll()
		var path *fs.PathError
		if errors.As(err, &path) { // the kernel's own refusal
			return &environment{output: out}, p.unstartable(id, file, path.Err).answer(), false, nil
		}
		return nil, answer{}, false, err
	}

	e := &environment{process: proc, protocol: p, output: out}
	ctx, cancel := context.WithTimeoutCause(proc.gone, s.limits.initialisation, errTimedOut)
	defer cancel()
	if err := p.ready(ctx); err != nil {
		s.discard(proc)
		if s.ctx.Err() != nil {
			return nil, answer{}, false, serverClosing()
		}
		// Assumption: AWS gives an init that takes too long another try within
		// the function's own timeout; here the invocation fails at once.
		failure, again := p.unready(id, err, s.limits.initialisation, out)
		return e, failure, again, nil
	}
	e.initTime = time.Since(began)
	return e, answer{}, false, nil
}

// newProtocol makes what speaks to the processes of a runtime.
func (s *Server) newProtocol(runtime string) (protocol, error) {
	if runtime == "go1.x" {
		return newRPCClient(s.ports)
	}
	return s.runtimeAPI.newClient(), nil
}

// discard kills a process and waits until it is gone.
func (s *Server) discard(p *process) {
	s.processes.kill(p)
	<-p.gone.Done()
}

// environmentOf is the environment of a version's processes: Lambda's and the
// function's, and nothing of this process's own.
//
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
func (s *Server) environmentOf(v *version) []string {
	conf, root := v.configuration, v.code.root
	stream := make([]byte, 16)
	rand.Read(stream)
	environment := []string{
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LD_LIBRARY_PATH=/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" + root + ":" + root + "/lib:/opt/lib",
	}
	if conf.Environment != nil {
		for name, value := range conf.Environment.Variables {
			environment = append(environment, name+"="+value)
		}
	}
	// What follows is reserved: functions cannot set it. The keys are not
	// credentials of anything, this server included.
	environment = append(environment,
		"TZ=:UTC",
		"_HANDLER="+conf.Handler,
		"LAMBDA_TASK_ROOT="+root,
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"AWS_REGION="+s.options.Region,
		"AWS_DEFAULT_REGION="+s.options.Region,
		"AWS_LAMBDA_FUNCTION_NAME="+conf.FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION="+conf.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.Itoa(conf.MemorySize),
		"AWS_LAMBDA_LOG_GROUP_NAME="+logGroup(conf.FunctionName),
		"AWS_LAMBDA_LOG_STREAM_NAME="+time.Now().UTC().Format("2006/01/02/")+"["+conf.Version+"]"+hex.EncodeToString(stream),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_ACCESS_KEY_ID=ASIAEMULATEDFUNCTION",
		"AWS_SECRET_ACCESS_KEY=emulated",
		"AWS_SESSION_TOKEN=emulated",
	)
	if conf.Runtime == "go1.x" {
		environment = append(environment, "AWS_EXECUTION_ENV=AWS_Lambda_go1.x")
		if s.options.ZoneInfo != "" {
			environment = append(environment, "ZONEINFO="+s.options.ZoneInfo)
		}
	}
	return environment
}

func logGroup(function string) string { return "/aws/lambda/" + function }
