package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

// victimVariable makes this test program a victim; its value is the handler's path.
const victimVariable = "EMULATOR_TEST_VICTIM"

// victim is a program that starts a server, runs a function on each runtime
// with a child each, prints their process ids, and waits to be killed.
func victim() {
	s, err := emulator.Start(emulator.Options{HostBinaries: hostBinaries})
	if err != nil {
		panic(err)
	}
	client := lambda.NewFromConfig(s.Config())
	var t testing.T
	path := os.Getenv(victimVariable)
	zip := makeZip(&t, launcher("lambda", path), launcher("bootstrap", path))
	for _, r := range []types.Runtime{types.RuntimeGo1x, types.RuntimeProvidedal2023} {
		name := "f" + string(r[:2])
		if _, err := client.CreateFunction(context.Background(), function(name, r, zip)); err != nil {
			panic(err)
		}
		payload, _ := json.Marshal(event{Do: "child", Child: []string{"/bin/sh", "-c", "trap '' HUP INT TERM; sleep 300"}})
		out, err := client.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: &name, Payload: payload})
		if err != nil {
			panic(err)
		}
		var pids result
		if err := json.Unmarshal(out.Payload, &pids); err != nil {
			panic(fmt.Sprintf("%v in %s", err, out.Payload))
		}
		fmt.Printf("%d\n%d\n", pids.Pid, pids.ChildPid)
	}
	select {}
}
