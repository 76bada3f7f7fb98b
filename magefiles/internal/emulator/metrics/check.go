package metrics

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	// namespace is that of Lambda's metrics.
	namespace = "AWS/Lambda"

	// MaxTime is the latest time in a request: the end of the year 9999, in
	// seconds since 1970.
	MaxTime = 253402300799

	maxQueries    = 500    // in a request
	maxDatapoints = 100800 // in an answer
)

// Error is CloudWatch's refusal of a request. AWS documents the constraints
// that are checked here, and not the messages.
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// invalid returns the refusal of a request that breaks a constraint.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html
func invalid(format string, args ...any) error {
	return &Error{"ValidationError", fmt.Sprintf(format, args...)}
}

// notImplemented returns the refusal of what only AWS can do.
func notImplemented(format string, args ...any) error {
	return &Error{"InvalidParameterValueException", fmt.Sprintf(format, args...) + " is not implemented by the emulator"}
}

func (r Request) check() error {
	switch n := len(r.MetricDataQueries); {
	case n == 0:
		return invalid("The parameter MetricDataQueries is required.")
	case n > maxQueries:
		return invalid("The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
	case r.StartTime == nil || r.EndTime == nil:
		return invalid("The parameters StartTime and EndTime are required.")
	case max(*r.StartTime, *r.EndTime) > MaxTime || min(*r.StartTime, *r.EndTime) < 0:
		return invalid("The parameters StartTime and EndTime must be between the years 1970 and 9999.")
	case *r.StartTime >= *r.EndTime:
		return invalid("The parameter StartTime must be less than the parameter EndTime.")
	case r.MaxDatapoints != nil && *r.MaxDatapoints < 1:
		return invalid("The parameter MaxDatapoints must be greater than or equal to 1.")
	case r.ScanBy != "" && r.ScanBy != "TimestampAscending" && r.ScanBy != "TimestampDescending":
		return invalid("The parameter ScanBy must be TimestampDescending or TimestampAscending.")
	}
	known := map[string]bool{}
	for _, query := range r.MetricDataQueries {
		if known[query.Id] {
			return invalid("The id '%s' is used more than once.", query.Id)
		}
		known[query.Id] = true
		if err := query.check(); err != nil {
			return err
		}
	}
	return nil
}

func (q Query) check() error {
	switch s := q.MetricStat; {
	case len(q.Id) > 255 || !regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`).MatchString(q.Id):
		return invalid("The id '%s' must begin with a lower-case letter and have up to 255 letters, digits and underscores.", q.Id)
	case q.Expression != nil:
		return notImplemented("Expression of query '%s'", q.Id)
	case strings.Contains(q.Label, "${"):
		return notImplemented("dynamic label of query '%s'", q.Id)
	case s == nil:
		return invalid("Query '%s' must have either MetricStat or Expression.", q.Id)
	case s.Metric.Namespace == "" || s.Metric.MetricName == "":
		return invalid("The metric of query '%s' must have Namespace and MetricName.", q.Id)
	case s.Period < 60 || s.Period%60 != 0:
		return invalid("The period of query '%s' must be a multiple of 60.", q.Id)
	case !slices.Contains([]string{"Sum", "Average", "Minimum", "Maximum", "SampleCount"}, s.Stat):
		return notImplemented("statistic '%s' of query '%s'", s.Stat, q.Id)
	case s.Metric.Namespace != namespace:
		return nil
	}
	for _, d := range q.MetricStat.Metric.Dimensions {
		if d.Name == "ExecutedVersion" {
			return notImplemented("dimension ExecutedVersion of query '%s'", q.Id)
		}
	}
	return nil
}
