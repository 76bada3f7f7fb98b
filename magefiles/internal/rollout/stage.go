package rollout

import "slices"

// Package says what kind of zip is deployed, by the binaries that it holds:
// "legacy" with lambda alone, "dual" with both, "bootstrap" with that alone,
// "other" with neither. It is "image" for a container image, and "" for a zip
// that has not been inspected.
func (s State) Package() string {
	lambda, bootstrap := slices.Contains(s.Files, legacyHandler), slices.Contains(s.Files, wantedHandler)
	switch {
	case s.PackageType == "Image":
		return "image"
	case s.Files == nil:
		return ""
	case lambda && bootstrap:
		return "dual"
	case lambda:
		return "legacy"
	case bootstrap:
		return "bootstrap"
	}
	return "other"
}

// Stage says how far the migration of a function has come: "before"; "ready",
// with the zip from which the runtime can be switched; "switched"; "clean",
// with no lambda in the zip. It is "foreign" for what dualboot does not deploy,
// and "" on provided.al2023 with a zip that has not been inspected.
func (s State) Stage() string {
	kind := s.Package()
	switch {
	case kind == "image" || s.Runtime != Legacy && !startsBootstrap(s.Runtime):
		return "foreign"
	case s.Runtime == Wanted && kind == "":
		return ""
	case s.Runtime == Wanted && kind == "bootstrap":
		return "clean"
	case s.Runtime == Wanted && kind == "dual":
		return "switched"
	case s.Runtime == Wanted: // with its bootstrap in a layer, if anywhere
		return "foreign"
	case kind == "dual":
		return "ready"
	}
	return "before"
}

// Update is the status of the last update, in AWS's words: Successful,
// InProgress, Failed, or Pending for a function that is being created.
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
