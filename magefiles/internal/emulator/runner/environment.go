package runner

import (
	"context"
	"fmt"
	"math"
	"os"
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

	// process and gone are nil if the process could not be started. gone ends,
	// with an exited as its cause, when the process has exited, its children are
	// killed, and protocol and output are closed.
	process *os.Process
	gone    context.Context

	failure  *answer       // of the init, or nil
	initTime time.Duration // for the first report, then zero
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

// report returns the last line of an invocation's log. Lambda's also has the
// memory used, which is not measured here.
func (e *Environment) report(id string, took time.Duration) string {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	line := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB",
		id, ms(took), math.Ceil(ms(took)), e.spec.MemorySize)
	if e.initTime > 0 {
		line += fmt.Sprintf("\tInit Duration: %.2f ms", ms(e.initTime))
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
