// Command large contains the file data.
package main

import (
	_ "embed"
	"os"
)

//go:embed data
var data string

func main() { os.Stdout.WriteString(data) }
