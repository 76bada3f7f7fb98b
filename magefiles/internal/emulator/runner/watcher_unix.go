//go:build unix

package runner

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// separate gives a process that is not yet started its own process group.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// killGroup kills a process and those children that are still in its group; see
// killMarked for the others. It works after the process is gone: its children keep
// the group.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}

// watcherScript is a file so that it can be read and run on its own.
//
//go:embed watcher.sh
var watcherScript string

// watcher is a process that briefly outlives this one. When this process ends,
// in whatever way, it kills the process groups that are left, on Linux also every
// process with a mark in its environment, and removes a directory.
type watcher struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func startWatcher(dir, mark string) (*watcher, error) {
	cmd := exec.Command("/bin/sh", "-c", watcherScript, "emulator-watcher", dir, mark)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	separate(cmd) // from a Ctrl-C in the terminal
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the watcher: %w", err)
	}
	return &watcher{cmd, stdin}, nil
}

func (w *watcher) add(group int) error {
	_, err := fmt.Fprintf(w.stdin, "+ %d\n", group)
	return err
}

// remove must be called before the group's number can be reused.
func (w *watcher) remove(group int) { fmt.Fprintf(w.stdin, "- %d\n", group) }

func (w *watcher) close() error {
	w.stdin.Close()
	return w.cmd.Wait()
}
