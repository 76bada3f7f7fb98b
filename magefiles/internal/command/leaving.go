package command

import (
	"fmt"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/text"
)

// leaves reports whether a deploy is to move a function from provided.al2 or provided
// to provided.al2023.
func leaves(f *fleet.Function) bool {
	runtime := f.Observed.Runtime // first: the error of a function that does not leave may be about to change
	return lambda.IsProvided(runtime) && runtime != lambda.ProvidedAL2023 && rollout.Switches(f)
}

// mostLeaving is how many functions a warning lists.
const mostLeaving = 20

// warnOfLeaving says what functions that leave provided.al2 or provided may miss on
// provided.al2023, and which of them a rollback would not return.
func (p *preparation) warnOfLeaving() {
	var layered, libraries, zoned, zoneless []string
	lost := map[string][]string{} // by runtime
	for _, f := range p.functions {
		if !leaves(f) {
			continue
		}
		s, name := f.Observed, f.FunctionName
		if len(s.Layers) > 0 {
			layered = append(layered, name)
		}
		switch known := p.programs[f]; {
		case known.lacksZones && known.Go:
			zoned = append(zoned, name)
		case known.lacksZones:
			zoneless = append(zoneless, name)
		}
		if needed := p.programs[f].Libraries; len(needed) > 0 {
			libraries = append(libraries, fmt.Sprintf("%s (%s)", name, strings.Join(needed, ", ")))
		}
		if f.RollbackTo != s.Runtime {
			lost[s.Runtime] = append(lost[s.Runtime], name)
		}
	}
	warn := func(names []string, format string) {
		if len(names) > 0 {
			p.warnf(format, text.Count(len(names), "function"), text.List(names, mostLeaving))
		}
	}
	const from = "%s on Amazon Linux 2 or older "
	warn(layered, from+"with layers: %s; the layers, and extensions in them, must work on Amazon Linux 2023 too: try one function first (-only=)")
	warn(libraries, from+"with libraries that provided.al2023 may lack and the zip does not have: %s; unless the layers have them, the function will not start")
	warn(zoneless, from+"whose program is not written in Go: %s; provided.al2023 has no time zone database, so add one to the zip or to a layer if it needs one")
	if len(zoned) > 0 {
		p.notef("%s without a time zone database, and provided.al2023 has none: %s; deploy adds %s to the zip, and %s to the environment variables",
			text.Count(len(zoned), "function"), text.List(zoned, mostLeaving), lambda.ZonesFile, lambda.ZonesVariable)
	}
	for _, runtime := range slices.Backward(lambda.Origins()) {
		if names := lost[runtime]; len(names) > 0 {
			p.notef("%s from %s, to which a rollback would not return: %s; add \"rollbackTo\": %q to each in %s",
				text.Count(len(names), "function"), runtime, text.List(names, mostLeaving), runtime, File)
		}
	}
}
