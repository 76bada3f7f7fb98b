package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/build"
)

// command is a program to run.
type command struct {
	args []string
	dir  string
	env  []string // all of it
}

// usage is what running it came to.
type usage struct {
	took           time.Duration
	first          time.Duration // until the first byte of stderr
	peak           int64         // memory in bytes, at most; 0 where that is not known
	stdout, stderr string
}

// run runs the command. The error has the end of what it wrote. Once ctx is
// done it is killed, with what it has started.
func (c command) run(ctx context.Context) (usage, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env = c.dir, slices.Concat(c.env, []string{"PWD=" + c.dir})
	cmd.WaitDelay = 2 * time.Second
	killTree(cmd)
	var stdout bytes.Buffer
	stderr := stamped{start: time.Now()}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	ended, peak := make(chan struct{}), make(chan int64)
	go func() { peak <- watchMemory(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	u := usage{took: time.Since(stderr.start), first: stderr.first, stdout: stdout.String(), stderr: stderr.text.String()}
	close(ended)
	u.peak = <-peak
	if err != nil {
		return u, fmt.Errorf("%s: %w\n%s", strings.Join(c.args[:min(2, len(c.args))], " "), err, tail(u.stdout+u.stderr))
	}
	return u, nil
}

// stamped is a buffer that knows when its first byte came.
type stamped struct {
	start time.Time
	first time.Duration
	text  bytes.Buffer
}

func (s *stamped) Write(p []byte) (int, error) {
	if s.text.Len() == 0 {
		s.first = time.Since(s.start)
	}
	return s.text.Write(p)
}

// tail is the end of a program's output.
func tail(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// watchMemory returns the most bytes of memory that a process has had, 0 where
// the system does not tell. What the kernel keeps for its parent's wait would
// not do: it begins with what the parent had.
func watchMemory(pid int, ended <-chan struct{}) (peak int64) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		peak = max(peak, highWater(pid))
		select {
		case <-ended:
			return peak
		case <-ticker.C:
		}
	}
}

// highWater reads what Linux says of a process.
func highWater(pid int) int64 {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(status), "\nVmHWM:")
	line, _, _ = strings.Cut(line, "kB")
	kb, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}

// environment returns the variables of every command: the user's own, without
// what would change how it builds or where it deploys. Temporary files go below
// dir.
func environment(ctx context.Context, gocmd, dir string) ([]string, error) {
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return nil, err
	}
	env, err := build.Environment(ctx, gocmd, tmp, build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH})
	if err != nil {
		return nil, err
	}
	env = slices.DeleteFunc(env, func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "MAGEFILE_") ||
			slices.Contains([]string{"GOGC", "GOMEMLIMIT", "GODEBUG"}, name) ||
			slices.Contains([]string{"CGO_ENABLED", "GOOS", "GOARCH"}, name) // go tool mage decides
	})
	none := filepath.Join(dir, "none")
	return append(env,
		"TMPDIR="+tmp,
		"GO="+gocmd, "GOWORK=off",
		"MAGEFILE_GOCMD="+gocmd, "MAGEFILE_CACHE="+filepath.Join(dir, "mage"),
		"AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
	), nil
}
