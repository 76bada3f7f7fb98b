package targets_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/traffic"
)

// road is a way on which functions are migrated.
type road struct {
	name    string
	options emulator.Options // besides the update time and the window
	runtime types.Runtime    // as the functions are created
	handler string
	zip     string // the names of the program in the zip: FILE+FILE
	entry   string // members of the function in lambdas.json, besides its name
	legs    []leg
	calls   int      // that a command makes for one function, unless updates take long
	mapped  []string // what a stream invokes after each leg, as :VERSION or "" for the function; nil without event source mappings
}

// leg is one command of a road, and where it leads.
type leg struct {
	command                 string
	runtime, handler, files string // files: FILE+FILE
}

// roads are all ways on which functions are migrated, besides the one from sources.
var roads = []road{
	{
		name: "from the deployed zip", runtime: types.RuntimeGo1x, handler: "main", zip: "main",
		entry: `"source": "deployed"`,
		legs: []leg{
			{"deployProd", "provided.al2023", "bootstrap", "main+bootstrap+zoneinfo.zip"},
			{"cleanup -force", "provided.al2023", "bootstrap", "bootstrap+zoneinfo.zip"},
		},
		calls: 7,
	},
	{
		name: "from provided.al2 in one call, and back", runtime: types.RuntimeProvidedal2, handler: "bootstrap",
		zip:   "bootstrap+zoneinfo.zip", // its name makes it a time zone database
		entry: `"source": "deployed", "rollbackTo": "provided.al2"`,
		legs: []leg{
			{"deployProd", "provided.al2023", "bootstrap", "bootstrap+zoneinfo.zip"},
			{"rollback", "provided.al2", "bootstrap", "bootstrap+zoneinfo.zip"},
			{"deployProd", "provided.al2023", "bootstrap", "bootstrap+zoneinfo.zip"},
		},
		calls: 5,
	},
	{
		name: "after AWS has blocked go1.x, with a dual zip", options: emulator.Options{Blocked: []string{"go1.x"}},
		runtime: types.RuntimeGo1x, handler: "main", zip: "bootstrap+main+zoneinfo.zip",
		entry: `"source": "deployed"`,
		legs: []leg{
			{"deployProd", "provided.al2023", "bootstrap", "bootstrap+main+zoneinfo.zip"},
		},
		calls: 7,
	},
	{
		name: "back where AWS refuses it, with a snapshot", options: emulator.Options{Withdrawn: []string{"go1.x"}},
		runtime: types.RuntimeGo1x, handler: "main", zip: "main",
		entry: `"source": "deployed", "snapshot": true`,
		legs: []leg{
			{"deployProd", "provided.al2023", "bootstrap", "main+bootstrap+zoneinfo.zip"},
			{"rollback", "provided.al2023", "bootstrap", "main+bootstrap+zoneinfo.zip"},
			{"deployProd", "provided.al2023", "bootstrap", "main+bootstrap+zoneinfo.zip"},
		},
		calls:  12,
		mapped: []string{"", ":1", ""},
	},
	{
		name: "after AWS has blocked go1.x, over the bridge", options: emulator.Options{Blocked: []string{"go1.x"}},
		runtime: types.RuntimeGo1x, handler: "main", zip: "main",
		entry: `"source": "deployed"`,
		legs: []leg{
			{"deployProd", "provided.al2023", "bootstrap", "main+bootstrap+zoneinfo.zip"},
		},
		calls: 17,
	},
}

// TestRoads migrates functions on each road while they serve streams and callers. Each
// command is killed once at each of its calls, and run again. Nothing may be lost.
//
// One function stands for each call: the command for this function is killed there.
func TestRoads(t *testing.T) {
	if !canRun {
		t.Skip("this machine starts no linux/amd64 binaries")
	}
	t.Parallel()
	program := entry(t, echo(t), "main")
	for _, r := range roads {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.migrate(t, program)
		})
	}
}

func (r road) migrate(t *testing.T, program []byte) {
	// A deploy first looks after a second whether an update is complete. The window is
	// longer than that, so that the settle delay is needed.
	r.options.UpdateTime, r.options.Window, r.options.Mixed = 100*time.Millisecond, 1300*time.Millisecond, true
	f := startFixture(t, r.options)
	zip := map[string][]byte{}
	for name := range strings.SplitSeq(r.zip, "+") {
		zip[name] = program
	}
	in := lambda.CreateFunctionInput{
		Runtime: r.runtime, Handler: &r.handler, Timeout: aws.Int32(60), Code: &types.FunctionCode{ZipFile: executables(t, zip)},
	}
	if r.runtime == types.RuntimeGo1x && zip["zoneinfo.zip"] == nil { // go1.x has a time zone database
		in.Environment = &types.Environment{Variables: map[string]string{"NEEDS_ZONES": "yes"}}
	}
	var names, entries []string
	var sources []traffic.Source
	for i := range r.calls + 1 {
		name := fmt.Sprintf("killed-at-%d", i+1)
		names, entries = append(names, name), append(entries, fmt.Sprintf("{\"name\": %q, %s}", name, r.entry))
		in.FunctionName = aws.String("prod-" + name)
		err := f.account.create(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		event := `{"requestContext": {"requestId": ""}}`
		if i%2 == 0 {
			event = `{"Records": [{"eventSource": "aws:kinesis", "kinesis": {"partitionKey": "k"}}]}`
		}
		source := traffic.Source{Function: *in.FunctionName, Events: [][]byte{[]byte(event)}}
		if r.mapped != nil {
			if source.Mapping, err = f.mapStream(t.Context(), *in.FunctionName); err != nil {
				t.Fatal(err)
			}
		}
		sources = append(sources, source)
	}
	f.server.Age(60) // the functions are not new
	f.manifest("1500ms")
	f.replace("lambdas.json", `"functions": [`, `"functions": [`+strings.Join(entries, ",\n"))

	tr, err := traffic.Start(t.Context(), f.server.Config(), sources, traffic.Options{Rate: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Stop() })
	killed := make([]bool, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() { killed[i] = r.travel(f, name, i+1) })
	}
	group.Wait()
	for _, source := range tr.Stop() {
		if !source.Clean() || source.Unverified > 0 || source.Invocations == 0 {
			t.Errorf("traffic: %+v", source)
		}
	}
	if !killed[r.calls-1] {
		t.Errorf("no command makes %d calls: it was killed at each of them: %t", r.calls, killed)
	}
	if killed[r.calls] { // on a slow machine it polls more often
		t.Logf("a command makes more than %d calls", r.calls)
	}
	before := f.updates()
	last := r.legs[len(r.legs)-1]
	f.must(strings.Fields(last.command)...)
	if n := f.updates() - before; n > 0 {
		t.Errorf("when all is done, %s makes %d updates", last.command, n)
	}
	f.wantStartable()
}

// travel runs the commands of the road for one function, each once until its call with
// that number, and once to the end. It reports whether some command made that call.
func (r road) travel(f *fixture, name string, call int) (killed bool) {
	for i, leg := range r.legs {
		args := append(strings.Fields(leg.command), "-only="+name)
		if f.killedAt(call, args...) {
			killed = true
			if status, _, stderr := result(f.t, f.command(args...)); status != 0 {
				f.t.Errorf("mage %v, killed at call %d and run again: exit status %d\n%s", args, call, status, stderr)
				return killed
			}
		}
		if err := f.check(f.t.Context(), "prod-"+name, leg.runtime, leg.handler, strings.Split(leg.files, "+")); err != nil {
			f.t.Errorf("mage %v, killed at call %d: %v", args, call, err)
			return killed
		}
		if r.mapped == nil {
			continue
		}
		if err := f.mapped(f.t.Context(), "prod-"+name+r.mapped[i]); err != nil {
			f.t.Errorf("mage %v, killed at call %d: %v", args, call, err)
		}
	}
	return killed
}

// killedAt runs a command. It kills the command at its call with that number, once the
// emulator has done what the call wants and before the command knows. It reports
// whether the command made the call.
func (f *fixture) killedAt(call int, args ...string) bool {
	var calls atomic.Int64
	reached, gone := make(chan struct{}), make(chan struct{})
	endpoint := f.through(func(w http.ResponseWriter, r *http.Request, forward http.Handler, _ string, _ int) bool {
		if calls.Add(1) != int64(call) {
			return false
		}
		forward.ServeHTTP(httptest.NewRecorder(), r)
		close(reached)
		<-gone
		return true
	})
	cmd := f.command(args...)
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+endpoint)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		f.t.Error(err)
		return false
	}
	go func() {
		defer close(gone)
		if err := cmd.Wait(); err != nil && calls.Load() < int64(call) {
			f.t.Errorf("mage %v: %v\n%s", args, err, stderr.String())
		}
	}()
	select {
	case <-reached:
		cmd.Process.Kill()
		<-gone
		return true
	case <-gone:
		return false
	}
}

// echo returns the zip, for go1.x, of a program that answers each event with the event,
// also on the provided runtimes. There it fails if it needs a time zone database and
// nothing leads it to one.
func echo(t *testing.T) []byte {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "echo")
	if err := clone(dir, "go.mod", "go.sum"); err != nil {
		t.Fatal(err)
	}
	source := `package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(_ context.Context, event json.RawMessage) (json.RawMessage, error) {
		if os.Getenv("NEEDS_ZONES") != "" && os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
			if _, err := os.Stat(os.Getenv("ZONEINFO")); err != nil {
				return nil, err
			}
		}
		return event, nil
	})
}
`
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	zip, err := legacyZip(filepath.Join(dir, "bin"), dir, "main")
	if err != nil {
		t.Fatal(err)
	}
	return zip
}
