//go:build unix

package targets_test

import (
	"os"
	"strings"
	"testing"
)

// ageOnSignal changes the emulator of a checkout: two minutes pass on it at each
// SIGUSR1. Together with the shell function sleep, it saves the walk-through the
// minutes in which it waits for CloudWatch.
func ageOnSignal(t *testing.T, checkout string) {
	t.Helper()
	const file, wait = "/magefiles/internal/rehearsal/serve.go", "\t<-ctx.Done()\n"
	data, err := os.ReadFile(checkout + file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), wait) != 1 {
		t.Fatalf("%s does not have one line %q", file, wait)
	}
	source := strings.Replace(string(data), "import (\n", "import (\n\t\"os/signal\"\n\t\"syscall\"\n", 1)
	source = strings.Replace(source, wait, "\tageOnSignal(ctx, server)\n", 1) + `
func ageOnSignal(ctx context.Context, server *emulator.Server) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	for {
		select {
		case <-signals:
			server.Age(2)
		case <-ctx.Done():
			return
		}
	}
}
`
	if err := os.WriteFile(checkout+file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sleep is a shell function. A delay of five seconds or more, which is for
// CloudWatch, becomes one second and two minutes on the emulator.
const sleep = `sleep() { [ "$1" -lt 5 ] || kill -USR1 "$emulator"; command sleep 1; }
`
