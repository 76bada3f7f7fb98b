package runner

import (
	"bytes"
	"os"
	"path/filepath"
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
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		environ, err := os.ReadFile(file) // fails for the processes of other users
		if err != nil || !bytes.Contains(environ, []byte(mark)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
