package audit

import (
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

// The roads on which a deploy can move $LATEST to provided.al2023. Whether the
// deployed program can be kept is known only after its zip was downloaded, which an
// audit does not do: mage plan says it.
const (
	RoadSources         = "sources"             // lambdas.json has its package
	RoadDeployed        = "deployed zip"        // lambdas.json has "source": "deployed"
	RoadOneCall         = "one call"            // the same, on provided.*: its zip stays, unless it needs a time zone database
	RoadSourcesDeployed = "sources or zip"      // not in lambdas.json
	RoadSourcesOneCall  = "sources or one call" // not in lambdas.json, on provided.*
	RoadVersions        = "versions only"       // $LATEST need not move
	RoadNone            = "not dualboot"        // another language
)

// road returns the road of a function that lambdas.json has as covered, or not.
func road(runtime string, due bool, covered *manifest.Function) string {
	provided := lambda.IsProvided(runtime)
	switch {
	case !due:
		return RoadVersions
	case !lambda.Supported(runtime) || runtime == lambda.ProvidedAL2023:
		return RoadNone
	case covered == nil && provided:
		return RoadSourcesOneCall
	case covered == nil:
		return RoadSourcesDeployed
	case covered.Source == "":
		return RoadSources
	case provided:
		return RoadOneCall
	}
	return RoadDeployed
}
