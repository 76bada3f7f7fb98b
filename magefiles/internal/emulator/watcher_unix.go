//go:build unix

package emulator

import (
	_ "embed"
	"fmt"
	"io"
	"os/exec"
)

// watcher.sh is a program on its own so that it can be read and tried as one.
//
//go:embed watcher.sh
var watcherScript string

// watcher is a second process that outlives this one by a moment: it kills
// the process groups that are left, and removes the server's directory, when
// this process ends, in whatever way.
type watcher struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func startWatcher(dir string) (*watcher, error) {
	cmd := exec.Command("/bin/sh", "-c", watcherScript, "emulator-watcher", dir)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	separate(cmd) // a Ctrl-C in the terminal is not for it
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the watcher: %w", err)
	}
	return &watcher{cmd, stdin}, nil
}

// add has the watcher watch over the process group of a new process.
func (w *watcher) add(group int) error {
	_, err := fmt.Fprintf(w.stdin, "+ %d\n", group)
	return err
}

// remove has it forget a process group, before its number is used again.
func (w *watcher) remove(group int) {
	fmt.Fprintf(w.stdin, "- %d\n", group)
}

func (w *watcher) close() error {
	w.stdin.Close()
	return w.cmd.Wait()
}
