// Command greet answers plain JSON.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

const function = "f00"

type request struct{ Name string }

type response struct{ Greeting, From string }

func main() {
	lambda.Start(func(_ context.Context, r request) (response, error) {
		return response{"hello " + r.Name, function}, nil
	})
}
