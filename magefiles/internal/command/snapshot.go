package command

import (
	"fmt"
	"slices"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// noteSnapshots lists the snapshots that a deploy has published, and the functions of
// which AWS has published none.
func (s *session) noteSnapshots() {
	var names, equal []string
	for _, f := range s.functions {
		if !slices.ContainsFunc(f.Done, func(step fleet.Step) bool { return step.Kind == fleet.Publish }) {
			continue
		}
		if i := f.Current.Insurance; i.Equal != "" {
			equal = append(equal, f.FunctionName+":"+i.Equal)
		} else {
			names = append(names, fmt.Sprintf("%s:%s on %s", f.FunctionName, i.Version, i.Snapshot.Runtime))
		}
	}
	if len(equal) > 0 {
		s.warnf("AWS published no snapshot where a version of somebody else is the same: %s; keep it, but no rollback points event source mappings to it", text.List(equal, 20))
	}
	if len(names) > 0 {
		s.notef("%s: %s", text.Count(len(names), "snapshot"), text.List(names, 20))
	}
}

// warnOfFallback says which functions a rollback did not return to their previous
// runtime because AWS refuses that, and what invokes their snapshots instead.
func (s *session) warnOfFallback() {
	var names []string
	for _, f := range s.functions {
		if i := f.Current.Insurance; f.Err == nil && f.Current.Refused != "" {
			names = append(names, fmt.Sprintf("%s → %s:%s on %s", text.Count(len(i.Mappings), "event source mapping"), f.FunctionName, i.Version, i.Snapshot.Runtime))
		}
	}
	if len(names) > 0 {
		s.warnf("AWS refuses the return; snapshots take the events instead: %s; what invokes a function directly, such as API Gateway, a function URL or another function, still reaches %s; the next deploy points the mappings back",
			text.List(names, 20), lambda.ProvidedAL2023)
	}
}
