// Command inventory-table consumes the DynamoDB stream of the inventory table
// and logs the items to reorder. Its event source mapping must have
// ReportBatchItemFailures set, and the stream must carry new images.
package main

import (
	"context"
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

type consumer struct {
	log *slog.Logger
}

// handle stops at the first record that fails and reports it: Lambda then
// retries the shard from there, so an older change never overtakes a newer one.
func (c consumer) handle(ctx context.Context, event events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	failures := []events.DynamoDBBatchItemFailure{}
	for _, record := range event.Records {
		if err := c.process(ctx, record); err != nil {
			c.log.ErrorContext(ctx, "record failed",
				"event", record.EventID, "sequence", record.Change.SequenceNumber, "error", err)
			failures = append(failures, events.DynamoDBBatchItemFailure{ItemIdentifier: record.Change.SequenceNumber})
			break
		}
	}
	return events.DynamoDBEventResponse{BatchItemFailures: failures}, nil
}

func (c consumer) process(ctx context.Context, record events.DynamoDBEventRecord) error {
	switch events.DynamoDBOperationType(record.EventName) {
	case events.DynamoDBOperationTypeInsert, events.DynamoDBOperationTypeModify:
		return c.check(ctx, record.Change)
	case events.DynamoDBOperationTypeRemove:
		return nil // an item that is no longer kept is not reordered
	default:
		return fmt.Errorf("unknown event name %q", record.EventName)
	}
}

// check logs the changed item if its stock is down to the reorder level.
func (c consumer) check(ctx context.Context, change events.DynamoDBStreamRecord) error {
	if change.Keys["sku"].DataType() != events.DataTypeString {
		return errors.New("read key: sku is missing or not a string")
	}
	sku := change.Keys["sku"].String()
	quantity, err := number(change.NewImage, "quantity")
	if err != nil {
		return fmt.Errorf("read item %s: %w", sku, err)
	}
	reorder, err := number(change.NewImage, "reorderLevel")
	if err != nil {
		return fmt.Errorf("read item %s: %w", sku, err)
	}
	if quantity <= reorder {
		c.log.InfoContext(ctx, "reorder", "sku", sku, "quantity", quantity, "reorderLevel", reorder)
	}
	return nil
}

func number(image map[string]events.DynamoDBAttributeValue, name string) (int64, error) {
	value := image[name]
	if value.DataType() != events.DataTypeNumber {
		return 0, fmt.Errorf("%s is missing or not a number", name)
	}
	n, err := value.Int64()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}
