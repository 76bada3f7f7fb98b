// Command example-api answers API Gateway proxy requests with the current time
// in Tokyo. It echoes the request's id and path, so that a caller can tell
// that the answer belongs to its own request.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(api{now: time.Now, zone: sync.OnceValues(tokyo)}.handle)
}

// tokyo needs a time zone database, which provided.al2023 does not have:
// build with the tag timetzdata for that runtime.
func tokyo() (*time.Location, error) {
	return time.LoadLocation("Asia/Tokyo")
}

type api struct {
	now  func() time.Time
	zone func() (*time.Location, error)
}

type answer struct {
	Time      string `json:"time"`
	Path      string `json:"path"`
	RequestID string `json:"requestId"`
}

// handle fails the invocation when the zone cannot be loaded; a time in
// another zone would be worse than none.
func (a api) handle(_ context.Context, req events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	zone, err := a.zone()
	if err != nil {
		return events.APIGatewayProxyResponse{}, fmt.Errorf("load time zone: %w", err)
	}
	body, err := json.Marshal(answer{
		RequestID: req.RequestContext.RequestID,
		Path:      req.Path,
		Time:      a.now().In(zone).Format(time.RFC3339),
	})
	if err != nil {
		return events.APIGatewayProxyResponse{}, fmt.Errorf("encode answer to %s: %w", req.Path, err)
	}
	return events.APIGatewayProxyResponse{
		StatusCode: http.StatusOK,
		Headers: map[string]string{
			"Content-Type":  "application/json",
			"Cache-Control": "no-store",
		},
		Body: string(body),
	}, nil
}
