package experiments

import (
	"context"
	"fmt"
	"io"
	"net/http"
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

// run runs experiments on an emulator and returns what they found. The transport,
// if not nil, is between the two.
func run(t *testing.T, o emulator.Options, transport http.RoundTripper, experiments ...probe.Experiment) *probe.Report {
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
	if transport != nil {
		config.HTTPClient = &http.Client{Transport: transport}
	}
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

// differing returns the findings that differ: "experiment: change".
func differing(r *probe.Report) (list []string) {
	for _, o := range r.Experiments {
		for _, f := range o.Findings {
			if f.Class == probe.Differs {
				list = append(list, o.Name+": "+f.Change)
			}
		}
	}
	return list
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
	r := run(t, emulator.Options{FailUpdate: fail}, nil, failed(lab.Code("B")))
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

// layers answers the calls about layers in place of the emulator, which has none.
// It counts the versions that exist.
type layers struct {
	mu       sync.Mutex
	versions int
}

func (l *layers) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.URL.Path, "/layers") {
		return http.DefaultTransport.RoundTrip(r)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	status, body := http.StatusOK, ""
	switch r.Method {
	case http.MethodPost:
		l.versions++
		status, body = http.StatusCreated, fmt.Sprintf(`{"Version":%d,"LayerVersionArn":"arn:aws:lambda:us-east-1:123456789012:layer:l:1"}`, l.versions)
	case http.MethodGet:
		body = `{"LayerVersions":[{"Version":1}]}`
	case http.MethodDelete:
		l.versions--
		status = http.StatusNoContent
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// The emulator reports layers and does not apply them, which is a difference.
func TestLayer(t *testing.T) {
	t.Parallel()
	fake := &layers{}
	r := run(t, emulator.Options{}, fake, layer())
	if got := differing(r); len(got) != 2 {
		t.Errorf("differences: %q", got)
	}
	if f := find(t, r, "takes precedence"); f.Class != probe.Agrees {
		t.Errorf("%+v", f)
	}
	if fake.versions != 0 {
		t.Errorf("%d versions of the layer are left", fake.versions)
	}
}
