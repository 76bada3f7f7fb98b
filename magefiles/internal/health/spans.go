package health

import "time"

// retention is how long CloudWatch keeps figures by the hour.
const retention = 455 * 24 * time.Hour

// longest is the maximum length of a span.
const longest = 7 * 24 * time.Hour

// period returns the period of the figures to read, given the time since the
// change: 1 minute, the resolution of Lambda's metrics, while two spans have at
// most about 1,440 periods, then 5 minutes, then an hour. CloudWatch keeps these
// for 15, 63 and 455 days. It answers with up to 100,800 points at once, which is
// enough for both spans and the time between them. Source:
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

// spans returns the two spans to compare, of equal length and in whole periods.
// They exclude the period of the change and the current one. Both spans are empty
// if no whole period has passed since the change.
func spans(changed, now time.Time, period time.Duration) (before, after Figures) {
	change, end := changed.UTC().Truncate(period), now.UTC().Truncate(period)
	length := min(max(0, end.Sub(change)-period), longest)
	before = Figures{From: change.Add(-length), To: change}
	after = Figures{From: end.Add(-length), To: end}
	return before, after
}
