//go:build mage

// Move Go functions on AWS Lambda to provided.al2023 without downtime.
package main

import (
	//mage:import
	_ "example.com/dualboot/magefiles/targets"
	//mage:import
	_ "example.com/dualboot/magefiles/targets/rehearse"

	"example.com/dualboot/magefiles/internal/ui"
)

// commit is that of the sources. The linker sets it.
var commit = "unknown"

// Version (local) prints the commit that this program was built from.
func Version() error { return ui.New(nil, nil).Text(commit + "\n") }
