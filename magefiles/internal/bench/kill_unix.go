//go:build unix

package bench

import (
	"os/exec"
	"syscall"
)

// killTree makes the end of the command's context kill its children, too.
func killTree(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
