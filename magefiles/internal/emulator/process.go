package emulator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// supervisor starts the function processes and sees to it that none is left.
type supervisor struct {
	mu        sync.Mutex
	watcher   *watcher
	processes map[*process]struct{}
	closed    bool
	exits     sync.WaitGroup
}

// process is a function's process, running or gone.
type process struct {
	cmd *exec.Cmd

	// gone ends when the process has exited, its children are killed and its
	// output is read. Its cause is then an exited.
	gone context.Context
}

// exited is how a process ended.
type exited struct {
	state *os.ProcessState
}

func (e exited) Error() string { return "process exited: " + e.state.String() }

func newSupervisor(dir string) (*supervisor, error) {
	w, err := startWatcher(dir)
	if err != nil {
		return nil, err
	}
	return &supervisor{watcher: w, processes: map[*process]struct{}{}}, nil
}

// start starts cmd in a process group of its own. When the process has exited,
// its group is killed and atExit called, before gone ends.
//
// If this program is killed in the instant between the start and the watcher's
// hearing of it, the process is left to find its peer gone by itself.
func (s *supervisor) start(cmd *exec.Cmd, atExit func()) (*process, error) {
	separate(cmd)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, serverClosing()
	}
	if err := startRetrying(cmd); err != nil {
		return nil, err
	}
	if err := s.watcher.add(cmd.Process.Pid); err != nil {
		killGroup(cmd.Process)
		cmd.Wait()
		return nil, fmt.Errorf("the emulator's watcher process is gone: %w", err)
	}
	gone, end := context.WithCancelCause(context.Background())
	p := &process{cmd, gone}
	s.processes[p] = struct{}{}
	s.exits.Go(func() {
		cmd.Wait()
		s.mu.Lock()
		killGroup(cmd.Process)
		s.watcher.remove(cmd.Process.Pid)
		delete(s.processes, p)
		s.mu.Unlock()
		atExit()
		end(exited{cmd.ProcessState})
	})
	return p, nil
}

// startRetrying starts cmd. A file just written may for a moment be held open
// for writing by another child between its fork and its exec, and is then busy.
func startRetrying(cmd *exec.Cmd) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := cmd.Start()
		if !errors.Is(err, syscall.ETXTBSY) || wait > time.Second {
			return err
		}
		time.Sleep(wait)
		again := exec.Command(cmd.Path)
		again.Args, again.Env, again.Dir = cmd.Args, cmd.Env, cmd.Dir
		again.Stdout, again.Stderr = cmd.Stdout, cmd.Stderr
		again.SysProcAttr = cmd.SysProcAttr
		*cmd = *again
	}
}

// kill kills the process with its children. It does not wait; p.gone tells.
func (s *supervisor) kill(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, running := s.processes[p]; running {
		killGroup(p.cmd.Process)
	}
}

// killAll kills every process, lets no more be started, and waits for the end.
func (s *supervisor) killAll() {
	s.mu.Lock()
	s.closed = true
	for p := range s.processes {
		killGroup(p.cmd.Process)
	}
	s.mu.Unlock()
	s.exits.Wait()
}

// close ends the watcher, once all processes are gone.
func (s *supervisor) close() error { return s.watcher.close() }
