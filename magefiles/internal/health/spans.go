package health

import "time"

// kept is for how long CloudWatch keeps figures, by the hour.
const kept = 455 * 24 * time.Hour

// longest is how much time is looked at on either side of a change.
const longest = 7 * 24 * time.Hour

// period returns how long the periods are that CloudWatch is asked for, so much
// time after a change: 1 minute, as Lambda sends metrics, as long as two spans
// have no more than about 1,440 periods, then 5 minutes, then an hour. CloudWatch
// keeps these for 15, 63 and 455 days, and answers with up to 100,800 points at
// once, which both spans and the time between them always fit into. Source:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
func period(passed time.Duration) time.Duration {
	switch {
	case passed <= 12*time.Hour:
		return time.Minute
	case passed <= 60*time.Hour:
		return 5 * time.Minute
	}
	return time.Hour
}

// spans returns the spans to compare, of the same length and made of whole
// periods. The period of the change is in neither, and the one of now is not
// over. When no whole period has passed in between, the later is empty.
func spans(changed, now time.Time, period time.Duration) (before, after Figures) {
	change, end := changed.UTC().Truncate(period), now.UTC().Truncate(period)
	length := min(max(0, end.Sub(change)-period), longest)
	before = Figures{From: change.Add(-length), To: change}
	after = Figures{From: end.Add(-length), To: end}
	return before, after
}
