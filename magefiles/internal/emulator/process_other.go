//go:build !unix

package emulator

import (
	"os"
	"os/exec"
)

// Without process groups only the process itself is killed: children that it
// has started go on, and so does everything if this program is killed.

func separate(*exec.Cmd) {}

func killGroup(p *os.Process) { p.Kill() }

type watcher struct{}

func startWatcher(string) (*watcher, error) { return &watcher{}, nil }

func (*watcher) add(int) error { return nil }

func (*watcher) remove(int) {}

func (*watcher) close() error { return nil }
