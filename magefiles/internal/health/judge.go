package health

import (
	"cmp"
	"fmt"
	"time"
)

// late is how late CloudWatch may learn of an invocation: the longest timeout of
// a function is 15 minutes. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
const late = 15 * time.Minute

// judge returns what is wrong with a function after a change, with the figures.
// Throttles and duration are not judged.
func judge(before, after Figures, tolerance Tolerance) []string {
	if after.Invocations == 0 {
		problem := "not invoked since " + moment(after.From, minutes)
		if after.To.Sub(after.From) < late {
			problem += "; CloudWatch can be some minutes late, look again"
		}
		return []string{problem}
	}
	var problems []string
	switch {
	case after.errorRate()-before.errorRate() > cmp.Or(max(0, tolerance.ErrorRate), 0.005):
		problems = append(problems, fmt.Sprintf("errors rose from %s to %s", share(before), share(after)))
	case after.errorRate() > 0.5: // what was before may have been the same mistake
		problems = append(problems, fmt.Sprintf("most invocations fail, %s, as they did before: %s", share(after), share(before)))
	}
	if rise := after.IteratorAge - before.IteratorAge; rise > cmp.Or(max(0, tolerance.IteratorAge), time.Minute) && rise > before.IteratorAge {
		problems = append(problems, fmt.Sprintf("the iterator age rose from %s to %s", short(before.IteratorAge), short(after.IteratorAge)))
	}
	return problems
}

// errorRate is errors per invocation, 0 when there were no invocations.
func (f Figures) errorRate() float64 {
	if f.Invocations == 0 {
		return 0
	}
	return float64(f.Errors) / float64(f.Invocations)
}

func share(f Figures) string {
	return fmt.Sprintf("%s of %s (%s)", count(f.Errors), count(f.Invocations), percent(f.errorRate()))
}
