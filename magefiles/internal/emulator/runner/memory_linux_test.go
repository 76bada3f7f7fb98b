package runner

import (
	"os"
	"os/exec"
	"testing"
)

func TestPeakMemory(t *testing.T) {
	t.Parallel()
	if got := peakMemory(os.Getpid()); got < 1<<20 || got > 1<<40 {
		t.Errorf("this program has used %d bytes", got)
	}
	cmd := exec.Command("/bin/sh", "-c", "exit 0")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if got := peakMemory(cmd.Process.Pid); got != 0 {
		t.Errorf("a process that has exited uses %d bytes", got)
	}
}
