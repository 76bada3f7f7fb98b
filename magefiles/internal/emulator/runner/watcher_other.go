//go:build !unix

package runner

import (
	"os"
	"os/exec"
)

// Without process groups only the process itself is killed. Its children go on,
// and if this program is killed, so does everything.

func separate(*exec.Cmd) {}

func killGroup(p *os.Process) { p.Kill() }

type watcher struct{}

func startWatcher(_, _ string) (*watcher, error) { return &watcher{}, nil }

func (*watcher) add(int) error { return nil }

func (*watcher) remove(int) {}

func (*watcher) close() error { return nil }
