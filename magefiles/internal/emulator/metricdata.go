package emulator

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// Limits of GetMetricData: queries in a request, and data points in an answer.
const (
	maxQueries    = 500
	maxDatapoints = 100800
)

// maxTime is the last second of the year 9999, since 1970.
const maxTime = 253402300799

// metricDataRequest is what GetMetricData takes, its times in seconds since 1970.
type metricDataRequest struct {
	MetricDataQueries  []metricDataQuery
	StartTime, EndTime *float64
	NextToken          string
	ScanBy             string
	MaxDatapoints      *int
}

type metricDataQuery struct {
	Id, Label  string
	Expression *string
	ReturnData *bool
	MetricStat *metricStat
}

type metricStat struct {
	Metric struct {
		Namespace, MetricName string
		Dimensions            []struct{ Name, Value string }
	}
	Period int64 // seconds
	Stat   string
	Unit   string
}

// metricDataResponse is what GetMetricData answers.
type metricDataResponse struct {
	MetricDataResults []metricDataResult
	Messages          []struct{} // there are none
	NextToken         string     `json:",omitempty"`
}

type metricDataResult struct {
	Id, Label  string
	Timestamps []int64 // seconds since 1970
	Values     []float64
	StatusCode string
}

// position is the last data point of a page: of which query, and its time.
// The token of the next page is made of it.
type position struct{ Query, Time int64 }

// get answers a request, or one page of it. Each page has all results, with the
// data points that are on it.
func (m *metrics) get(request metricDataRequest) (metricDataResponse, error) {
	from, err := request.check()
	if err != nil {
		return metricDataResponse{}, err
	}
	left := maxDatapoints
	if request.MaxDatapoints != nil {
		left = min(left, *request.MaxDatapoints)
	}
	start, end := span(*request.StartTime, *request.EndTime, time.Now())
	ascending := request.ScanBy == "TimestampAscending"

	response := metricDataResponse{MetricDataResults: []metricDataResult{}, Messages: []struct{}{}}
	page := from
	for i, query := range request.MetricDataQueries {
		if query.ReturnData != nil && !*query.ReturnData {
			continue
		}
		result := metricDataResult{query.Id, query.Label, []int64{}, []float64{}, "Complete"}
		if result.Label == "" {
			// Assumption: AWS says only that it generates a default. It is seen to
			// begin with the metric's name.
			result.Label = query.MetricStat.Metric.MetricName
		}
		points := query.MetricStat.points(m, start, end)
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
				result.StatusCode = "PartialData"
				response.NextToken = page.token()
				break
			}
			left--
			page = here
			result.Timestamps = append(result.Timestamps, t)
			result.Values = append(result.Values, query.MetricStat.value(points[t]))
		}
		response.MetricDataResults = append(response.MetricDataResults, result)
	}
	return response, nil
}

// check refuses a request that is not as it should be, and else finds the place
// that it wants to go on from. AWS documents the constraints and not the texts.
func (r metricDataRequest) check() (position, error) {
	switch n := len(r.MetricDataQueries); {
	case n == 0:
		return position{}, badQuery("The parameter MetricDataQueries is required.")
	case n > maxQueries:
		return position{}, badQuery("The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
	case r.StartTime == nil || r.EndTime == nil:
		return position{}, badQuery("The parameters StartTime and EndTime are required.")
	case max(*r.StartTime, *r.EndTime) > maxTime || min(*r.StartTime, *r.EndTime) < 0:
		return position{}, badQuery("The parameters StartTime and EndTime must be between the years 1970 and 9999.")
	case *r.StartTime >= *r.EndTime:
		return position{}, badQuery("The parameter StartTime must be less than the parameter EndTime.")
	case r.MaxDatapoints != nil && *r.MaxDatapoints < 1:
		return position{}, badQuery("The parameter MaxDatapoints must be greater than or equal to 1.")
	case r.ScanBy != "" && r.ScanBy != "TimestampAscending" && r.ScanBy != "TimestampDescending":
		return position{}, badQuery("The parameter ScanBy must be TimestampDescending or TimestampAscending.")
	}
	known := map[string]bool{}
	for _, query := range r.MetricDataQueries {
		if known[query.Id] {
			return position{}, badQuery("The id '%s' is used more than once.", query.Id)
		}
		known[query.Id] = true
		if err := query.check(); err != nil {
			return position{}, err
		}
	}
	return parseToken(r.NextToken)
}

func (q metricDataQuery) check() error {
	switch s := q.MetricStat; {
	case len(q.Id) > 255 || !matches(`[a-z][a-zA-Z0-9_]*`, q.Id):
		return badQuery("The id '%s' must begin with a lower-case letter and have up to 255 letters, digits and underscores.", q.Id)
	case q.Expression != nil:
		return notImplemented("Expression, of query '" + q.Id + "',")
	case strings.Contains(q.Label, "${"):
		return notImplemented("a dynamic label, of query '" + q.Id + "',")
	case s == nil:
		return badQuery("Query '%s' must have either MetricStat or Expression.", q.Id)
	case s.Metric.Namespace == "" || s.Metric.MetricName == "":
		return badQuery("The metric of query '%s' must have Namespace and MetricName.", q.Id)
	case s.Period < 60 || s.Period%60 != 0:
		return badQuery("The period of query '%s' must be a multiple of 60.", q.Id)
	case !slices.Contains([]string{"Sum", "Average", "Minimum", "Maximum", "SampleCount"}, s.Stat):
		return notImplemented("statistic '" + s.Stat + "', of query '" + q.Id + "',")
	case s.Metric.Namespace != lambdaNamespace:
		return nil
	}
	for _, d := range q.MetricStat.Metric.Dimensions {
		if d.Name == "ExecutedVersion" {
			return notImplemented("dimension ExecutedVersion, of query '" + q.Id + "',")
		}
	}
	return nil
}

const lambdaNamespace = "AWS/Lambda"

// span is the time that a request is about, from start to before end. The start
// is rounded down to the minute, or further if it is long ago.
func span(start, end float64, now time.Time) (from, to int64) {
	from = int64(start)
	from -= from % resolution(from, now)
	to = int64(end)
	if float64(to) < end {
		to++ // so that what began before the end is before it in whole seconds too
	}
	return from, to
}

// resolution is how finely, in seconds, CloudWatch keeps what was at a time.
func resolution(at int64, now time.Time) int64 {
	switch age := now.Unix() - at; {
	case age > 63*24*3600:
		return 3600
	case age > 15*24*3600:
		return 300
	}
	return 60
}

// points are a metric's data points, each of a period, by the time that it
// begins. A period that nothing happened in has none. If start is so long ago
// that CloudWatch keeps no such periods, there are none at all.
//
// Assumption: periods are counted from the rounded start; AWS only advises to
// let the two match.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html
func (s metricStat) points(m *metrics, start, end int64) map[int64]aggregate {
	points := map[int64]aggregate{}
	if s.Period%resolution(start, time.Now()) != 0 {
		return points
	}
	for minute, a := range m.minutes(s.chooses, start, end) {
		begin := minute - (minute-start)%s.Period
		points[begin] = points[begin].with(a)
	}
	return points
}

// chooses says whether a series is of the metric. Of no function are the
// metrics across all.
//
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
func (s metricStat) chooses(key series) bool {
	if s.Metric.Namespace != lambdaNamespace || s.Metric.MetricName != key.metric || s.Unit != "" && s.Unit != unit(key.metric) {
		return false
	}
	function := len(s.Metric.Dimensions) == 0
	for _, d := range s.Metric.Dimensions {
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

// value is the statistic of a data point.
func (s metricStat) value(a aggregate) float64 {
	switch s.Stat {
	case "Average":
		return a.sum / a.count
	case "Minimum":
		return a.minimum
	case "Maximum":
		return a.maximum
	case "SampleCount":
		return a.count
	}
	return a.sum
}

// after says whether a data point comes after another in the answer.
func (p position) after(q position, ascending bool) bool {
	if p.Query != q.Query {
		return p.Query > q.Query
	}
	return p.Time != q.Time && p.Time > q.Time == ascending
}

// token is opaque to the caller.
func (p position) token() string {
	text, _ := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseToken is the place before all data points if there is no token.
func parseToken(token string) (position, error) {
	p := position{Query: -1}
	if token == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return position{}, &apiError{http.StatusBadRequest, "InvalidNextToken", "The next token specified is invalid."}
	}
	return p, nil
}

// cbor is the response as CBOR has it.
func (r metricDataResponse) cbor() cbor.Value {
	results := cbor.List{}
	for _, result := range r.MetricDataResults {
		timestamps, values := cbor.List{}, cbor.List{}
		for _, t := range result.Timestamps {
			timestamps = append(timestamps, &cbor.Tag{ID: 1, Value: cbor.Uint(t)})
		}
		for _, v := range result.Values {
			values = append(values, cbor.Float64(v))
		}
		results = append(results, cbor.Map{
			"Id":         cbor.String(result.Id),
			"Label":      cbor.String(result.Label),
			"Timestamps": timestamps,
			"Values":     values,
			"StatusCode": cbor.String(result.StatusCode),
		})
	}
	response := cbor.Map{"MetricDataResults": results, "Messages": cbor.List{}}
	if r.NextToken != "" {
		response["NextToken"] = cbor.String(r.NextToken)
	}
	return response
}
