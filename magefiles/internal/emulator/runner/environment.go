package runner

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// Environment is an execution environment: a process that is ready for an
// invocation, or that failed to become ready. It takes one invocation at a time.
type Environment struct {
	spec     Spec
	host     *Host
	protocol protocol
	output   *output
	mark     string // in the environment of its processes; begins with the host's

	// process and gone are nil if the process could not be started. gone ends,
	// with an exited as its cause, when the process has exited, its children are
	// killed, and protocol and output are closed.
	process *os.Process
	gone    context.Context

	failure  *answer       // of the init, or nil
	initTime time.Duration // for the first report, then zero
	memory   int64         // the most that the process has used, in bytes; 0 if unknown
}

// environ returns the variables of the process. The log stream belongs to one
// environment, on Lambda too, so its name is what marks the environment's processes.
func (e *Environment) environ() []string {
	host, port, _ := net.SplitHostPort(e.host.traces.LocalAddr().String())
	return slices.Concat(
		// Nothing reads what arrives there: a daemon that runs on this machine must
		// not send it to AWS.
		[]string{"AWS_XRAY_DAEMON_ADDRESS=" + host + ":" + port, "_AWS_XRAY_DAEMON_ADDRESS=" + host, "_AWS_XRAY_DAEMON_PORT=" + port},
		e.spec.Environ,
		e.protocol.variables(),
		[]string{"AWS_LAMBDA_LOG_STREAM_NAME=" + time.Now().UTC().Format("2006/01/02/") + "[" + e.spec.Version + "]" + e.mark},
	)
}

func randomHex() string {
	random := make([]byte, 8)
	rand.Read(random)
	return hex.EncodeToString(random)
}

// Invocation is one event for a function.
type Invocation struct {
	ID            string // request ID
	ARN           string // of the function, as the caller named it
	Trace         string // X-Ray trace header
	Payload       []byte // JSON
	ClientContext []byte // JSON on one line, or nil

	deadline time.Time
}

// Result is the outcome of an invocation.
type Result struct {
	Payload  []byte // the response, or the error as JSON
	Failed   bool
	Duration time.Duration // without init
	LogTail  []byte        // the last 4 KB of the log since the last invocation
	Reusable bool          // the environment can take another invocation
}

// Invoke has the environment handle one invocation within the function's
// timeout, and logs START, END and REPORT as Lambda does.
func (e *Environment) Invoke(inv Invocation) Result {
	e.output.sync() // what init wrote comes first
	e.output.println("START RequestId: " + inv.ID + " Version: " + e.spec.Version)
	began := time.Now()
	a := e.failure
	if a == nil {
		a = e.handle(inv)
	}
	took := time.Since(began)
	e.measure()
	if a.discard {
		e.stop()
	}
	e.output.sync()
	for line := range strings.Lines(a.log) {
		e.output.println(strings.TrimSuffix(line, "\n"))
	}
	e.output.println("END RequestId: " + inv.ID)
	e.output.println(e.report(inv.ID, took))
	e.initTime = 0
	return Result{a.payload, a.failed, took, e.output.takeTail(), !a.discard}
}

func (e *Environment) handle(inv Invocation) *answer {
	inv.deadline = time.Now().Add(e.spec.Timeout)
	ctx, cancel := context.WithDeadlineCause(e.gone, inv.deadline, timedOut(e.spec.Timeout))
	defer cancel()
	a, cause := e.protocol.invoke(ctx, &inv)
	if cause != nil {
		return e.protocol.failed(inv.ID, cause)
	}
	return a
}

// measure notes how much memory the process has used, without its children. If the
// process exits by itself, its last invocation is not measured.
func (e *Environment) measure() {
	if e.process != nil {
		e.memory = max(e.memory, peakMemory(e.process.Pid))
	}
}

// report returns the last line of an invocation's log, as AWS writes it: with a tab
// at the end. Without a measurement it has no memory used.
func (e *Environment) report(id string, took time.Duration) string {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	line := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB\t",
		id, ms(took), math.Ceil(ms(took)), e.spec.MemorySize)
	if e.memory > 0 {
		line += fmt.Sprintf("Max Memory Used: %d MB\t", (e.memory+1<<20-1)>>20)
	}
	if e.initTime > 0 {
		line += fmt.Sprintf("Init Duration: %.2f ms\t", ms(e.initTime))
	}
	return line
}

// Alive reports whether the process still runs.
func (e *Environment) Alive() bool { return e.gone.Err() == nil }

// Kill kills the process with its children. It does not wait until they are gone.
func (e *Environment) Kill() {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	if e.host.running[e] {
		killGroup(e.process)
	}
}

func (e *Environment) stop() {
	if e.gone != nil {
		e.Kill()
		<-e.gone.Done()
	}
}

func (e *Environment) close() {
	e.output.close()
	e.protocol.close()
}
