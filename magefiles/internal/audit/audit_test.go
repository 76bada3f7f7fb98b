package audit

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/manifest"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func TestRun(t *testing.T) {
	a := fleet(t)
	r := a.audit(Options{Account: "123456789012", Region: "ap-northeast-1", Covered: map[string]*manifest.Function{"orders": {Name: "orders-go"}}})
	if r.Functions != 7 || r.Images != 1 || !slices.Equal(r.Unknown, []string{"java21"}) {
		t.Errorf("%d functions, %d images, unknown %v", r.Functions, r.Images, r.Unknown)
	}
	var lines strings.Builder
	encoder := json.NewEncoder(&lines)
	for _, f := range r.Findings {
		a.check(encoder.Encode(f))
	}
	const golden = "testdata/findings.jsonl"
	got := strings.NewReplacer(a.uuids...).Replace(lines.String())
	got = regexp.MustCompile(`"LastModified":"[^"]+"`).ReplaceAllString(got, `"LastModified":"…"`)
	if *update {
		a.check(os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	a.check(err)
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("JSON (-want +got):\n%s", d)
	}
}

func TestCalls(t *testing.T) {
	for _, test := range []struct {
		name    string
		account func(*testing.T) *account
		options Options
		want    map[string]int
	}{
		{"empty account", newAccount, Options{}, map[string]int{"ListFunctions": 1}},
		{"no findings", func(t *testing.T) *account {
			a := newAccount(t)
			a.function("a", al2023, al2023)
			return a
		}, Options{}, map[string]int{"ListFunctions": 1}},
		{"aliases of findings with versions", fleet, Options{}, map[string]int{
			"ListFunctions": 1, "ListEventSourceMappings": 1, "ListAliases idle": 1, "ListAliases moved": 1, "ListAliases orders": 1,
		}},
		{"aliases of findings with an event source for an alias", func(t *testing.T) *account {
			a := newAccount(t)
			for _, name := range []string{"a", "b", "c"} {
				a.function(name, go1x)
			}
			a.alias("a", "live $LATEST")
			a.mapping("a:live", "sqs:a")
			a.mapping("b", "sqs:b")
			a.mapping("c:$LATEST", "sqs:c")
			return a
		}, Options{}, map[string]int{"ListFunctions": 1, "ListEventSourceMappings": 1, "ListAliases a": 1}},
		{"aliases of selected functions", fleet, Options{Only: func(name string) bool { return name == "moved" }}, map[string]int{
			"ListFunctions": 1, "ListEventSourceMappings": 1, "ListAliases moved": 1,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := test.account(t)
			a.audit(test.options)
			if d := cmp.Diff(test.want, a.calls); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
		})
	}
}

// TestPages checks that page sizes and the order of the lists do not matter.
func TestPages(t *testing.T) {
	a := fleet(t)
	want := a.audit(Options{})
	const functions, mappings = 15, 4 // in the fleet; ListFunctions lists each version
	pages := func(items, size int) int { return (items + size - 1) / size }
	for _, size := range []int{1, 2, 3, 50} {
		a.size, a.reverse, a.calls = int32(size), true, map[string]int{}
		got := a.audit(Options{})
		if d := cmp.Diff(want.Findings, got.Findings, cmp.Comparer(func(a, b Day) bool { return a == b })); d != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, d)
		}
		calls := map[string]int{
			"ListFunctions":           pages(functions, size),
			"ListEventSourceMappings": pages(mappings, size),
			"ListAliases orders":      pages(2, size),
			"ListAliases moved":       pages(2, size),
			"ListAliases idle":        1,
		}
		if d := cmp.Diff(calls, a.calls); d != "" {
			t.Errorf("calls for pages of %d (-want +got):\n%s", size, d)
		}
	}
}

func TestVersionsAreSortedByNumber(t *testing.T) {
	a := newAccount(t)
	a.function("a", go1x, slices.Repeat([]types.Runtime{go1x}, 11)...)
	var got []string
	for _, v := range a.audit(Options{}).Findings[0].Versions {
		got = append(got, v.Version)
	}
	if want := "1 2 3 4 5 6 7 8 9 10 11"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// TestSoon audits on different days. ruby3.3 is blocked 190 days after today.
func TestSoon(t *testing.T) {
	a := newAccount(t)
	a.function("go", go1x)
	a.function("ruby", types.RuntimeRuby33)
	a.function("preview", types.RuntimeNodejs26x)
	a.function("new", al2023)
	for days, want := range map[int][]string{
		0:    {"go"},
		9:    {"go"},
		10:   {"go", "ruby"},
		1000: {"go", "new", "ruby"},
	} {
		r, err := run(t.Context(), a, Options{}, on(t, today.AddDate(0, 0, days)))
		a.check(err)
		if got := names(r); !slices.Equal(got, want) {
			t.Errorf("after %d days: %v, want %v", days, got, want)
		}
	}
}

// TestLifecycle audits with AWS's current plan, as of now.
func TestLifecycle(t *testing.T) {
	a := newAccount(t)
	a.function("a", go1x)
	r, err := Run(t.Context(), a, Options{})
	a.check(err)
	if len(r.Findings) != 1 || r.Findings[0].Deprecated.Days >= 0 || len(r.Lifecycle.Sources) == 0 {
		t.Errorf("%+v", r)
	}
}

func TestErrors(t *testing.T) {
	a := fleet(t)
	cause := errors.New("denied")
	for call, want := range map[string]string{
		"ListFunctions":           "listing the functions: denied",
		"ListEventSourceMappings": "listing the event source mappings: denied",
		"ListAliases orders":      `listing the aliases of "orders": denied`,
	} {
		a.fail = map[string]error{call: cause}
		r, err := Run(t.Context(), a, Options{})
		if r != nil || !errors.Is(err, cause) || err.Error() != want {
			t.Errorf("%s: %v, %v", call, r, err)
		}
	}
}

// slow is a client with 20 functions that takes a second to list aliases.
type slow struct{ inFlight, most atomic.Int32 }

func (*slow) ListFunctions(context.Context, *sdk.ListFunctionsInput, ...func(*sdk.Options)) (*sdk.ListFunctionsOutput, error) {
	out := &sdk.ListFunctionsOutput{}
	for i := range 20 {
		name, version := fmt.Sprint("f", i), "1"
		out.Functions = append(out.Functions, types.FunctionConfiguration{FunctionName: &name, Version: &version, Runtime: go1x})
	}
	return out, nil
}

func (*slow) ListEventSourceMappings(context.Context, *sdk.ListEventSourceMappingsInput, ...func(*sdk.Options)) (*sdk.ListEventSourceMappingsOutput, error) {
	return &sdk.ListEventSourceMappingsOutput{}, nil
}

func (s *slow) ListAliases(context.Context, *sdk.ListAliasesInput, ...func(*sdk.Options)) (*sdk.ListAliasesOutput, error) {
	now := s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	time.Sleep(time.Second)
	return &sdk.ListAliasesOutput{}, nil
}

func TestEightListAliasesInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, start := &slow{}, time.Now()
		if _, err := run(t.Context(), s, Options{}, on(t, today)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); s.most.Load() != 8 || took != 3*time.Second {
			t.Errorf("%d in flight, in %v; want 8 in 3s", s.most.Load(), took)
		}
	})
}
