package metrics_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator/metrics"
)

// query asks for a metric of Lambda. Each dimension is a name and a value.
func query(id, metric, stat string, period int64, dimensions ...string) metrics.Query {
	q := metrics.Query{Id: id, MetricStat: &metrics.Stat{Stat: stat, Period: period}}
	q.MetricStat.Metric.Namespace, q.MetricStat.Metric.MetricName = "AWS/Lambda", metric
	for i := 0; i < len(dimensions); i += 2 {
		q.MetricStat.Metric.Dimensions = append(q.MetricStat.Metric.Dimensions, struct{ Name, Value string }{dimensions[i], dimensions[i+1]})
	}
	return q
}

// request asks for the time between two times.
func request(start, end time.Time, queries ...metrics.Query) metrics.Request {
	seconds := func(t time.Time) *float64 { return new(float64(t.UnixMilli()) / 1000) }
	return metrics.Request{StartTime: seconds(start), EndTime: seconds(end), MetricDataQueries: queries}
}

func get(t *testing.T, s *metrics.Store, r metrics.Request) metrics.Response {
	t.Helper()
	response, err := s.Get(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// points returns a result as minutes after base and values.
func points(r metrics.Result, base time.Time) []string {
	texts := []string{}
	for i, at := range r.Timestamps {
		texts = append(texts, fmt.Sprintf("%v:%v", time.Unix(at, 0).Sub(base).Minutes(), r.Values[i]))
	}
	return texts
}

// invoked adds an invocation of f.
func invoked(s *metrics.Store, at time.Time, took time.Duration) {
	s.Add(metrics.Invocation{Function: "f", Resource: "f", Received: at, Duration: took})
}

// bubble runs a test at noon, with a store.
func bubble(t *testing.T, test func(t *testing.T, s *metrics.Store)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(100*24*time.Hour + 12*time.Hour)
		test(t, metrics.NewStore())
	})
}

func TestStatistics(t *testing.T) {
	bubble(t, func(t *testing.T, s *metrics.Store) {
		now := time.Now()
		s.Add(metrics.Invocation{Function: "f", Resource: "f", Received: now, Duration: 100 * time.Millisecond, Failed: true})
		s.Add(metrics.Invocation{Function: "f", Resource: "f:live", Received: now, Duration: 300 * time.Millisecond, FromStream: true, IteratorAge: 5 * time.Second})
		s.Add(metrics.Invocation{Function: "g", Resource: "g", Received: now, Duration: 1500 * time.Millisecond})
		for _, test := range []struct {
			metric, stat string
			dimensions   []string
			want         []float64
		}{
			{"Invocations", "Sum", []string{"FunctionName", "f"}, []float64{2}},
			{"Invocations", "Average", []string{"FunctionName", "f"}, []float64{1}},
			{"Errors", "Sum", []string{"FunctionName", "f"}, []float64{1}},
			{"Errors", "Average", []string{"FunctionName", "f"}, []float64{0.5}},
			{"Errors", "SampleCount", []string{"FunctionName", "f"}, []float64{2}},
			{"Errors", "Minimum", []string{"FunctionName", "f"}, []float64{0}},
			{"Errors", "Maximum", []string{"FunctionName", "f"}, []float64{1}},
			{"Errors", "Sum", []string{"FunctionName", "g"}, []float64{0}},
			{"Throttles", "Sum", []string{"FunctionName", "f"}, []float64{0}},
			{"Duration", "Sum", []string{"FunctionName", "f"}, []float64{400}},
			{"Duration", "Average", []string{"FunctionName", "f"}, []float64{200}},
			{"Duration", "Maximum", nil, []float64{1500}},
			{"Invocations", "Sum", []string{"FunctionName", "f", "Resource", "f"}, []float64{1}},
			{"Invocations", "Sum", []string{"Resource", "f:live", "FunctionName", "f"}, []float64{1}},
			{"Invocations", "Sum", nil, []float64{3}},
			{"IteratorAge", "SampleCount", nil, []float64{1}},
			{"IteratorAge", "Maximum", []string{"FunctionName", "f"}, []float64{5000}},
			{"IteratorAge", "Maximum", []string{"FunctionName", "g"}, []float64{}},
			{"Invocations", "Sum", []string{"FunctionName", "none"}, []float64{}},
			{"Invocations", "Sum", []string{"FunctionName", "f", "Resource", "f:1"}, []float64{}},
			{"Invocations", "Sum", []string{"Resource", "f"}, []float64{}},
			{"Invocations", "Sum", []string{"FunctionName", "f", "Colour", "red"}, []float64{}},
			{"Inventions", "Sum", []string{"FunctionName", "f"}, []float64{}},
		} {
			r := get(t, s, request(now.Add(-time.Hour), now.Add(time.Minute), query("q", test.metric, test.stat, 3600, test.dimensions...)))
			if got := r.MetricDataResults[0].Values; !cmp.Equal(got, test.want) {
				t.Errorf("%s of %s %v is %v, want %v", test.stat, test.metric, test.dimensions, got, test.want)
			}
		}
	})
}

func TestResults(t *testing.T) {
	bubble(t, func(t *testing.T, s *metrics.Store) {
		start := time.Now().Add(-time.Hour)
		invoked(s, start.Add(time.Minute), 1500*time.Millisecond)
		labelled := query("b", "Duration", "Maximum", 60)
		labelled.Label = "how long"
		unreturned := query("c", "Errors", "Sum", 60)
		unreturned.ReturnData = new(false)
		unit := query("d", "Duration", "Sum", 60)
		unit.MetricStat.Unit = "Milliseconds"
		otherUnit := query("e", "Duration", "Sum", 60)
		otherUnit.MetricStat.Unit = "Seconds"
		elsewhere := query("f", "Errors", "Sum", 60)
		elsewhere.MetricStat.Metric.Namespace = "AWS/Lambada"
		var got []string
		for _, r := range get(t, s, request(start, time.Now(), query("a", "Errors", "Sum", 60), labelled, unreturned, unit, otherUnit, elsewhere)).MetricDataResults {
			got = append(got, fmt.Sprint(r.Id, ", ", r.Label, ", ", r.StatusCode, ", ", points(r, start)))
		}
		want := []string{"a, Errors, Complete, [1:0]", "b, how long, Complete, [1:1500]", "d, Duration, Complete, [1:1500]", "e, Duration, Complete, []", "f, Errors, Complete, []"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
	})
}

func TestPages(t *testing.T) {
	bubble(t, func(t *testing.T, s *metrics.Store) {
		start := time.Now().Add(-time.Hour)
		for minute := range 7 {
			invoked(s, start.Add(time.Duration(minute)*time.Minute), time.Second)
		}
		s.Add(metrics.Invocation{Function: "h", Resource: "h", Received: start, Duration: time.Second})
		for _, scan := range []string{"", "TimestampAscending"} {
			for size := 1; size <= 16; size++ {
				r := request(start, time.Now(),
					query("f", "Invocations", "Sum", 60, "FunctionName", "f"),
					query("none", "Invocations", "Sum", 60, "FunctionName", "none"),
					query("g", "Duration", "Sum", 60, "FunctionName", "f"),
					query("h", "Duration", "Sum", 60, "FunctionName", "h"))
				r.ScanBy, r.MaxDatapoints = scan, &size
				got := map[string][]string{}
				pages := 0
				for more := true; more; pages++ {
					page := get(t, s, r)
					n := 0
					for _, result := range page.MetricDataResults {
						got[result.Id] = append(got[result.Id], points(result, start)...)
						n += len(result.Values)
						if complete := len(got[result.Id]) == map[string]int{"f": 7, "g": 7, "h": 1}[result.Id]; complete != (result.StatusCode == "Complete") {
							t.Errorf("%d a page: %s is %s with %v", size, result.Id, result.StatusCode, got[result.Id])
						}
					}
					r.NextToken, more = page.NextToken, page.NextToken != ""
					if more && n != size {
						t.Errorf("%d a page: one has %d", size, n)
					}
					invoked(s, start.Add(-time.Hour), time.Second) // does not move the pages
				}
				if want := (15 + size - 1) / size; pages != want {
					t.Errorf("%d a page: %d pages, want %d", size, pages, want)
				}
				want := map[string][]string{
					"f": {"6:1", "5:1", "4:1", "3:1", "2:1", "1:1", "0:1"},
					"g": {"6:1000", "5:1000", "4:1000", "3:1000", "2:1000", "1:1000", "0:1000"},
					"h": {"0:1000"},
				}
				if scan != "" {
					want["f"] = []string{"0:1", "1:1", "2:1", "3:1", "4:1", "5:1", "6:1"}
					want["g"] = []string{"0:1000", "1:1000", "2:1000", "3:1000", "4:1000", "5:1000", "6:1000"}
				}
				delete(got, "none")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%d a page, %q (-want +got):\n%s", size, scan, diff)
				}
			}
		}
	})
}

func TestTimes(t *testing.T) {
	bubble(t, func(t *testing.T, s *metrics.Store) {
		base := time.Now().Add(-5 * time.Hour)
		minutes := func(n float64) time.Time { return base.Add(time.Duration(n * float64(time.Minute))) }
		for _, minute := range []float64{0, 0.99, 1, 2, 5, 7, 60} {
			invoked(s, minutes(minute), time.Second)
		}
		const day = 24 * 60
		for _, test := range []struct {
			name       string
			start, end float64 // minutes after base
			period     int64
			want       []string
		}{
			{"all", -10, 100, 60, []string{"0:2", "1:1", "2:1", "5:1", "7:1", "60:1"}},
			{"the start is inclusive", 1, 6, 60, []string{"1:1", "2:1", "5:1"}},
			{"the start is rounded down", 1.9, 6, 60, []string{"1:1", "2:1", "5:1"}},
			{"the end is exclusive", 0, 5, 60, []string{"0:2", "1:1", "2:1"}},
			{"the end is not rounded", 0, 5.001, 60, []string{"0:2", "1:1", "2:1", "5:1"}},
			{"periods of five minutes", 0, 100, 300, []string{"0:4", "5:2", "60:1"}},
			{"periods count from the start", 1, 100, 300, []string{"1:3", "6:1", "56:1"}},
			{"the last period is cut", 0, 7, 300, []string{"0:4", "5:1"}},
			{"no invocations", 8, 60, 60, []string{}},
			{"by the minute from fifteen days ago", -14.7 * day, 100, 60, []string{"0:2", "1:1", "2:1", "5:1", "7:1", "60:1"}},
			{"by the minute from sixteen days ago", -16 * day, 100, 60, []string{}},
			{"by five minutes from sixteen days ago", -16 * day, 100, 300, []string{"0:4", "5:2", "60:1"}},
			{"the start is rounded down to five", -16*day + 4.5, 100, 300, []string{"0:4", "5:2", "60:1"}},
			{"by five minutes from 64 days ago", -64 * day, 100, 300, []string{}},
			{"by the hour from 64 days ago", -64*day + 59, 100, 3600, []string{"0:6", "60:1"}},
		} {
			r := request(minutes(test.start), minutes(test.end), query("q", "Invocations", "Sum", test.period))
			r.ScanBy = "TimestampAscending"
			response := get(t, s, r)
			result := response.MetricDataResults[0]
			if got := points(result, base); !cmp.Equal(got, test.want) || result.StatusCode != "Complete" || response.NextToken != "" {
				t.Errorf("%s: got %v, %s, token %q, want %v", test.name, got, result.StatusCode, response.NextToken, test.want)
			}
		}
		newestFirst := get(t, s, request(minutes(0), minutes(3), query("q", "Invocations", "Sum", 60)))
		if got, want := points(newestFirst.MetricDataResults[0], base), []string{"2:1", "1:1", "0:2"}; !cmp.Equal(got, want) {
			t.Errorf("by default: %v, want %v", got, want)
		}
	})
}

// count returns the invocations of the last hundred days.
func count(t *testing.T, s *metrics.Store) (n float64) {
	t.Helper()
	now := time.Now()
	for _, value := range get(t, s, request(now.Add(-100*24*time.Hour), now.Add(time.Minute), query("q", "Invocations", "Sum", 3600))).MetricDataResults[0].Values {
		n += value
	}
	return n
}

func TestMinutesAreKeptForFifteenDays(t *testing.T) {
	bubble(t, func(t *testing.T, s *metrics.Store) {
		invoked(s, time.Now(), time.Second)
		time.Sleep(2 * 24 * time.Hour)
		invoked(s, time.Now(), time.Second)
		time.Sleep(14 * 24 * time.Hour)
		if n := count(t, s); n != 2 {
			t.Fatalf("%v invocations, want 2", n)
		}
		invoked(s, time.Now(), time.Second)
		if n := count(t, s); n != 2 {
			t.Errorf("%v invocations, want the 2 of the last fifteen days", n)
		}
	})
}

func TestAge(t *testing.T) {
	bubble(t, func(t *testing.T, s *metrics.Store) {
		now := time.Now()
		invoked(s, now, time.Second)
		s.Age(10 * time.Minute)
		r := get(t, s, request(now.Add(-time.Hour), now.Add(time.Minute), query("q", "Invocations", "Sum", 60)))
		if got, want := points(r.MetricDataResults[0], now), []string{"-10:1"}; !cmp.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestTooManyQueries(t *testing.T) {
	t.Parallel()
	var queries []metrics.Query
	for i := range 501 {
		queries = append(queries, query(fmt.Sprint("q", i), "Errors", "Sum", 60))
	}
	s := metrics.NewStore()
	if _, err := s.Get(request(time.Unix(0, 0), time.Unix(60, 0), queries[1:]...)); err != nil {
		t.Errorf("500 queries: %v", err)
	}
	_, err := s.Get(request(time.Unix(0, 0), time.Unix(60, 0), queries...))
	if e, ok := errors.AsType[*metrics.Error](err); !ok || *e != (metrics.Error{Code: "ValidationError", Message: "The collection MetricDataQueries must not have a size greater than 500."}) {
		t.Errorf("501 queries: %v", err)
	}
}
