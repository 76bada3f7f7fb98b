package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

// victimVariable makes this test program a victim. Its value is the path of the
// handler.
const victimVariable = "EMULATOR_TEST_VICTIM"

// victimEvents make a victim's functions start children.
func victimEvents() []event {
	if runtime.GOOS != "linux" {
		return []event{sleeper}
	}
	return []event{sleeper, daemon}
}

// victim starts a server, runs a function with child processes on each runtime,
// prints the process IDs, and waits until it is killed.
func victim() {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	s, err := emulator.Start(emulator.Options{HostBinaries: hostBinaries})
	must(err)
	client := lambda.NewFromConfig(s.Config())
	path := os.Getenv(victimVariable)
	zip, err := zipOf(launcher("lambda", path), launcher("bootstrap", path))
	must(err)
	for _, r := range []types.Runtime{types.RuntimeGo1x, types.RuntimeProvidedal2023} {
		name := "f" + string(r[:2])
		_, err := client.CreateFunction(context.Background(), function(name, r, zip))
		must(err)
		for _, e := range victimEvents() {
			payload, _ := json.Marshal(e)
			out, err := client.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: &name, Payload: payload})
			must(err)
			var pids result
			must(json.Unmarshal(out.Payload, &pids))
			fmt.Printf("%d\n%d\n", pids.Pid, pids.ChildPid)
		}
	}
	select {}
}
