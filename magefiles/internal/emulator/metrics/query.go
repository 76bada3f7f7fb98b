package metrics

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Request is the input of GetMetricData. Times are in seconds since 1970.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
type Request struct {
	MetricDataQueries  []Query
	StartTime, EndTime *float64
	NextToken          string
	ScanBy             string
	MaxDatapoints      *int
}

// Query asks for one statistic of one metric.
type Query struct {
	Id, Label  string
	Expression *string
	ReturnData *bool
	MetricStat *Stat
}

// Stat is a statistic of a metric.
type Stat struct {
	Metric struct {
		Namespace, MetricName string
		Dimensions            []struct{ Name, Value string }
	}
	Period int64 // seconds
	Stat   string
	Unit   string
}

// Response is the output of GetMetricData.
type Response struct {
	MetricDataResults []Result
	Messages          []struct{} // always empty
	NextToken         string     `json:",omitempty"`
}

// Result is the answer to one query, or the part of it on one page.
type Result struct {
	Id, Label  string
	Timestamps []int64 // seconds since 1970
	Values     []float64
	StatusCode string
}

// Get answers a request, or one page of it. Each page has all results, with
// their data points on that page. An error is an [Error].
func (s *Store) Get(r Request) (Response, error) {
	if err := r.check(); err != nil {
		return Response{}, err
	}
	from, err := parseToken(r.NextToken)
	if err != nil {
		return Response{}, err
	}
	left := maxDatapoints
	if r.MaxDatapoints != nil {
		left = min(left, *r.MaxDatapoints)
	}
	ascending := r.ScanBy == "TimestampAscending"

	response := Response{MetricDataResults: []Result{}, Messages: []struct{}{}}
	last := from
	for i, query := range r.MetricDataQueries {
		if query.ReturnData != nil && !*query.ReturnData {
			continue
		}
		result := Result{query.Id, query.Label, []int64{}, []float64{}, "Complete"}
		if result.Label == "" {
			// Assumption: AWS says only that it generates a default. The defaults
			// that it shows begin with the metric's name.
			result.Label = query.MetricStat.Metric.MetricName
		}
		points := query.MetricStat.points(s, *r.StartTime, *r.EndTime)
		times := slices.Sorted(maps.Keys(points))
		if !ascending {
			slices.Reverse(times)
		}
		for _, t := range times {
			here := position{int64(i), t}
			if !here.after(from, ascending) {
				continue
			}
			if left == 0 {
				result.StatusCode, response.NextToken = "PartialData", last.token()
				break
			}
			left--
			last = here
			result.Timestamps = append(result.Timestamps, t)
			result.Values = append(result.Values, query.MetricStat.value(points[t]))
		}
		response.MetricDataResults = append(response.MetricDataResults, result)
	}
	return response, nil
}

// resolution returns the shortest period, in seconds, that CloudWatch keeps of a
// time.
func resolution(at int64, now time.Time) int64 {
	switch age := now.Unix() - at; {
	case age > 63*24*3600:
		return 3600
	case age > kept:
		return 300
	}
	return 60
}

// points returns the data points of a statistic by the beginning of their
// period, from start, rounded down to the resolution, to before end. A period
// without invocations has none. If CloudWatch does not keep such short periods of
// the start, there are none at all.
//
// Assumption: periods count from the rounded start. AWS advises callers to let
// the two match.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html
func (q *Stat) points(s *Store, start, end float64) map[int64]aggregate {
	from, now := int64(start), time.Now()
	from -= from % resolution(from, now)
	points := map[int64]aggregate{}
	if q.Period%resolution(from, now) != 0 {
		return points
	}
	s.each(func(key series, minute int64, a aggregate) {
		if from <= minute && float64(minute) < end && q.chooses(key) {
			begin := minute - (minute-from)%q.Period
			points[begin] = points[begin].plus(a)
		}
	})
	return points
}

// chooses reports whether a series belongs to the metric. Without dimensions the
// metric is across all functions.
//
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
func (q *Stat) chooses(key series) bool {
	unit := "Count"
	if key.metric == "Duration" || key.metric == "IteratorAge" {
		unit = "Milliseconds"
	}
	if q.Metric.Namespace != namespace || q.Metric.MetricName != key.metric || q.Unit != "" && q.Unit != unit {
		return false
	}
	function := len(q.Metric.Dimensions) == 0
	for _, d := range q.Metric.Dimensions {
		switch {
		case d.Name == "FunctionName" && d.Value == key.function:
			function = true
		case d.Name == "Resource" && d.Value == key.resource:
		default:
			return false
		}
	}
	return function
}

func (q *Stat) value(a aggregate) float64 {
	return map[string]float64{"Sum": a.sum, "Average": a.sum / a.count, "Minimum": a.minimum, "Maximum": a.maximum, "SampleCount": a.count}[q.Stat]
}

// position is a data point's place in an answer: the index of the query, and
// the time. The token of the next page is the position of a page's last point.
type position struct{ Query, Time int64 }

func (p position) after(q position, ascending bool) bool {
	if p.Query != q.Query {
		return p.Query > q.Query
	}
	return p.Time != q.Time && p.Time > q.Time == ascending
}

// token returns the position in a form that is opaque to the caller.
func (p position) token() string {
	text, _ := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseToken returns the position of a token. No token is before all points.
func parseToken(token string) (position, error) {
	p := position{Query: -1}
	if token == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(text, &p) != nil {
		return position{}, &Error{"InvalidNextToken", "The next token specified is invalid."}
	}
	return p, nil
}
