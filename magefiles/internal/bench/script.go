package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// script is a list of commands that run in the directory of a fleet.
type script struct {
	fleet    *fleet
	env      []string // complete
	commands [][]string
}

// script returns a script with one command.
func (b *bench) script(f *fleet, args ...string) script { return script{f, b.env, [][]string{args}} }

// tool returns a script that runs the measured program.
func (b *bench) tool(f *fleet, args ...string) script {
	return b.script(f, slices.Concat([]string{b.Program}, args)...)
}

// recipe returns a script that runs a part of the recipe for the functions, one
// after another. The recipe is what people did without dualboot.
func (b *bench) recipe(f *fleet, part string, names []string) script {
	shell, err := files.ReadFile("_files/recipe/" + part + ".sh")
	f.check(err)
	return b.script(f, append([]string{"sh", "-c", string(shell), "recipe"}, names...)...)
}

// lacking returns why a script that needs the programs cannot run here, or "".
func lacking(programs ...string) string {
	programs = slices.DeleteFunc(programs, func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	})
	if len(programs) == 0 {
		return ""
	}
	return "no " + strings.Join(programs, ", ") + " on PATH"
}

// with returns the script with more environment variables.
func (s script) with(env ...string) script {
	s.env = slices.Concat(s.env, env)
	return s
}

// sample is the cost of one run.
type sample struct {
	wall, cpu      time.Duration // cpu is user and system time, including child processes
	first          time.Duration // until the first byte of stderr
	peak           int64         // peak memory in bytes, without child processes; 0 if unknown
	stdout, stderr string
	count          int64  // of something that the run counts
	counted        string // the count with its unit
}

// run runs the commands one after another and adds up their cost. An error
// contains the end of the output. When ctx ends, run kills the command with its
// child processes.
func (s script) run(ctx context.Context) (sum sample, err error) {
	if s.fleet.err != nil {
		return sum, fmt.Errorf("writing a fleet: %w", s.fleet.err)
	}
	for _, args := range s.commands {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir, cmd.Env = s.fleet.dir, slices.Concat(s.env, []string{"PWD=" + s.fleet.dir})
		if err := sum.add(cmd); err != nil {
			return sum, fmt.Errorf("%s: %w\n%s", strings.Join(args[:min(2, len(args))], " "), err, tail(sum.stdout+sum.stderr))
		}
	}
	return sum, nil
}

// add runs a command and adds its cost.
func (x *sample) add(cmd *exec.Cmd) error {
	var stdout, stderr strings.Builder
	start := time.Now()
	cmd.Stdout = &stdout
	cmd.Stderr = writer(func(p []byte) {
		if stderr.Len() == 0 {
			x.first = time.Since(start)
		}
		stderr.Write(p)
	})
	cmd.WaitDelay = 2 * time.Second
	killTree(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error)
	go func() { exited <- cmd.Wait() }()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			x.peak = max(x.peak, peakMemory(cmd.Process.Pid))
		case err := <-exited:
			x.wall += time.Since(start)
			x.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			x.stdout += stdout.String()
			x.stderr += stderr.String()
			return err
		}
	}
}

// writer is a function that receives all writes.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// tail returns the last 20 lines of output.
func tail(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// peakMemory returns the peak memory of a running process in bytes, or 0 if the
// system does not report it. The resource usage of an exited process does not
// tell: on Linux its maximum includes child processes and the process that
// forked it.
func peakMemory(pid int) int64 {
	status, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	_, line, _ := strings.Cut(string(status), "\nVmHWM:")
	line, _, _ = strings.Cut(line, "kB")
	kb, _ := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return kb << 10
}
