// Command table reads a DynamoDB stream.
package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/hashicorp/go-multierror"
)

const function = "f00"

func main() {
	lambda.Start(func(_ context.Context, e events.DynamoDBEvent) error {
		var errs *multierror.Error
		for _, r := range e.Records {
			if len(r.Change.NewImage) == 0 {
				errs = multierror.Append(errs, fmt.Errorf("%s: record %s has no new image", function, r.EventID))
			}
		}
		return errs.ErrorOrNil()
	})
}
