//go:build !unix

package bench

import "os/exec"

// killTree does nothing where there are no process groups: only the command
// itself is killed.
func killTree(*exec.Cmd) {}
