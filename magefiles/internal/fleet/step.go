package fleet

import (
	"fmt"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
)

// Kind is the kind of a step.
type Kind int

const (
	Wait                Kind = iota + 1 // until the update in progress is complete
	UpdateCode                          // UpdateFunctionCode
	Settle                              // let the settle delay pass
	UpdateConfiguration                 // UpdateFunctionConfiguration: the switch
	Inspect                             // read the directory of the deployed zip
	Look                                // look for the snapshot and the event source mappings
	Publish                             // PublishVersion: the snapshot
	Point                               // UpdateEventSourceMapping: to the snapshot, or back
	Check                               // check the program of the deployed zip
	Attach                              // UpdateFunctionConfiguration: attach the bridge
	Detach                              // UpdateFunctionConfiguration: detach the bridge, and name bootstrap as the handler
)

// String returns the name of the API call of a step that is one.
func (k Kind) String() string {
	return [...]string{
		"", "Wait", "UpdateFunctionCode", "Settle", "UpdateFunctionConfiguration", "Inspect", "Look", "PublishVersion", "UpdateEventSourceMapping",
		"Check", "UpdateFunctionConfiguration", "UpdateFunctionConfiguration",
	}[k]
}

// Updates reports whether the step changes the function.
func (k Kind) Updates() bool { return k == UpdateCode || k.Configures() }

// Configures reports whether the step is an UpdateFunctionConfiguration.
func (k Kind) Configures() bool { return k == UpdateConfiguration || k == Attach || k == Detach }

// Step is one step of a plan.
type Step struct {
	Kind    Kind
	Package *lambda.Package // of UpdateCode
	Bucket  string          // of UpdateCode: the S3 bucket through which a large zip goes
	Leaves  string          // of UpdateCode: the previous architecture, if it changes
	Delay   time.Duration   // of Settle
	Runtime string          // of UpdateConfiguration and Detach; of Publish: that of the snapshot
	Handler string          // of UpdateConfiguration and Detach; of Check: the file that is checked
	Zones   string          // of UpdateConfiguration and Detach: the value of lambda.ZonesVariable, or "" if that stays as it is
	Mapping string          // of Point: the UUID
	Version string          // of Point: what the mapping is to invoke; "" is the function without a version
}

// String describes the step.
func (s Step) String() string {
	switch s.Kind {
	case Wait:
		return "wait until the update is complete"
	case UpdateCode:
		text := fmt.Sprintf("update the code (%v)", s.Package)
		if s.Bucket != "" {
			text += " through bucket " + s.Bucket
		}
		if s.Leaves != "" {
			text += fmt.Sprintf(", %s → %s", s.Leaves, s.Package.Architecture)
		}
		return text
	case Settle:
		return fmt.Sprintf("settle for %v", s.Delay)
	case UpdateConfiguration:
		return fmt.Sprintf("switch to %s, handler %s", s.Runtime, s.Handler) + s.variables()
	case Inspect:
		return "read the contents of the deployed zip"
	case Look:
		return "look for the snapshot and the event source mappings"
	case Publish:
		return "publish a version on " + s.Runtime + " as a snapshot"
	case Point:
		if s.Version == "" {
			return "point event source mapping " + s.Mapping + " back to the function"
		}
		return fmt.Sprintf("point event source mapping %s to version %s", s.Mapping, s.Version)
	case Check:
		return "check " + s.Handler + " of the deployed zip"
	case Attach:
		return "attach the layer " + lambda.BridgeLayer
	case Detach:
		return fmt.Sprintf("detach the layer %s, handler %s", lambda.BridgeLayer, s.Handler) + s.variables()
	}
	return s.Kind.String()
}

// variables describes the environment variable that the step sets, or is "".
func (s Step) variables() string {
	if s.Zones == "" {
		return ""
	}
	return fmt.Sprintf(", %s=%s", lambda.ZonesVariable, s.Zones)
}

// Doing describes, in an error, what the step was doing to the function.
func (s Step) Doing() string {
	switch s.Kind {
	case Wait:
		return "waiting for the update of"
	case UpdateCode:
		return "updating the code of"
	case UpdateConfiguration, Attach, Detach:
		return "updating the configuration of"
	case Inspect:
		return "reading the zip of"
	case Look:
		return "looking for the snapshot of"
	case Publish:
		return "publishing a version of"
	case Point:
		return "moving an event source mapping of"
	case Check:
		return "checking the deployed zip of"
	}
	return "settling"
}
