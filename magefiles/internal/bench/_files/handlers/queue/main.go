// Command queue reads compressed messages of an SQS queue.
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/klauspost/compress/zstd"
)

const function = "f00"

func main() {
	lambda.Start(func(_ context.Context, e events.SQSEvent) (string, error) {
		size := 0
		for _, m := range e.Records {
			r, err := zstd.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(m.Body)))
			if err != nil {
				return "", err
			}
			body, err := io.ReadAll(r)
			r.Close()
			if err != nil {
				return "", fmt.Errorf("message %s: %w", m.MessageId, err)
			}
			size += len(body)
		}
		return fmt.Sprintf("%s: %d bytes", function, size), nil
	})
}
