package audit

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/lambda"
)

var _ Client = (*sdk.Client)(nil)

// fake is a Lambda that answers in pages of one size.
type fake struct {
	functions []types.FunctionConfiguration
	mappings  []types.EventSourceMappingConfiguration
	aliases   map[string][]types.AliasConfiguration
	page      int                       // entries in an answer; 50 if it is 0
	fail      map[string]error          // by call, "ListAliases a" among them
	hold      func(ctx context.Context) // called within ListAliases

	mu    sync.Mutex
	calls map[string]int

	now, most atomic.Int32 // ListAliases under way
}

func (f *fake) called(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[name]++
	return f.fail[name]
}

// cut returns the page that begins at marker, and the marker of the next.
func cut[T any](f *fake, all []T, marker *string) ([]T, *string) {
	size := f.page
	if size == 0 {
		size = 50
	}
	from, _ := strconv.Atoi(aws.ToString(marker))
	to := min(from+size, len(all))
	if to == len(all) {
		return all[from:to], nil
	}
	return all[from:to], aws.String(strconv.Itoa(to))
}

func (f *fake) ListFunctions(_ context.Context, in *sdk.ListFunctionsInput, _ ...func(*sdk.Options)) (*sdk.ListFunctionsOutput, error) {
	if err := f.called("ListFunctions"); err != nil {
		return nil, err
	}
	if in.FunctionVersion != types.FunctionVersionAll {
		return nil, errors.New("the versions are not asked for")
	}
	page, next := cut(f, f.functions, in.Marker)
	return &sdk.ListFunctionsOutput{Functions: page, NextMarker: next}, nil
}

func (f *fake) ListEventSourceMappings(_ context.Context, in *sdk.ListEventSourceMappingsInput, _ ...func(*sdk.Options)) (*sdk.ListEventSourceMappingsOutput, error) {
	if err := f.called("ListEventSourceMappings"); err != nil {
		return nil, err
	}
	if in.FunctionName != nil || in.EventSourceArn != nil {
		return nil, errors.New("not all mappings are asked for")
	}
	page, next := cut(f, f.mappings, in.Marker)
	return &sdk.ListEventSourceMappingsOutput{EventSourceMappings: page, NextMarker: next}, nil
}

func (f *fake) ListAliases(ctx context.Context, in *sdk.ListAliasesInput, _ ...func(*sdk.Options)) (*sdk.ListAliasesOutput, error) {
	name := aws.ToString(in.FunctionName)
	if err := f.called("ListAliases " + name); err != nil {
		return nil, err
	}
	now := f.now.Add(1)
	defer f.now.Add(-1)
	for most := f.most.Load(); now > most && !f.most.CompareAndSwap(most, now); most = f.most.Load() {
	}
	if f.hold != nil {
		f.hold(ctx)
	}
	page, next := cut(f, f.aliases[name], in.Marker)
	return &sdk.ListAliasesOutput{Aliases: page, NextMarker: next}, nil
}

// of returns $LATEST of a function and its versions 1, 2, … by their lambda.
func of(name string, runtime types.Runtime, versions ...types.Runtime) []types.FunctionConfiguration {
	all := []types.FunctionConfiguration{configuration(name, latest, runtime)}
	for i, r := range versions {
		all = append(all, configuration(name, strconv.Itoa(i+1), r))
	}
	return all
}

func configuration(name, version string, runtime types.Runtime) types.FunctionConfiguration {
	return types.FunctionConfiguration{
		FunctionName:  &name,
		FunctionArn:   aws.String(functionArn(name, version)),
		Version:       &version,
		Runtime:       runtime,
		Handler:       aws.String("lambda"),
		PackageType:   types.PackageTypeZip,
		Architectures: []types.Architecture{types.ArchitectureX8664},
	}
}

func functionArn(name, qualifier string) string {
	arn := "arn:aws:lambda:ap-northeast-1:123456789012:function:" + name
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return arn
}

func sourceArn(service, name string) string {
	return "arn:aws:" + service + ":ap-northeast-1:123456789012:" + name
}

// mapping is one that reads for a function; its UUID is the source's name.
func mapping(function, qualifier, service, source string) types.EventSourceMappingConfiguration {
	return types.EventSourceMappingConfiguration{
		UUID:           &source,
		EventSourceArn: aws.String(sourceArn(service, source)),
		FunctionArn:    aws.String(functionArn(function, qualifier)),
		State:          aws.String("Enabled"),
		BatchSize:      aws.Int32(100),
	}
}

func alias(name, version string) types.AliasConfiguration {
	return types.AliasConfiguration{Name: &name, FunctionVersion: &version}
}

func weighted(name, version, second string, weight float64) types.AliasConfiguration {
	a := alias(name, version)
	a.RoutingConfig = &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{second: weight}}
	return a
}

// today is 101 days before go1.x takes no updates by the plan of these tests.
var today = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// plan has dates that do not move with AWS's.
func plan(t *testing.T) *lambda.Lifecycle {
	t.Helper()
	date := func(text string) lambda.Date {
		var d lambda.Date
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return d
	}
	return &lambda.Lifecycle{
		Table:   "https://example.com/table",
		Sources: []lambda.Source{{Date: date("2026-08-15")}},
		Runtimes: []lambda.Runtime{
			{Name: "go1.x", Deprecated: date("2024-01-08"), BlockUpdate: date("2027-03-03")},
			{Name: "nodejs12.x", Deprecated: date("2023-03-31"), BlockUpdate: date("2023-04-30")},
			{Name: "nodejs26.x"},
			{Name: "provided.al2023", Deprecated: date("2029-06-30"), BlockUpdate: date("2029-08-31")},
			{Name: "ruby3.3", Deprecated: date("2027-03-31"), BlockUpdate: date("2027-05-31")},
		},
	}
}
