package health

import (
	"testing"
	"time"
)

func TestSpans(t *testing.T) {
	tests := []struct {
		name, changed, now string
		period             time.Duration
		want               [4]string // before and after
	}{
		{
			"one minute", "2026-11-22 10:00:59", "2026-11-22 10:02:00", time.Minute,
			[4]string{"2026-11-22 09:59:00", "2026-11-22 10:00:00", "2026-11-22 10:01:00", "2026-11-22 10:02:00"},
		},
		{
			"none", "2026-11-22 10:00:00", "2026-11-22 10:01:59", time.Minute,
			[4]string{"2026-11-22 10:00:00", "2026-11-22 10:00:00", "2026-11-22 10:01:00", "2026-11-22 10:01:00"},
		},
		{
			"clocks differ", "2026-11-22 10:00:30", "2026-11-22 09:00:00", time.Minute,
			[4]string{"2026-11-22 10:00:00", "2026-11-22 10:00:00", "2026-11-22 09:00:00", "2026-11-22 09:00:00"},
		},
		{
			"12 hours", "2026-11-22 10:00:00", "2026-11-22 22:00:00", time.Minute,
			[4]string{"2026-11-21 22:01:00", "2026-11-22 10:00:00", "2026-11-22 10:01:00", "2026-11-22 22:00:00"},
		},
		{
			"more than 12 hours", "2026-11-22 10:03:00", "2026-11-22 22:03:01", 5 * time.Minute,
			[4]string{"2026-11-21 22:05:00", "2026-11-22 10:00:00", "2026-11-22 10:05:00", "2026-11-22 22:00:00"},
		},
		{
			"more than 60 hours", "2026-11-22 10:59:59", "2026-11-24 23:00:00", time.Hour,
			[4]string{"2026-11-19 22:00:00", "2026-11-22 10:00:00", "2026-11-22 11:00:00", "2026-11-24 23:00:00"},
		},
		{
			"7 days", "2026-11-15 09:30:00", "2026-11-22 10:00:00", time.Hour,
			[4]string{"2026-11-08 09:00:00", "2026-11-15 09:00:00", "2026-11-15 10:00:00", "2026-11-22 10:00:00"},
		},
		{
			"months", "2026-03-01 12:30:00", "2026-11-22 10:00:00", time.Hour,
			[4]string{"2026-02-22 12:00:00", "2026-03-01 12:00:00", "2026-11-15 10:00:00", "2026-11-22 10:00:00"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			zone := time.FixedZone("+05:30", 19_800)
			before, after := spans(utc(test.changed).In(zone), utc(test.now).In(zone), test.period)
			for i, got := range []time.Time{before.From, before.To, after.From, after.To} {
				if got != utc(test.want[i]) {
					t.Errorf("boundary %d is %v, want %s in UTC", i, got, test.want[i])
				}
			}
		})
	}
}

// TestPeriod checks that CloudWatch still has the figures of both spans, and few
// enough for one answer, at any time after a change.
func TestPeriod(t *testing.T) {
	for _, test := range []struct{ passed, want time.Duration }{
		{12 * time.Hour, time.Minute}, {12*time.Hour + 1, 5 * time.Minute},
		{60 * time.Hour, 5 * time.Minute}, {60*time.Hour + 1, time.Hour},
	} {
		if got := period(test.passed); got != test.want {
			t.Errorf("%v after a change the period is %v, want %v", test.passed, got, test.want)
		}
	}
	const day = 24 * time.Hour
	keeps := map[time.Duration]time.Duration{time.Minute: 15 * day, 5 * time.Minute: 63 * day, time.Hour: 455 * day}
	changed := utc("2025-01-01 10:17:30")
	for passed := 2 * time.Minute; passed < 447*day; passed += 31 * time.Minute {
		now, p := changed.Add(passed), period(passed)
		before, after := spans(changed, now, p)
		if a, b := before.To.Sub(before.From), after.To.Sub(after.From); a != b || a <= 0 || a > 7*day {
			t.Fatalf("%v after a change: spans of %v and %v", passed, a, b)
		}
		if age := now.Sub(before.From); age > keeps[p] {
			t.Fatalf("%v after a change: CloudWatch no longer has periods of %v that are %v old", passed, p, age)
		}
		if n := 5 * after.To.Sub(before.From) / p; n > 100_800 {
			t.Fatalf("%v after a change: %d points", passed, n)
		}
	}
}
