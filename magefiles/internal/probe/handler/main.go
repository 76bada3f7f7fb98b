// Handler is the function that mage probe deploys. It answers every event with
// its mark.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"example.com/dualboot/magefiles/internal/probe/mark"
)

func main() {
	m := mark.Read()
	lambda.Start(func() (mark.Mark, error) { return m, nil })
}
