package lambda

import (
	"fmt"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/text"
)

// SnapshotMark begins the description of a version that a deploy has published
// before the switch of the runtime.
const SnapshotMark = "dualboot: "

// Insurance is what a rollback falls back on if AWS refuses to return a function to
// its previous runtime: a snapshot, which is a version that was published before the
// switch and keeps its code and runtime, and the event source mappings that can point
// to it.
type Insurance struct {
	Version string // number of the newest snapshot, or "" if there is none
	ARN     string // of that version
	// Others are the numbers of older snapshots.
	Others []string
	// Equal is the number of a newer version with the function's zip that somebody else
	// has published, or "": AWS publishes no snapshot if nothing has changed since. It is
	// not known which mappings are to stay there, so none is moved to it or from it.
	// Source: https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
	Equal string
	// Snapshot is the state of that version, as far as it was read.
	Snapshot State
	// Current reports that the snapshot has been published since the last update of
	// the function.
	Current bool
	// Mappings are the event source mappings that were read: those to the snapshots, and
	// for a rollback those to the function without a version or alias as well.
	Mappings []Mapping
}

// Mapping is an event source mapping of a function.
type Mapping struct {
	UUID     string
	Version  string // the version that it invokes, or "" for the function without one
	Changing bool   // a change of it is in progress
}

// Newest returns the number of the snapshot, or "" if there is none or it was not
// looked for.
func (i *Insurance) Newest() string {
	if i == nil {
		return ""
	}
	return i.Version
}

// Diverted returns an error if a snapshot gets events of the function in its place.
func (i *Insurance) Diverted() error {
	if i == nil {
		return nil
	}
	at := slices.IndexFunc(i.Mappings, func(m Mapping) bool { return m.Version != "" })
	if at < 0 {
		return nil
	}
	return fmt.Errorf("a rollback has pointed %s to version %s, a snapshot, which gets the events now",
		text.Count(len(i.Mappings), "event source mapping"), i.Mappings[at].Version)
}

// Covers reports whether the snapshot is what a function in a state is before it leaves
// its runtime, but for the bridge.
func (i *Insurance) Covers(s State) bool {
	v := i.Snapshot
	return i.Current || s.Bridge != "" && v.Runtime == s.Runtime && v.Handler == s.Handler && v.CodeSha256 == s.CodeSha256
}

// Moved returns the insurance with a mapping that invokes another version, or with
// "" the function without one.
func (i *Insurance) Moved(uuid, version string) *Insurance {
	moved := *i
	moved.Mappings = slices.Clone(i.Mappings)
	for k := range moved.Mappings {
		if moved.Mappings[k].UUID == uuid {
			moved.Mappings[k] = Mapping{UUID: uuid, Version: version}
		}
	}
	return &moved
}

// Without returns the insurance without a mapping.
func (i *Insurance) Without(uuid string) *Insurance {
	rest := *i
	rest.Mappings = slices.DeleteFunc(slices.Clone(i.Mappings), func(m Mapping) bool { return m.UUID == uuid })
	return &rest
}

// IsSnapshot reports whether a published version is a snapshot: it is on a runtime
// that functions are moved from, and says so in its description.
func IsSnapshot(description, runtime string) bool {
	return slices.Contains(Origins(), runtime) && strings.HasPrefix(description, SnapshotMark)
}
