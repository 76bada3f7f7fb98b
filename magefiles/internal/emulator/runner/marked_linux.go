package runner

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// killMarked kills the processes that have one of the marks in their environment,
// all of which begin with prefix and have the same length. These are the processes
// of environments wherever they went: a child inherits the environment also if it
// leaves the process group or the session. A child that was started without the
// environment, and left the group, is not found.
func killMarked(prefix string, marks map[string]bool) {
	killed := map[int]bool{}
	for range 100 { // a process may start another one before it is killed
		before := len(killed)
		for _, pid := range marked(prefix, marks) {
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

func marked(prefix string, marks map[string]bool) (pids []int) {
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
		if err == nil && hasMark(environ, prefix, marks) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// hasMark reports whether one of the marks is in an environment.
func hasMark(environ []byte, prefix string, marks map[string]bool) bool {
	for {
		i := bytes.Index(environ, []byte(prefix))
		if i < 0 {
			return false
		}
		environ = environ[i:]
		for mark := range marks {
			if bytes.HasPrefix(environ, []byte(mark)) {
				return true
			}
		}
		environ = environ[1:]
	}
}
