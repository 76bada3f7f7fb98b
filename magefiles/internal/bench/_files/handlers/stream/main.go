// Command stream reads a Kinesis data stream.
package main

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

const function = "f00"

func main() {
	lambda.Start(func(ctx context.Context, e events.KinesisEvent) (events.KinesisEventResponse, error) {
		var response events.KinesisEventResponse
		for _, r := range e.Records {
			var order struct{ ID string }
			if err := json.Unmarshal(r.Kinesis.Data, &order); err != nil {
				response.BatchItemFailures = append(response.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: r.Kinesis.SequenceNumber})
				break
			}
			slog.InfoContext(ctx, "order", "function", function, "id", order.ID)
		}
		return response, nil
	})
}
