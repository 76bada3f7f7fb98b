// Command large contains the file data.
package main

import (
	_ "embed"
	"os"

	_ "github.com/aws/aws-lambda-go/lambda/messages" // dualboot looks for it in a function
)

//go:embed data
var data string

func main() { os.Stdout.WriteString(data) }
