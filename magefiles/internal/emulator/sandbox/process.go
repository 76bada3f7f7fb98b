package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// start starts the process of an environment in its own process group. An error
// of the kernel is a *fs.PathError.
//
// If this program is killed between the start of the process and the message to
// the watcher, nothing kills the process. It ends when it finds its peer gone.
func (h *Host) start(e *Environment) error {
	if e.spec.Unstartable != nil {
		return e.spec.Unstartable
	}
	cmd := exec.Command(filepath.Join(e.spec.Root, filepath.FromSlash(e.spec.EntryPoint)))
	cmd.Dir = e.spec.Root
	cmd.Env = append(e.spec.Environ, e.protocol.variables()...)
	cmd.Stdout, cmd.Stderr = e.output.w, e.output.w
	separate(cmd)

	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return ErrClosed
	}
	if err := startRetrying(cmd); err != nil {
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
		h.mu.Unlock()
		e.close()
		end(exited{cmd.ProcessState})
	})
	return nil
}

// startRetrying starts cmd. A file that was just written is busy while another
// child, between its fork and its exec, has it open for writing.
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
}
