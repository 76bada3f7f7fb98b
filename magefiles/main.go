//go:build !mage

package main

import (
	"os"

	"github.com/magefile/mage/mage"
)

// main lets go run ./magefiles TARGET do without an installed mage.
func main() { os.Exit(mage.Main()) }
