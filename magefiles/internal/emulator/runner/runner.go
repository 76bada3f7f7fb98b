// Package runner runs Lambda functions as processes of this machine: one
// process for each execution environment. A process is reached as on Lambda,
// through net/rpc by go1.x and through the Runtime API by provided.*, and its
// failures are in Lambda's words. Nothing is isolated: a process has the rights
// of this one.
package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// ErrClosed is returned by [Host.Start] after [Host.Kill].
var ErrClosed = errors.New("the runner is closed")

// Protocol is how a runtime and its process communicate.
type Protocol int

const (
	RuntimeAPI Protocol = iota // the process asks for events: provided.*
	RPC                        // the process serves net/rpc: go1.x
)

// Spec describes an execution environment.
type Spec struct {
	Function, Version string
	MemorySize        int // MB, only for the log
	Timeout           time.Duration

	Protocol    Protocol
	Root        string   // directory of the unpacked deployment package
	EntryPoint  string   // path on Lambda, for errors
	Unstartable error    // why the entry point cannot be started, or nil
	Command     []string // starts the entry point
	Environ     []string // NAME=value; see [Host.Start] for those that are added
}

// Host starts execution environments. Its methods may be called concurrently.
type Host struct {
	initLimit time.Duration
	logs      *log.Logger
	ports     ports
	traces    net.PacketConn
	mark      string // in the environment of each process of the host
	reaper    *reaper
	watcher   *watcher

	mu      sync.Mutex
	running map[*Environment]bool
	closed  bool
	exits   sync.WaitGroup
}

// NewHost returns a host with environments that must be ready within initLimit.
// Each line that a function writes goes to logs, after the function's name.
//
// If this program ends without Close, even by SIGKILL, a watcher process kills
// the environments and removes dir. Only Unix has the watcher.
func NewHost(dir string, initLimit time.Duration, logs io.Writer) (*Host, error) {
	h := &Host{initLimit: initLimit, logs: log.New(logs, "", 0), mark: randomHex(), running: map[*Environment]bool{}}
	h.reaper = &reaper{prefix: h.mark}
	var err error
	if h.traces, err = net.ListenPacket("udp", localPort(0)); err != nil {
		return nil, err
	}
	if h.watcher, err = startWatcher(dir, h.mark); err != nil {
		return nil, errors.Join(err, h.traces.Close())
	}
	return h, nil
}

// Kill kills all processes with their children, waits until they are gone and
// lets no more start.
func (h *Host) Kill() {
	h.mu.Lock()
	h.closed = true
	for e := range h.running {
		killGroup(e.process)
	}
	h.mu.Unlock()
	h.exits.Wait()
	h.reaper.kill(h.mark)
}

// Close ends the host after Kill.
func (h *Host) Close() error { return errors.Join(h.traces.Close(), h.watcher.close()) }

// Start starts an environment and waits until it can take an invocation. If it
// does not become ready, its first invocation fails as on Lambda; requestID is
// for the text of that failure. An error is the host's own.
//
// It adds variables to those of the function: the address of X-Ray's daemon, which
// the function may set itself, the protocol's, and the name of the log stream.
func (h *Host) Start(spec Spec, requestID string) (*Environment, error) {
	const tries = 5
	for try := 1; ; try++ {
		e, cause, err := h.try(spec, requestID)
		if _, lost := cause.(portLost); err != nil || !lost || try == tries {
			return e, err
		}
	}
}

// try starts an environment once. The cause is why it is not ready.
func (h *Host) try(spec Spec, requestID string) (_ *Environment, cause, err error) {
	out, err := newOutput(spec.Function, h.logs)
	if err != nil {
		return nil, nil, err
	}
	e := &Environment{spec: spec, host: h, output: out, mark: h.mark + randomHex()}
	if spec.Protocol == RPC {
		e.protocol, err = newRPCClient(&h.ports, out)
	} else {
		e.protocol, err = newRuntimeClient()
	}
	if err != nil {
		out.close()
		return nil, nil, err
	}

	began := time.Now()
	if err := h.start(e); err != nil {
		e.close()
		refused, ok := errors.AsType[*fs.PathError](err)
		if !ok {
			return nil, nil, err
		}
		cause = unstartable{spec.EntryPoint, refused.Err}
	} else {
		ctx, cancel := context.WithTimeoutCause(e.gone, h.initLimit, timedOut(h.initLimit))
		defer cancel()
		cause = e.protocol.ready(ctx)
	}
	if cause != nil {
		// Assumption: AWS gives an init that takes too long another try within
		// the function's own timeout; here the invocation fails at once.
		e.stop()
		e.failure = e.protocol.failed(requestID, cause)
		return e, cause, nil
	}
	e.initTime = time.Since(began)
	e.measure()
	return e, nil, nil
}

// start starts the process of an environment. An error of the kernel is a
// *fs.PathError.
//
// If this program is killed between the start of the process and the message to
// the watcher, nothing kills the process. It ends when it finds its peer gone.
func (h *Host) start(e *Environment) error {
	if e.spec.Unstartable != nil {
		return e.spec.Unstartable
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	cmd, err := e.startCommand()
	if err != nil {
		return err
	}
	if err := h.watcher.add(cmd.Process.Pid); err != nil {
		killGroup(cmd.Process)
		_ = cmd.Wait()
		return fmt.Errorf("telling the watcher about a process: %w", err)
	}
	gone, end := context.WithCancelCause(context.Background())
	e.process, e.gone = cmd.Process, gone
	h.running[e] = true
	h.exits.Go(func() {
		_ = cmd.Wait()
		h.mu.Lock()
		killGroup(cmd.Process)
		h.watcher.remove(cmd.Process.Pid)
		delete(h.running, e)
		closed := h.closed
		h.mu.Unlock()
		if !closed { // or Kill does it for all
			h.reaper.kill(e.mark)
		}
		e.close()
		end(exited{cmd.ProcessState})
	})
	return nil
}

// startCommand retries while the file is busy: another child, between its fork
// and its exec, can have a file open that was just written.
func (e *Environment) startCommand() (*exec.Cmd, error) {
	for wait := time.Millisecond; ; wait *= 2 {
		cmd := exec.Command(e.spec.Command[0], e.spec.Command[1:]...)
		cmd.Dir = e.spec.Root
		cmd.Env = e.environ()
		cmd.Stdout, cmd.Stderr = e.output.w, e.output.w
		separate(cmd)
		err := cmd.Start()
		if !errors.Is(err, syscall.ETXTBSY) || wait > time.Second {
			return cmd, err
		}
		time.Sleep(wait)
	}
}
