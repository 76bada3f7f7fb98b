package main

import (
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

var quiet = slog.New(slog.DiscardHandler)

func TestHandle(t *testing.T) {
	tests := []struct {
		name string
		time string
		day  string
		from string
		to   string
	}{
		{
			name: "morning in Tokyo",
			time: "2024-02-01T00:30:00Z",
			day:  "2024-01-31", from: "2024-01-31T00:00:00+09:00", to: "2024-02-01T00:00:00+09:00",
		},
		{
			name: "last second of a day in Tokyo",
			time: "2024-02-01T14:59:59Z",
			day:  "2024-01-31", from: "2024-01-31T00:00:00+09:00", to: "2024-02-01T00:00:00+09:00",
		},
		{
			name: "midnight in Tokyo",
			time: "2024-02-01T15:00:00Z",
			day:  "2024-02-01", from: "2024-02-01T00:00:00+09:00", to: "2024-02-02T00:00:00+09:00",
		},
		{
			name: "new year",
			time: "2023-12-31T15:05:00Z",
			day:  "2023-12-31", from: "2023-12-31T00:00:00+09:00", to: "2024-01-01T00:00:00+09:00",
		},
		{
			name: "leap day",
			time: "2024-03-01T00:05:00+09:00",
			day:  "2024-02-29", from: "2024-02-29T00:00:00+09:00", to: "2024-03-01T00:00:00+09:00",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			event := events.EventBridgeEvent{Time: parse(t, test.time)}
			got, err := reporter{zone: tokyo, log: quiet}.handle(t.Context(), event)
			if err != nil {
				t.Fatal(err)
			}
			if got.Day != test.day || got.From.Format(time.RFC3339) != test.from || got.To.Format(time.RFC3339) != test.to {
				t.Errorf("got %+v, want %s from %s to %s", got, test.day, test.from, test.to)
			}
		})
	}
}

func TestDayBeforeKeepsToTheCalendar(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	got := dayBefore(time.Date(2024, 4, 1, 0, 30, 0, 0, zone))
	if length := got.To.Sub(got.From); got.Day != "2024-03-31" || length != 23*time.Hour {
		t.Errorf("got %s of %v, want 2024-03-31 of 23h", got.Day, length)
	}
}

func TestHandleErrors(t *testing.T) {
	missing := errors.New("unknown time zone Asia/Tokyo")
	noZone := func() (*time.Location, error) { return nil, missing }

	got, err := reporter{zone: noZone, log: quiet}.handle(t.Context(), events.EventBridgeEvent{Time: parse(t, "2024-02-01T15:00:00Z")})
	if !errors.Is(err, missing) {
		t.Errorf("without zone: error %v, want one that wraps %q", err, missing)
	}
	if got != (report{}) {
		t.Errorf("without zone: got %+v beside the error", got)
	}

	if got, err := (reporter{zone: tokyo, log: quiet}).handle(t.Context(), events.EventBridgeEvent{}); err == nil {
		t.Errorf("without time: got %+v, want an error", got)
	}
}

func TestEvent(t *testing.T) {
	event, err := os.ReadFile("testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	out, err := lambda.NewHandler(reporter{zone: tokyo, log: quiet}.handle).Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"day":"2024-01-31","from":"2024-01-31T00:00:00+09:00","to":"2024-02-01T00:00:00+09:00"}`
	if got := string(out); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func parse(t *testing.T, s string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
