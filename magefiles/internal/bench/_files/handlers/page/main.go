// Command page renders HTML.
package main

import (
	"context"
	"html/template"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

const function = "f00"

var page = template.Must(template.New(function).Parse(`<h1>{{.RequestContext.DomainName}}</h1><p>{{.RawPath}}</p>`))

func main() {
	lambda.Start(func(_ context.Context, r events.LambdaFunctionURLRequest) (string, error) {
		var out strings.Builder
		err := page.Execute(&out, r)
		return out.String(), err
	})
}
