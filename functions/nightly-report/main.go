// Command nightly-report runs on a schedule and reports on the day before, as
// the calendar stood in Tokyo at the time of the event. Running it again for
// the same event gives the same report.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(reporter{
		zone: tokyo,
		log:  slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	}.handle)
}

// tokyo needs a time zone database, which provided.al2023 does not have:
// build with the tag timetzdata for that runtime.
func tokyo() (*time.Location, error) {
	return time.LoadLocation("Asia/Tokyo")
}

type reporter struct {
	zone func() (*time.Location, error)
	log  *slog.Logger
}

// A report covers one day, from From up to but not including To.
type report struct {
	Day  string    `json:"day"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// handle logs the report as well, since EventBridge drops what it returns.
func (r reporter) handle(ctx context.Context, event events.EventBridgeEvent) (report, error) {
	if event.Time.IsZero() {
		return report{}, errors.New("read event: no time")
	}
	zone, err := r.zone()
	if err != nil {
		return report{}, fmt.Errorf("load time zone: %w", err)
	}
	rep := dayBefore(event.Time.In(zone))
	r.log.InfoContext(ctx, "report", "event", event.ID, "day", rep.Day, "from", rep.From, "to", rep.To)
	return rep, nil
}

// dayBefore reports on the day before t in t's own zone.
func dayBefore(t time.Time) report {
	year, month, day := t.Date()
	from := time.Date(year, month, day-1, 0, 0, 0, 0, t.Location())
	to := time.Date(year, month, day, 0, 0, 0, 0, t.Location())
	return report{Day: from.Format(time.DateOnly), From: from, To: to}
}
