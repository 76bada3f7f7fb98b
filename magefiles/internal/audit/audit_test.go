package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

func run(t *testing.T, f *fake, o Options) *Report {
	t.Helper()
	if o.Plan == nil {
		o.Plan = plan(t)
	}
	if o.Today.IsZero() {
		o.Today = today
	}
	r, err := Run(t.Context(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func names(r *Report) []string {
	names := []string{}
	for _, f := range r.Findings {
		names = append(names, f.FunctionName)
	}
	return names
}

// fleet has a function of each kind.
func fleet() *fake {
	capped := mapping("orders", "", "kinesis", "stream/orders")
	capped.MaximumRetryAttempts = aws.Int32(2)
	capped.MaximumRecordAgeInSeconds = aws.Int32(-1)
	image := configuration("image", latest, "")
	image.PackageType = types.PackageTypeImage
	return &fake{
		functions: slices.Concat(
			of("web", types.RuntimeProvidedal2023),
			of("orders", types.RuntimeGo1x, types.RuntimeNodejs12x, types.RuntimeGo1x, types.RuntimeGo1x, types.RuntimeProvidedal2023),
			of("moved", types.RuntimeProvidedal2023, types.RuntimeGo1x, types.RuntimeProvidedal2023),
			of("alone", types.RuntimeGo1x),
			of("idle", types.RuntimeProvidedal2023, types.RuntimeGo1x),
			of("future", "zig1.x", "zig1.x"),
			[]types.FunctionConfiguration{image},
		),
		mappings: []types.EventSourceMappingConfiguration{
			mapping("moved", "live", "sqs", "jobs"),
			capped,
			mapping("web", "live", "kinesis", "stream/web"),
			mapping("orders", "3", "dynamodb", "table/orders/stream/1"),
		},
		aliases: map[string][]types.AliasConfiguration{
			"orders": {weighted("live", "3", "2", 0.1), alias("next", "4")},
			"moved":  {alias("live", "1"), alias("beta", latest)},
		},
	}
}

func TestRun(t *testing.T) {
	r := run(t, fleet(), Options{Covered: map[string]string{"orders": "orders-go"}})
	if d := cmp.Diff([]string{"alone", "idle", "moved", "orders"}, names(r)); d != "" {
		t.Fatalf("findings (-want +got):\n%s", d)
	}
	if r.Functions != 7 || r.Images != 1 || !slices.Equal(r.Unknown, []string{"zig1.x"}) {
		t.Errorf("%d functions, %d images, unknown %v", r.Functions, r.Images, r.Unknown)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	for _, f := range r.Findings {
		if err := encoder.Encode(f); err != nil {
			t.Fatal(err)
		}
	}
	const (
		go1x     = `"Deprecated":{"Date":"2024-01-08","Days":-1049},"BlockUpdate":{"Date":"2027-03-03","Days":101}`
		nodejs12 = `"Deprecated":{"Date":"2023-03-31","Days":-1332},"BlockUpdate":{"Date":"2023-04-30","Days":-1302}`
		provided = `"Deprecated":{"Date":"2029-06-30","Days":951},"BlockUpdate":{"Date":"2029-08-31","Days":1013}`
	)
	want := strings.Join([]string{
		`{"FunctionName":"alone","Runtime":"go1.x","Handler":"lambda","Architecture":"x86_64","PackageType":"Zip","Due":true,` + go1x + `,"CoveredBy":"","EventSources":[],"Versions":[],"Warnings":[]}`,
		`{"FunctionName":"idle","Runtime":"provided.al2023","Handler":"lambda","Architecture":"x86_64","PackageType":"Zip","Due":false,` + provided + `,"CoveredBy":"","EventSources":[],` +
			`"Versions":[{"Version":"1","Runtime":"go1.x",` + go1x + `,"Aliases":[],"EventSources":[]}],"Warnings":[]}`,
		`{"FunctionName":"moved","Runtime":"provided.al2023","Handler":"lambda","Architecture":"x86_64","PackageType":"Zip","Due":false,` + provided + `,"CoveredBy":"",` +
			`"EventSources":[{"UUID":"jobs","EventSourceArn":"arn:aws:sqs:ap-northeast-1:123456789012:jobs","Kind":"sqs","State":"Enabled","Qualifier":"live","FollowsLatest":false,"BatchSize":100,"MaximumBatchingWindowInSeconds":null,"MaximumRetryAttempts":null,"MaximumRecordAgeInSeconds":null,"OnFailure":"","MayLose":"","Note":"whether the queue has a redrive policy is not visible from Lambda"}],` +
			`"Versions":[{"Version":"1","Runtime":"go1.x",` + go1x + `,"Aliases":[{"Name":"live","Weight":1}],"EventSources":["jobs"]}],` +
			`"Warnings":["alias live points at version 1, on go1.x: changing $LATEST does not move it","sqs arn:aws:sqs:ap-northeast-1:123456789012:jobs reads for \"live\": changing $LATEST does not move it"]}`,
		`{"FunctionName":"orders","Runtime":"go1.x","Handler":"lambda","Architecture":"x86_64","PackageType":"Zip","Due":true,` + go1x + `,"CoveredBy":"orders-go",` +
			`"EventSources":[{"UUID":"table/orders/stream/1","EventSourceArn":"arn:aws:dynamodb:ap-northeast-1:123456789012:table/orders/stream/1","Kind":"dynamodb","State":"Enabled","Qualifier":"3","FollowsLatest":false,"BatchSize":100,"MaximumBatchingWindowInSeconds":null,"MaximumRetryAttempts":null,"MaximumRecordAgeInSeconds":null,"OnFailure":"","MayLose":""},` +
			`{"UUID":"stream/orders","EventSourceArn":"arn:aws:kinesis:ap-northeast-1:123456789012:stream/orders","Kind":"kinesis","State":"Enabled","Qualifier":"","FollowsLatest":true,"BatchSize":100,"MaximumBatchingWindowInSeconds":null,"MaximumRetryAttempts":2,"MaximumRecordAgeInSeconds":-1,"OnFailure":"","MayLose":"MaximumRetryAttempts is 2, and there is no OnFailure destination"}],` +
			`"Versions":[{"Version":"1","Runtime":"nodejs12.x",` + nodejs12 + `,"Aliases":[],"EventSources":[]},` +
			`{"Version":"2","Runtime":"go1.x",` + go1x + `,"Aliases":[{"Name":"live","Weight":0.1}],"EventSources":[]},` +
			`{"Version":"3","Runtime":"go1.x",` + go1x + `,"Aliases":[{"Name":"live","Weight":0.9}],"EventSources":["table/orders/stream/1"]}],` +
			`"Warnings":["kinesis arn:aws:kinesis:ap-northeast-1:123456789012:stream/orders may lose records: MaximumRetryAttempts is 2, and there is no OnFailure destination",` +
			`"alias live sends 10% to version 2, on go1.x: changing $LATEST does not move it",` +
			`"alias live sends 90% to version 3, on go1.x: changing $LATEST does not move it",` +
			`"dynamodb arn:aws:dynamodb:ap-northeast-1:123456789012:table/orders/stream/1 reads for \"3\": changing $LATEST does not move it"]}`,
		``,
	}, "\n")
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("JSON (-want +got):\n%s", d)
	}
}

func TestCalls(t *testing.T) {
	for _, test := range []struct {
		name    string
		client  *fake
		options Options
		want    map[string]int
	}{
		{"nothing there", &fake{}, Options{}, map[string]int{"ListFunctions": 1}},
		{"nothing found", &fake{functions: of("a", types.RuntimeProvidedal2023, types.RuntimeProvidedal2023)}, Options{}, map[string]int{"ListFunctions": 1}},
		{"aliases of what is found and has versions", fleet(), Options{}, map[string]int{
			"ListFunctions": 1, "ListEventSourceMappings": 1, "ListAliases idle": 1, "ListAliases moved": 1, "ListAliases orders": 1,
		}},
		{"aliases of what is read for by one", &fake{
			functions: slices.Concat(of("a", types.RuntimeGo1x), of("b", types.RuntimeGo1x), of("c", types.RuntimeGo1x)),
			mappings: []types.EventSourceMappingConfiguration{
				mapping("a", "live", "sqs", "a"), mapping("b", "", "sqs", "b"), mapping("c", latest, "sqs", "c"),
			},
		}, Options{}, map[string]int{"ListFunctions": 1, "ListEventSourceMappings": 1, "ListAliases a": 1}},
		{"aliases of what is chosen", fleet(), Options{Only: func(name string) bool { return name == "moved" }}, map[string]int{
			"ListFunctions": 1, "ListEventSourceMappings": 1, "ListAliases moved": 1,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, test.client, test.options)
			if d := cmp.Diff(test.want, test.client.calls); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
		})
	}
}

// The answer does not depend on how it is cut, or on the order of the lists.
func TestPages(t *testing.T) {
	want := run(t, fleet(), Options{})
	for _, page := range []int{1, 2, 3} {
		f := fleet()
		f.page = page
		slices.Reverse(f.functions)
		slices.Reverse(f.mappings)
		slices.Reverse(f.aliases["orders"])
		got := run(t, f, Options{})
		if d := cmp.Diff(want.Findings, got.Findings, cmp.Comparer(func(a, b Day) bool { return a == b })); d != "" {
			t.Errorf("pages of %d (-want +got):\n%s", page, d)
		}
		calls := map[string]int{
			"ListFunctions":           (len(f.functions) + page - 1) / page,
			"ListEventSourceMappings": (len(f.mappings) + page - 1) / page,
			"ListAliases orders":      (2 + page - 1) / page,
			"ListAliases moved":       (2 + page - 1) / page,
			"ListAliases idle":        1,
		}
		if d := cmp.Diff(calls, f.calls); d != "" {
			t.Errorf("calls for pages of %d (-want +got):\n%s", page, d)
		}
	}
}

func TestVersionsAreSortedByNumber(t *testing.T) {
	versions := slices.Repeat([]types.Runtime{types.RuntimeGo1x}, 11)
	r := run(t, &fake{functions: of("a", types.RuntimeGo1x, versions...)}, Options{})
	var got []string
	for _, v := range r.Findings[0].Versions {
		got = append(got, v.Version)
	}
	if want := "1 2 3 4 5 6 7 8 9 10 11"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestWithin(t *testing.T) {
	const day = 24 * time.Hour
	client := &fake{functions: slices.Concat(of("go", types.RuntimeGo1x), of("ruby", types.RuntimeRuby33), of("preview", types.RuntimeNodejs26x), of("new", types.RuntimeProvidedal2023))}
	for _, test := range []struct {
		within time.Duration
		want   []string
	}{
		{0, []string{"go"}}, // 180 days; ruby3.3 is blocked in 190
		{189 * day, []string{"go"}},
		{190 * day, []string{"go", "ruby"}},
		{10000 * day, []string{"go", "new", "ruby"}},
	} {
		if got := names(run(t, client, Options{Within: test.within})); !slices.Equal(got, test.want) {
			t.Errorf("within %v: %v, want %v", test.within, got, test.want)
		}
	}
}

// By default the plan is the one that comes with the module, and today is now.
func TestDefaults(t *testing.T) {
	r, err := Run(t.Context(), &fake{functions: of("a", types.RuntimeGo1x)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) != 1 || r.Findings[0].Deprecated.Days >= 0 || r.Within != DefaultWithin || len(r.Plan.Sources) == 0 {
		t.Errorf("%+v", r)
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("denied")
	for call, want := range map[string]string{
		"ListFunctions":           "listing the functions: denied",
		"ListEventSourceMappings": "listing the event source mappings: denied",
		"ListAliases orders":      `listing the aliases of "orders": denied`,
	} {
		f := fleet()
		f.fail = map[string]error{call: cause}
		r, err := Run(t.Context(), f, Options{Plan: plan(t), Today: today})
		if r != nil || !errors.Is(err, cause) || err.Error() != want {
			t.Errorf("%s: %v, %v", call, r, err)
		}
	}
}

// ListAliases is the only call that there may be many of.
func TestAliasesAreListedEightAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{hold: func(context.Context) { time.Sleep(time.Second) }}
		for i := range 20 {
			f.functions = append(f.functions, of(fmt.Sprint("f", i), types.RuntimeGo1x, types.RuntimeGo1x)...)
		}
		start := time.Now()
		run(t, f, Options{})
		if took := time.Since(start); f.most.Load() != 8 || took != 3*time.Second {
			t.Errorf("%d at once, in %v", f.most.Load(), took)
		}
	})
}
