// Command tiny does nothing. It imports what dualboot looks for in a function.
package main

import _ "github.com/aws/aws-lambda-go/lambda/messages"

func main() {}
