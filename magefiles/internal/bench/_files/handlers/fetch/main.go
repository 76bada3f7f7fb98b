// Command fetch calls another service.
package main

import (
	"context"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"
	"golang.org/x/sync/errgroup"
)

const function = "f00"

func main() {
	lambda.Start(func(ctx context.Context, urls []string) ([]string, error) {
		statuses := make([]string, len(urls))
		group, ctx := errgroup.WithContext(ctx)
		for i, url := range urls {
			group.Go(func() error {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
				if err != nil {
					return err
				}
				request.Header.Set("User-Agent", function)
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					return err
				}
				statuses[i] = response.Status
				return response.Body.Close()
			})
		}
		return statuses, group.Wait()
	})
}
