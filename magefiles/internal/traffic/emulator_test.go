package traffic

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/emulator"
)

var (
	platform = build.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH}
	samples  = []string{"order-stream", "inventory-table", "example-api"}

	scratch string // removed in the end
	zips    = sync.OnceValues(makeZips)
)

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "traffic-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// binary is the binary of each function.
var binary = build.Binary{Kind: build.Bootstrap, Architecture: "x86_64"}

// makeZips returns a zip of each sample. The zips are not compressed, because that
// is slow under the race detector.
func makeZips() (map[string][]byte, error) {
	var functions []*build.Function
	for _, name := range samples {
		functions = append(functions, &build.Function{Name: name, Package: "../../../functions/" + name, Binaries: []build.Binary{binary}})
	}
	if err := build.Build(context.Background(), build.Options{Host: true, Out: filepath.Join(scratch, "build")}, functions); err != nil {
		return nil, err
	}
	made := map[string][]byte{}
	for i, r := range functions {
		if r.Err != nil {
			return nil, r.Err
		}
		content, err := os.ReadFile(r.Files[binary])
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		header := &zip.FileHeader{Name: "bootstrap"}
		header.SetMode(0o755)
		entry, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(content); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		made[samples[i]] = b.Bytes()
	}
	return made, nil
}

// fleet has the samples on an emulator.
type fleet struct {
	*testing.T
	config aws.Config
	client *lambda.Client
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("builds and runs functions")
	}
	zips, err := zips()
	if err != nil {
		t.Fatal(err)
	}
	server, err := emulator.Start(emulator.Options{HostBinaries: platform != build.AWS})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	f := &fleet{t, server.Config(), lambda.NewFromConfig(server.Config())}
	for _, name := range samples {
		_, err := f.client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: &name,
			Runtime:      types.RuntimeProvidedal2,
			Handler:      aws.String("bootstrap"),
			Role:         aws.String("arn:aws:iam::123456789012:role/test"),
			Code:         &types.FunctionCode{ZipFile: zips[name]},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// start starts traffic to all functions.
func (f *fleet) start(o Options) *Traffic {
	f.Helper()
	var sources []Source
	for _, name := range samples {
		sources = append(sources, Source{Function: name, Events: [][]byte{sampleEvent(f, name)}})
	}
	tr, err := Start(f.Context(), f.config, sources, o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { tr.Stop() })
	return tr
}

// until waits until the condition holds for all sources.
func (f *fleet) until(tr *Traffic, what string, is func(Report) bool) {
	f.Helper()
	for range 300 {
		left := 0
		for _, r := range tr.Report() {
			if !is(r) {
				left++
			}
		}
		if left == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.Fatalf("timed out waiting until %s: %+v", what, tr.Report())
}

// more waits for ten more good invocations of each function.
func (f *fleet) more(tr *Traffic) {
	f.Helper()
	good := func(r Report) int { return r.Invocations - r.Errors }
	least := map[string]int{}
	for _, r := range tr.Report() {
		least[r.Function] = good(r) + 10
	}
	f.until(tr, "ten more went well", func(r Report) bool { return good(r) >= least[r.Function] })
}

func (f *fleet) configure(r types.Runtime, handler string) {
	f.Helper()
	for _, name := range samples {
		_, err := f.client.UpdateFunctionConfiguration(f.Context(), &lambda.UpdateFunctionConfigurationInput{
			FunctionName: &name, Runtime: r, Handler: &handler,
		})
		if err != nil {
			f.Fatal(err)
		}
	}
}

func TestEmulator(t *testing.T) {
	f := newFleet(t)

	// A change of the runtime causes no errors.
	tr := f.start(Options{Rate: 20})
	f.more(tr)
	f.configure(types.RuntimeProvidedal2023, "bootstrap")
	f.more(tr)
	for _, r := range tr.Stop() {
		if !r.Clean() || r.Unverified != 0 || r.Delivered != r.Produced || (r.Produced == 0) != (r.Kind == API) {
			t.Errorf("switching: %+v", r)
		}
	}

	// A runtime without its entry point fails all calls. The streams deliver all
	// records afterwards.
	tr = f.start(Options{Rate: 20, batch: 50})
	f.more(tr)
	f.configure(types.RuntimeGo1x, "absent")
	f.until(tr, "each failed", func(r Report) bool { return r.Errors >= 4 })
	f.configure(types.RuntimeProvidedal2023, "bootstrap")
	f.more(tr)
	for _, r := range tr.Stop() {
		if r.Clean() || r.Errors < 4 || r.Lost != 0 || r.OutOfOrder != 0 || r.Delivered != r.Produced {
			t.Errorf("failing for a while: %+v", r)
		}
		if r.Kind != API && (r.Retries == 0 || r.WorstIteratorAge < 300*time.Millisecond) {
			t.Errorf("failing for a while: %+v", r)
		}
	}
}
