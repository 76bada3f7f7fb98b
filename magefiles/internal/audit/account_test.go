package audit

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/lambda"
)

const (
	go1x     = types.RuntimeGo1x
	nodejs16 = types.RuntimeNodejs16x
	al2023   = types.RuntimeProvidedal2023
)

// account is an emulator with functions to audit, and its own [Client]: it counts
// calls, and can make them fail or change the pages.
type account struct {
	*testing.T
	*sdk.Client

	size    int32            // of a page; 0 is the emulator's
	reverse bool             // reverse each page
	fail    map[string]error // by call

	mu    sync.Mutex
	calls map[string]int // by call: "ListFunctions", "ListAliases NAME"
	uuids []string       // each UUID of a mapping, followed by the name of its source
}

var _ Client = (*sdk.Client)(nil)

func newAccount(t *testing.T) *account {
	t.Helper()
	s, err := emulator.Start(emulator.Options{Region: "ap-northeast-1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &account{T: t, Client: sdk.NewFromConfig(s.Config()), calls: map[string]int{}}
}

func (a *account) check(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// function creates a function, with versions 1, 2, … on their runtimes. The versions of
// idle are snapshots.
func (a *account) function(name string, runtime types.Runtime, versions ...types.Runtime) {
	a.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	_, err := w.Create("lambda")
	a.check(err)
	a.check(w.Close())
	runtimes := append(versions, runtime)
	_, err = a.CreateFunction(a.Context(), &sdk.CreateFunctionInput{
		FunctionName: &name,
		Runtime:      runtimes[0],
		Handler:      aws.String("lambda"),
		Role:         aws.String("arn:aws:iam::123456789012:role/test"),
		Code:         &types.FunctionCode{ZipFile: b.Bytes()},
	})
	a.check(err)
	for i, r := range runtimes[1:] {
		in := &sdk.PublishVersionInput{FunctionName: &name}
		if name == "idle" {
			in.Description = aws.String(lambda.SnapshotMark + "on go1.x")
		}
		_, err := a.PublishVersion(a.Context(), in)
		a.check(err)
		_, err = a.UpdateFunctionConfiguration(a.Context(), &sdk.UpdateFunctionConfigurationInput{
			FunctionName: &name, Runtime: r, Description: aws.String(fmt.Sprint(i)), // Lambda publishes no version without a change
		})
		a.check(err)
	}
}

func (a *account) image(name string) {
	a.Helper()
	_, err := a.CreateFunction(a.Context(), &sdk.CreateFunctionInput{
		FunctionName: &name,
		PackageType:  types.PackageTypeImage,
		Role:         aws.String("arn:aws:iam::123456789012:role/test"),
		Code:         &types.FunctionCode{ImageUri: aws.String("123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/image:1")},
	})
	a.check(err)
}

// alias creates an alias from text: "live 2", or "live 2 1:0.25" with a second
// version and its weight.
func (a *account) alias(function, text string) {
	a.Helper()
	in := &sdk.CreateAliasInput{FunctionName: &function}
	var name, version, second string
	var weight float64
	n, _ := fmt.Sscanf(strings.Replace(text, ":", " ", 1), "%s %s %s %g", &name, &version, &second, &weight)
	in.Name, in.FunctionVersion = &name, &version
	if n == 4 {
		in.RoutingConfig = &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{second: weight}}
	}
	_, err := a.CreateAlias(a.Context(), in)
	a.check(err)
}

// mapping creates an event source mapping of "kinesis:stream/orders" to a function
// or "function:qualifier".
func (a *account) mapping(function, source string, edits ...func(*sdk.CreateEventSourceMappingInput)) {
	a.Helper()
	service, name, _ := strings.Cut(source, ":")
	in := &sdk.CreateEventSourceMappingInput{FunctionName: &function, EventSourceArn: aws.String(sourceArn(service, name))}
	if service != "sqs" {
		in.StartingPosition = types.EventSourcePositionLatest
	}
	for _, edit := range edits {
		edit(in)
	}
	out, err := a.CreateEventSourceMapping(a.Context(), in)
	a.check(err)
	a.uuids = append(a.uuids, aws.ToString(out.UUID), name)
}

// call counts a call.
func (a *account) call(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[name]++
	return a.fail[name]
}

func (a *account) ListFunctions(ctx context.Context, in *sdk.ListFunctionsInput, options ...func(*sdk.Options)) (*sdk.ListFunctionsOutput, error) {
	if err := a.call("ListFunctions"); err != nil {
		return nil, err
	}
	in.MaxItems = a.pageSize()
	out, err := a.Client.ListFunctions(ctx, in, options...)
	if err == nil && a.reverse {
		slices.Reverse(out.Functions)
	}
	return out, err
}

func (a *account) ListEventSourceMappings(ctx context.Context, in *sdk.ListEventSourceMappingsInput, options ...func(*sdk.Options)) (*sdk.ListEventSourceMappingsOutput, error) {
	if err := a.call("ListEventSourceMappings"); err != nil {
		return nil, err
	}
	in.MaxItems = a.pageSize()
	out, err := a.Client.ListEventSourceMappings(ctx, in, options...)
	if err == nil && a.reverse {
		slices.Reverse(out.EventSourceMappings)
	}
	return out, err
}

func (a *account) ListAliases(ctx context.Context, in *sdk.ListAliasesInput, options ...func(*sdk.Options)) (*sdk.ListAliasesOutput, error) {
	if err := a.call("ListAliases " + aws.ToString(in.FunctionName)); err != nil {
		return nil, err
	}
	in.MaxItems = a.pageSize()
	out, err := a.Client.ListAliases(ctx, in, options...)
	if err == nil && a.reverse {
		slices.Reverse(out.Aliases)
	}
	return out, err
}

func (a *account) pageSize() *int32 {
	if a.size == 0 {
		return nil
	}
	return &a.size
}

// fleet has functions of each kind.
func fleet(t *testing.T) *account {
	t.Helper()
	a := newAccount(t)
	a.function("web", al2023)
	a.function("orders", go1x, nodejs16, go1x, go1x, al2023)
	a.function("moved", al2023, go1x, al2023)
	a.function("alone", go1x)
	a.function("idle", al2023, go1x)
	a.function("future", types.RuntimeJava21, types.RuntimeJava21) // which the lifecycle of the tests lacks
	a.image("image")
	a.alias("orders", "live 3 2:0.1")
	a.alias("orders", "next 4")
	a.alias("moved", "live 1")
	a.alias("moved", "beta $LATEST")
	a.alias("web", "live $LATEST")
	a.mapping("moved:live", "sqs:jobs")
	a.mapping("orders", "kinesis:stream/orders", func(in *sdk.CreateEventSourceMappingInput) { in.MaximumRetryAttempts = aws.Int32(2) })
	a.mapping("web:live", "kinesis:stream/web")
	a.mapping("orders:3", "dynamodb:table/orders/stream/1")
	return a
}

// today is 101 days before go1.x is blocked in the lifecycle of the tests.
var today = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// on returns a calendar with dates that do not follow AWS's.
func on(t *testing.T, today time.Time) calendar {
	t.Helper()
	date := func(text string) (d lambda.Date) {
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return d
	}
	return calendar{&lambda.Lifecycle{
		Runtimes: []lambda.Runtime{
			{Name: "go1.x", Deprecated: date("2024-01-08"), BlockUpdate: date("2027-03-03")},
			{Name: "nodejs16.x", Deprecated: date("2023-03-31"), BlockUpdate: date("2023-04-30")},
			{Name: "nodejs26.x"},
			{Name: "provided.al2023", Deprecated: date("2029-06-30"), BlockUpdate: date("2029-08-31")},
			{Name: "ruby3.3", Deprecated: date("2027-03-31"), BlockUpdate: date("2027-05-31")},
		},
	}, today}
}

// audit runs an audit as of today.
func (a *account) audit(o Options) *Report {
	a.Helper()
	r, err := run(a.Context(), a, o, on(a.T, today))
	a.check(err)
	return r
}

func names(r *Report) []string {
	var names []string
	for _, f := range r.Findings {
		names = append(names, f.FunctionName)
	}
	return names
}
