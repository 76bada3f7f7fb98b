package runner

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// killMarked kills the processes that have mark in their environment. These are an
// environment's processes wherever they went: a child inherits the environment also
// if it leaves the process group or the session. A child that was started without
// the environment, and left the group, is not found.
func killMarked(mark string) {
	killed := map[int]bool{}
	for range 100 { // a process may start another one before it is killed
		before := len(killed)
		for _, pid := range marked(mark) {
			if !killed[pid] {
				killed[pid] = true
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if len(killed) == before {
			return
		}
	}
}

func marked(mark string) (pids []int) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		environ, err := os.ReadFile("/proc/" + name + "/environ") // fails for the processes of other users
		if err == nil && bytes.Contains(environ, []byte(mark)) {
			pids = append(pids, pid)
		}
	}
	return pids
}
