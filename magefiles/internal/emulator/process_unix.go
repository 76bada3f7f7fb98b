//go:build unix

package emulator

import (
	"os"
	"os/exec"
	"syscall"
)

// separate puts a process to be started into a process group of its own.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// killGroup kills a process and its children, unless they have moved to other
// groups. It works after the process is gone, too: its children keep the group.
func killGroup(p *os.Process) {
	syscall.Kill(-p.Pid, syscall.SIGKILL)
}
