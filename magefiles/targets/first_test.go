package targets_test

import (
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/emulator"
)

// TestFirstWaits deploys one function first. The others follow in the same run,
// once CloudWatch shows that it is healthy.
func TestFirstWaits(t *testing.T) {
	if !canRun {
		t.Skip("this machine starts no linux/amd64 binaries")
	}
	t.Parallel()
	f := newFixture(t, emulator.Options{}, "order-stream", "nightly-report")
	f.create("order-stream", "nightly-report")
	cmd := f.command("deployProd", "-first=1", "-wait=5m")
	var stderr strings.Builder
	waited := 0
	for lines := progress(t, cmd); lines.Scan(); {
		stderr.WriteString(lines.Text() + "\n")
		if strings.HasSuffix(lines.Text(), "waiting for the metrics of prod-order-stream") {
			if waited++; waited == 1 {
				f.server.Age(5)
				f.expect("provided.al2023", "bootstrap", dual, "order-stream") // which invokes it
				f.expect("go1.x", "lambda", []string{"lambda"}, "nightly-report")
				f.server.Age(2)
			}
		}
	}
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 0 || waited != 1 || !strings.Contains(stderr.String(), "  prod: 1 function is healthy; continuing\n") {
		t.Errorf("exit status %d after it waited %d times:\n%s", status, waited, stderr.String())
	}
	f.expect("provided.al2023", "bootstrap", dual, "order-stream", "nightly-report")
	f.wantStartable()
}
