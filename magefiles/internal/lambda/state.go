package lambda

import (
	"slices"
	"time"
)

// State is what Lambda reports about a function. While an update is in progress
// it reports the new code and configuration, and the previous ones serve. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
type State struct {
	Function     string // its name on AWS
	PackageType  string
	Runtime      string
	Handler      string
	Architecture string
	CodeSha256   string
	CodeSize     int64 // of the zip, in bytes
	RevisionID   string
	LastModified string // as Lambda writes it, 2024-01-31T12:00:00.000+0000

	Modified time.Time     // LastModified, or zero if it is unknown
	Age      time.Duration // since LastModified by AWS's clock, or 0 if it is unknown

	Pending      bool // being created
	Failed       bool // it could not be created, and cannot be invoked
	Updating     bool // an update is in progress
	UpdateFailed bool // the last update failed; the previous version serves
	Reason       string
	ReasonCode   string

	Variables      Variables // of its environment
	VariablesError string    // why Lambda could not read them, or ""

	Layers      []string // ARNs of layer versions, in their order, without the bridge
	Bridge      string   // ARN of the layer version that is a bridge, or ""
	ByReference bool     // the code stays in an S3 bucket of its owner

	// Contents are the files of the deployed zip, or nil if it has not been read.
	Contents *Contents
	// Location is a presigned URL of the deployed zip, valid for ten minutes.
	Location Secret

	// Checked is the file of the deployed zip that was checked and is known to start
	// on provided.al2023 too, or "".
	Checked string

	// Blocked reports that AWS has rejected code for the runtime.
	Blocked bool

	// Insurance is the snapshot with the event source mappings, or nil if they have
	// not been read.
	Insurance *Insurance
	// Refused is why AWS refuses a return to the previous runtime, or "" if it was not
	// tried or not refused.
	Refused string

	// Settled reports that the settle delay has passed since the last change.
	Settled bool
}

// Secret is text that no output shows.
type Secret string

func (Secret) String() string               { return "(secret)" }
func (Secret) GoString() string             { return "(secret)" }
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// SameDeployment reports whether both states have the same code, runtime,
// handler, architecture and layers.
func (s State) SameDeployment(t State) bool {
	return s.Runtime == t.Runtime && s.Handler == t.Handler && s.Architecture == t.Architecture && s.CodeSha256 == t.CodeSha256 &&
		s.Bridge == t.Bridge && slices.Equal(s.Layers, t.Layers)
}

// SameUpdate reports whether no update lies between both states. The revision may
// differ: a tag and a published version make one, as recorded from AWS.
func (s State) SameUpdate(t State) bool {
	return s.SameDeployment(t) && s.LastModified == t.LastModified && s.Updating == t.Updating && s.UpdateFailed == t.UpdateFailed
}

// MayServeLegacy reports whether go1.x may be serving. AWS does not document
// whether Lambda reports the serving or the attempted configuration after a
// failed update, so a failed update counts, except on arm64, which go1.x does not
// support.
func (s State) MayServeLegacy() bool {
	return s.Runtime == Go1x || s.UpdateFailed && s.Architecture != ARM64
}

// Bridged reports whether the bridge starts the file that the handler names, unless
// the zip has a bootstrap, which Lambda looks for first. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
func (s State) Bridged() bool {
	return s.Bridge != "" && s.Runtime == ProvidedAL2023 && s.Handler != Bootstrap
}

// Program returns the file of the deployed zip that the runtime starts, or the bridge.
func (s State) Program() string {
	if s.Bridged() {
		return s.Handler
	}
	return EntryPoint(s.Runtime, s.Handler)
}

// Legacy returns the file of the deployed zip that go1.x starts, or "" if there is
// none. On go1.x it is the handler, and so it is for a zip of another tool behind the
// bridge. Elsewhere it is the one that dualboot has noted in the zip, or in a zip of
// another tool, the given name. If the zip has not been read, it is that name too.
func (s State) Legacy(name string) string {
	switch {
	case s.Runtime == Go1x:
		return s.Handler
	case s.Contents != nil && s.Contents.Made:
		return s.Contents.Legacy
	case s.Bridged():
		return s.Handler
	case s.Contents == nil:
		return name
	case name != Bootstrap && s.Contents.Executable(name):
		return name
	}
	return ""
}

// StartsProvided reports whether the deployed zip, which has been read, has a
// binary for the provided runtimes. A bootstrap that go1.x starts is one only if
// dualboot made it.
func (s State) StartsProvided() bool {
	return s.Contents.Executable(Bootstrap) && (s.Runtime != Go1x || s.Handler != Bootstrap || s.Contents.Made)
}

// startsLegacy reports whether the deployed zip has that file and it can start on
// go1.x. In a zip that dualboot made, only the one that dualboot noted can.
func (s State) startsLegacy(name string) bool {
	return name != "" && s.Contents.Executable(name) && (!s.Contents.Made || s.Contents.Legacy == name)
}

// LacksZones reports whether the function, whose deployed zip has been read, is told of
// the time zone database that dualboot adds, and the zip lacks it: a deploy was stopped
// between the switch and the update of the code.
func (s State) LacksZones() bool {
	return s.Variables[ZonesVariable] == ZonesPath && !s.Contents.BringsZones()
}

// Package names the kind of the deployed zip: "legacy" (only go1.x can start it),
// "dual" (both runtimes), "bootstrap" (the provided runtimes) or "other". It is
// "image" for a container image, and "" if the zip has not been read. The name is
// the one of the file that go1.x starts, where the zip does not tell.
func (s State) Package(name string) string {
	switch {
	case s.PackageType == "Image":
		return "image"
	case s.Contents == nil:
		return ""
	}
	legacyStarts := s.startsLegacy(s.Legacy(name))
	switch provided := s.StartsProvided(); {
	case legacyStarts && provided:
		return "dual"
	case legacyStarts:
		return "legacy"
	case provided:
		return "bootstrap"
	}
	return "other"
}

// Stage names how far the migration has come: "before", "ready" (dual zip, old
// runtime), "bridged" (provided.al2023 with the bridge), "switched" (dual zip,
// provided.al2023) or "clean" (bootstrap zip, provided.al2023). It is "foreign" for
// what dualboot does not deploy, and "" on provided.al2023 if the zip has not been
// read. The name is as in [State.Package].
func (s State) Stage(name string) string {
	kind := s.Package(name)
	switch {
	case kind == "image" || !Supported(s.Runtime):
		return "foreign"
	case s.Runtime != ProvidedAL2023 && kind == "dual":
		return "ready"
	case s.Runtime != ProvidedAL2023:
		return "before"
	case s.Bridge != "":
		return "bridged"
	}
	switch kind {
	case "":
		return ""
	case "bootstrap":
		return "clean"
	case "dual":
		return "switched"
	}
	return "foreign" // its bootstrap, if it has one, is in a layer
}

// Update returns the status of the last update in AWS's words: Successful,
// InProgress or Failed, or Pending for a function that is being created.
func (s State) Update() string {
	switch {
	case s.Pending:
		return "Pending"
	case s.Updating:
		return "InProgress"
	case s.UpdateFailed:
		return "Failed"
	}
	return "Successful"
}
