package audit

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

func TestRoad(t *testing.T) {
	sources, deployed := &manifest.Function{Package: "./f"}, &manifest.Function{Source: "deployed"}
	for _, test := range []struct {
		runtime string
		due     bool
		covered *manifest.Function
		want    string
	}{
		{"go1.x", true, nil, RoadSourcesDeployed},
		{"go1.x", true, sources, RoadSources},
		{"go1.x", true, deployed, RoadDeployed},
		{"provided.al2", true, nil, RoadSourcesOneCall},
		{"provided", true, sources, RoadSources},
		{"provided", true, deployed, RoadOneCall},
		{"provided.al2023", true, sources, RoadNone}, // once AWS retires it
		{"provided.al2023", false, sources, RoadVersions},
		{"nodejs16.x", true, nil, RoadNone},
	} {
		if got := road(test.runtime, test.due, test.covered); got != test.want {
			t.Errorf("%s, due %t, %+v: %q, want %q", test.runtime, test.due, test.covered, got, test.want)
		}
	}
}

func TestMerge(t *testing.T) {
	lifecycle := &lambda.Lifecycle{}
	got := Merge([]*Report{
		{Findings: []Finding{{Account: "2", Region: "a", FunctionName: "x"}}, Functions: 3, Images: 1, Unknown: []string{"zig"}, Places: []Place{{"2", "a", 3, 1}}, Lifecycle: lifecycle},
		{Unread: []Unread{{"3", "b", "denied"}, {"3", "a", "denied"}}},
		{Findings: []Finding{{Account: "1", Region: "b", FunctionName: "y"}, {Account: "1", Region: "b", FunctionName: "z"}}, Functions: 4, Unknown: []string{"ada", "zig"}, Places: []Place{{"1", "b", 4, 2}}, Lifecycle: lifecycle},
	})
	want := &Report{
		Findings:  []Finding{{Account: "1", Region: "b", FunctionName: "y"}, {Account: "1", Region: "b", FunctionName: "z"}, {Account: "2", Region: "a", FunctionName: "x"}},
		Functions: 7, Images: 1, Unknown: []string{"ada", "zig"}, Lifecycle: lifecycle,
		Merged: true, Places: []Place{{"1", "b", 4, 2}, {"2", "a", 3, 1}},
		Unread: []Unread{{"3", "a", "denied"}, {"3", "b", "denied"}},
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// metrics answers GetMetricData: a million invocations and milliseconds a day for each
// function, in two pages.
type metrics struct {
	queries []int // in each request, without those for more pages
	err     error
	status  types.StatusCode
	spans   map[time.Duration]bool
}

func (m *metrics) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	if m.err != nil {
		return nil, m.err
	}
	out := &cloudwatch.GetMetricDataOutput{}
	status := types.StatusCodePartialData
	if in.NextToken == nil {
		m.queries = append(m.queries, len(in.MetricDataQueries))
		m.spans[in.EndTime.Sub(*in.StartTime)] = true
		next := "next"
		out.NextToken = &next
	} else {
		status = m.status
	}
	for _, q := range in.MetricDataQueries {
		out.MetricDataResults = append(out.MetricDataResults, types.MetricDataResult{Id: q.Id, StatusCode: status, Values: []float64{1e6, 2e6}})
	}
	return out, nil
}

func TestUsage(t *testing.T) {
	var findings []Finding
	for i := range 251 {
		findings = append(findings, Finding{FunctionName: strconv.Itoa(i), Architecture: "x86_64", Road: RoadSources, MemorySize: 512})
	}
	findings = append(findings,
		Finding{FunctionName: "arm", Architecture: "arm64", Road: RoadSources},
		Finding{FunctionName: "zip", Architecture: "x86_64", Road: RoadDeployed})
	m := &metrics{status: types.StatusCodeComplete, spans: map[time.Duration]bool{}}
	if err := addUsage(t.Context(), m, findings, today); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int{500, 2}, m.queries); d != "" || len(m.spans) != 1 || !m.spans[UsageDays*24*time.Hour] {
		t.Errorf("queries %v of %v", m.queries, m.spans)
	}
	// 6,000 s at half a GB; the prices differ by $0.0000033333.
	for _, f := range findings[:251] {
		if u := f.Usage; u == nil || u.Invocations != 6e6 || u.GBSeconds != 3000 || math.Abs(u.ARM64SavesUSD-0.0099999) > 1e-9 {
			t.Fatalf("%s: %+v", f.FunctionName, u)
		}
	}
	if findings[251].Usage != nil || findings[252].Usage != nil {
		t.Error("there is an estimate for functions that cannot move to arm64")
	}

	m.status = types.StatusCodePartialData
	if err := addUsage(t.Context(), m, findings, today); err == nil || !strings.Contains(err.Error(), `Invocations of "0" is incomplete`) {
		t.Errorf("incomplete: %v", err)
	}
	m.err = errors.New("denied")
	a := newAccount(t)
	a.function("alone", go1x)
	r := a.audit(Options{Account: "1", Region: "a", Metrics: m})
	want := []Unread{{"1", "a", "reading CloudWatch's metrics: denied"}}
	if len(r.Findings) != 1 || r.Findings[0].Usage != nil || !cmp.Equal(want, r.Unmeasured) {
		t.Errorf("%+v", r)
	}
}
