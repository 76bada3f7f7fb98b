package build

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// ZoneInfo returns the path of Go's time zone database. The default of the go command
// is "go".
func ZoneInfo(ctx context.Context, gocmd string) (string, error) {
	root, err := exec.CommandContext(ctx, cmp.Or(gocmd, "go"), "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("finding Go's time zone database: go env GOROOT: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"), nil
}
