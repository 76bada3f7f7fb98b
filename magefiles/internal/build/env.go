package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// kept are the Go settings that locate modules, caches and toolchains. They
// decide whether a build succeeds, not what it yields.
var kept = []string{
	"GOAUTH", "GOCACHE", "GOCACHEPROG", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB",
	"GOPATH", "GOPRIVATE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN", "GOVCS",
}

// shaping are the variables that change what go build yields, or how.
var shaping = []string{
	"CGO_ENABLED", "GO386", "GOAMD64", "GOARCH", "GOARM", "GOARM64", "GOENV", "GOEXPERIMENT",
	"GOFIPS140", "GOFLAGS", "GOOS", "GOTMPDIR",
}

// Environment returns the variables for go build: the user's own without those
// that change the result, whether set in the environment or by go env -w. So
// GOFLAGS=-tags=debug on one laptop yields the same bytes as none on another.
//
// tmp is for go build's temporary files; go build chooses a directory if it is
// empty. On the file system of the output, go build moves an executable into
// place in one step, so that no other process sees half of it, even if this run
// is killed.
func Environment(ctx context.Context, gocmd, tmp string, p Platform) ([]string, error) {
	env, err := environment(ctx, gocmd, tmp)
	return append(env, p.env()...), err
}

// env returns the variables that choose the platform.
func (p Platform) env() []string { return []string{"GOOS=" + p.OS, "GOARCH=" + p.Arch} }

// environment is Environment without a platform.
func environment(ctx context.Context, gocmd, tmp string) ([]string, error) {
	cmd := exec.CommandContext(ctx, gocmd, append([]string{"env", "-json"}, kept...)...)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("reading the go settings: %w", commandError(err))
	}
	var settings map[string]string
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, fmt.Errorf("reading the go settings: %w", err)
	}
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(shaping, name) || slices.Contains(kept, name)
	})
	for _, name := range kept {
		if value := settings[name]; value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(env, "GOENV=off", "GOTMPDIR="+tmp, "CGO_ENABLED=0"), nil
}

func commandError(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		return fmt.Errorf("%s", strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}
