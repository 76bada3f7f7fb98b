//go:build !mage

package main

import (
	"os"

	"github.com/magefile/mage/mage"
)

// main makes go run ./magefiles TARGET work without an installed mage.
func main() { os.Exit(mage.Main()) }
