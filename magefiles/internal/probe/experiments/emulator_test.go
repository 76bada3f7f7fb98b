package experiments

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/probe"
	"example.com/dualboot/magefiles/internal/probe/lab"
)

var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "dualboot-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// handler builds the function of the probe.
var handler = sync.OnceValues(func() (string, error) {
	binary := build.Binary{Kind: build.Legacy, Architecture: lambda.X86_64}
	f := &build.Function{Name: "probe", Package: filepath.Join("..", "handler"), Binaries: []build.Binary{binary}}
	if err := build.Build(context.Background(), build.Options{Out: scratch}, []*build.Function{f}); err != nil {
		return "", err
	}
	return f.Files[binary], f.Err
})

// The program's tests run the other experiments.

// run runs experiments on an emulator and returns what they found.
func run(t *testing.T, o emulator.Options, experiments ...probe.Experiment) *probe.Report {
	t.Helper()
	if runtime.GOOS != build.AWS.OS || runtime.GOARCH != build.AWS.Arch {
		t.Skip("this machine does not start what is built for AWS")
	}
	program, err := handler()
	if err != nil {
		t.Fatal(err)
	}
	server, err := emulator.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	config := server.Config()
	dir := t.TempDir()
	l, err := lab.New(lab.Options{
		Client:  sdk.NewFromConfig(config),
		Unpaced: sdk.NewFromConfig(config, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} }),
		Role:    "arn:aws:iam::123456789012:role/probe", Program: program, Journal: dir,
		Account: "123456789012", Region: "us-east-1", Poll: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	report := &probe.Report{}
	report.Run(t.Context(), l, experiments, t.Logf)
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	left, err := sdk.NewFromConfig(server.Config()).ListFunctions(t.Context(), nil)
	if err != nil || len(left.Functions) > 0 {
		t.Errorf("functions are left: %v, %v", left, err)
	}
	if journals, err := os.ReadDir(dir); err != nil || len(journals) > 0 {
		t.Errorf("journals are left: %v, %v", journals, err)
	}
	return report
}

// find returns the finding whose statement contains the text.
func find(t *testing.T, r *probe.Report, statement string) probe.Finding {
	t.Helper()
	for _, o := range r.Experiments {
		for _, f := range o.Findings {
			if strings.Contains(f.Statement, statement) {
				return f
			}
		}
	}
	t.Fatalf("no finding about %q", statement)
	return probe.Finding{}
}

// On AWS, a damaged zip may be accepted and fail later. The emulator refuses it at
// once, but can fail another one.
func TestFailed(t *testing.T) {
	t.Parallel()
	fail := func(function, operation string) *emulator.Failure {
		return &emulator.Failure{Reason: "Failed to unzip archive", ReasonCode: "InvalidZipFileException"}
	}
	r := run(t, emulator.Options{FailUpdate: fail}, failed(lab.Code("B")))
	if f := find(t, r, "What happens to an update"); !strings.Contains(f.Observed, "Failed, InvalidZipFileException") {
		t.Errorf("%+v", f)
	}
	if f := find(t, r, "the previous version serves"); f.Class != probe.Agrees {
		t.Errorf("%+v", f)
	}
	if f := find(t, r, "the serving or the attempted code"); !strings.Contains(f.Observed, "the serving code") {
		t.Errorf("%+v", f)
	}
}
