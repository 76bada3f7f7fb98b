package runner

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// peakMemory returns the most memory that a running process has had resident, in
// bytes. It is zero after the process has exited.
//
// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html (VmHWM)
func peakMemory(pid int) int64 {
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, after, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	line, _, _ := strings.Cut(string(after), "\n")
	kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(line), " kB"), 10, 64)
	return kilobytes << 10
}
