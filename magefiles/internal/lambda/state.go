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
	Updating     bool // an update is in progress
	UpdateFailed bool // the last update failed; the previous version serves
	Reason       string
	ReasonCode   string

	// Files are the executables in the deployed zip, or nil if the zip has not
	// been read.
	Files []string
	// Location is a presigned URL of the deployed zip, valid for ten minutes.
	Location Secret

	// Settled reports that the settle delay has passed since the last change.
	Settled bool
}

// Secret is text that no output shows.
type Secret string

func (Secret) String() string               { return "(secret)" }
func (Secret) GoString() string             { return "(secret)" }
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// SameDeployment reports whether both states have the same code, runtime,
// handler and architecture.
func (s State) SameDeployment(t State) bool {
	return s.Runtime == t.Runtime && s.Handler == t.Handler && s.Architecture == t.Architecture && s.CodeSha256 == t.CodeSha256
}

// MayServeLegacy reports whether go1.x may be serving. AWS does not document
// whether Lambda reports the serving or the attempted configuration after a
// failed update, so a failed update counts.
func (s State) MayServeLegacy() bool { return s.Runtime == Go1x || s.UpdateFailed }

// Package names the kind of the deployed zip by its binaries: "legacy" (lambda
// only), "dual" (both), "bootstrap" (bootstrap only) or "other" (neither). It is
// "image" for a container image, and "" if the zip has not been read.
func (s State) Package() string {
	legacy, bootstrap := slices.Contains(s.Files, LegacyBinary), slices.Contains(s.Files, Bootstrap)
	switch {
	case s.PackageType == "Image":
		return "image"
	case s.Files == nil:
		return ""
	case legacy && bootstrap:
		return "dual"
	case legacy:
		return "legacy"
	case bootstrap:
		return "bootstrap"
	}
	return "other"
}

// Stage names how far the migration has come: "before", "ready" (dual zip, old
// runtime), "switched" (dual zip, provided.al2023) or "clean" (bootstrap zip,
// provided.al2023). It is "foreign" for what dualboot does not deploy, and "" on
// provided.al2023 if the zip has not been read.
func (s State) Stage() string {
	kind := s.Package()
	switch {
	case kind == "image" || !Supported(s.Runtime):
		return "foreign"
	case s.Runtime != ProvidedAL2023 && kind == "dual":
		return "ready"
	case s.Runtime != ProvidedAL2023:
		return "before"
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
