package rollout

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// The runtimes that dualboot knows, by what they start.
const (
	// Legacy starts the file that Handler names: lambda.
	Legacy = string(types.RuntimeGo1x)
	// Wanted is where every function ends. Like all provided runtimes it starts
	// bootstrap and ignores Handler.
	Wanted = string(types.RuntimeProvidedal2023)
)

// The handlers of the two binaries.
const (
	legacyHandler = "lambda"
	wantedHandler = "bootstrap"
)

// architecture is the one that both runtimes have; go1.x has no arm64.
const architecture = string(types.ArchitectureX8664)

// startsBootstrap reports whether the runtime is an OS-only one.
func startsBootstrap(runtime string) bool {
	return slices.Contains([]string{
		string(types.RuntimeProvided), string(types.RuntimeProvidedal2), string(types.RuntimeProvidedal2023),
	}, runtime)
}

// State is what Lambda says of a function. While an update is in progress it
// says what will be; the previous code and configuration go on serving. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
type State struct {
	Function     string
	PackageType  string
	Runtime      string
	Handler      string
	Architecture string
	CodeSha256   string
	CodeSize     int64 // of the zip, in bytes
	RevisionID   string
	LastModified string // as Lambda writes it, 2024-01-31T12:00:00.000+0000

	Modified time.Time // LastModified; zero when it is not known

	// Age is the time since LastModified by AWS's own clock, or 0 when it is
	// not known.
	Age time.Duration

	Pending      bool // being created
	Updating     bool // an update is in progress
	UpdateFailed bool // the last update failed; what was before goes on serving
	Reason       string
	ReasonCode   string

	// Files are the names of what can be started in the deployed zip; nil when
	// it has not been inspected.
	Files    []string
	location string // where the zip can be had for ten minutes: a secret

	// Settled says that the settle delay has passed since the function was
	// last changed.
	Settled bool
}

// same reports whether two states of a function have the same code and runtime.
func (s State) same(t State) bool {
	return s.Runtime == t.Runtime && s.Handler == t.Handler && s.Architecture == t.Architecture && s.CodeSha256 == t.CodeSha256
}

// mayStartLambda reports whether go1.x may be serving. After a failed update it
// is not documented whether Lambda reports what serves or what was wanted.
func (s State) mayStartLambda() bool { return s.Runtime == Legacy || s.UpdateFailed }

func observed(out *lambda.GetFunctionOutput) State {
	c := out.Configuration
	s := State{
		Function:     aws.ToString(c.FunctionName),
		PackageType:  string(c.PackageType),
		Runtime:      string(c.Runtime),
		Handler:      aws.ToString(c.Handler),
		CodeSha256:   aws.ToString(c.CodeSha256),
		CodeSize:     c.CodeSize,
		RevisionID:   aws.ToString(c.RevisionId),
		LastModified: aws.ToString(c.LastModified),
		Architecture: architecture, // Lambda's default
		Pending:      c.State == types.StatePending,
		Updating:     c.LastUpdateStatus == types.LastUpdateStatusInProgress,
		UpdateFailed: c.LastUpdateStatus == types.LastUpdateStatusFailed,
		Reason:       aws.ToString(c.LastUpdateStatusReason),
		ReasonCode:   string(c.LastUpdateStatusReasonCode),
	}
	if len(c.Architectures) > 0 {
		s.Architecture = string(c.Architectures[0])
	}
	if out.Code != nil {
		s.location = aws.ToString(out.Code.Location)
	}
	if modified, err := time.Parse("2006-01-02T15:04:05.000-0700", s.LastModified); err == nil {
		s.Modified = modified
	}
	if now, ok := middleware.GetServerTime(out.ResultMetadata); ok && !s.Modified.IsZero() {
		s.Age = max(0, now.Sub(s.Modified))
	}
	return s
}
