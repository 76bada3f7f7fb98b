// Command order-stream consumes orders from a Kinesis data stream and logs
// them. Its event source mapping must have ReportBatchItemFailures set.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(consumer{log: slog.New(slog.NewJSONHandler(os.Stderr, nil))}.handle)
}

type order struct {
	ID       string `json:"orderId"`
	Currency string `json:"currency"`
	Total    int64  `json:"total"` // in the currency's smallest unit
}

type consumer struct {
	log *slog.Logger
}

// handle stops at the first bad record and reports it: Lambda then retries the
// shard from that record on, which keeps the orders in sequence.
func (c consumer) handle(ctx context.Context, event events.KinesisEvent) (events.KinesisEventResponse, error) {
	failures := []events.KinesisBatchItemFailure{}
	for _, record := range event.Records {
		if err := c.process(ctx, record.Kinesis); err != nil {
			c.log.ErrorContext(ctx, "record failed",
				"event", record.EventID, "partition", record.Kinesis.PartitionKey, "error", err)
			failures = append(failures, events.KinesisBatchItemFailure{ItemIdentifier: record.Kinesis.SequenceNumber})
			break
		}
	}
	return events.KinesisEventResponse{BatchItemFailures: failures}, nil
}

func (c consumer) process(ctx context.Context, record events.KinesisRecord) error {
	o, err := decode(record.Data)
	if err != nil {
		return fmt.Errorf("decode order: %w", err)
	}
	c.log.InfoContext(ctx, "order received", "order", o.ID, "currency", o.Currency, "total", o.Total)
	return nil
}

func decode(data []byte) (order, error) {
	var o order
	if err := json.Unmarshal(data, &o); err != nil {
		return order{}, err
	}
	switch {
	case o.ID == "":
		return order{}, errors.New("no order id")
	case o.Currency == "":
		return order{}, fmt.Errorf("no currency in order %s", o.ID)
	case o.Total < 0:
		return order{}, fmt.Errorf("negative total %d in order %s", o.Total, o.ID)
	}
	return o, nil
}
