package audit

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// EventSource is an event source mapping of a function. Numbers that Lambda does
// not report are nil.
type EventSource struct {
	UUID           string
	EventSourceArn string // empty for a self-managed Kafka cluster
	Kind           string // "kinesis", "dynamodb", "sqs", "kafka", "mq", "documentdb", or another service in the ARN
	State          string // "Enabled", "Disabled", ...

	Qualifier     string // the version or alias that the source invokes; empty for $LATEST
	FollowsLatest bool   // whether the source invokes $LATEST, directly or by an alias

	BatchSize                      *int32
	MaximumBatchingWindowInSeconds *int32
	MaximumRetryAttempts           *int32
	MaximumRecordAgeInSeconds      *int32
	OnFailure                      string // ARN of the destination of discarded records

	MayLose string // why the source loses records while the function fails, or empty if nothing indicates that
	Note    string `json:",omitempty"` // what an audit cannot see
}

func newEventSource(m types.EventSourceMappingConfiguration) EventSource {
	_, qualifier := target(m)
	s := EventSource{
		UUID:                           aws.ToString(m.UUID),
		EventSourceArn:                 aws.ToString(m.EventSourceArn),
		Kind:                           kind(m),
		State:                          aws.ToString(m.State),
		Qualifier:                      qualifier,
		BatchSize:                      m.BatchSize,
		MaximumBatchingWindowInSeconds: m.MaximumBatchingWindowInSeconds,
		MaximumRetryAttempts:           m.MaximumRetryAttempts,
		MaximumRecordAgeInSeconds:      m.MaximumRecordAgeInSeconds,
	}
	if d := m.DestinationConfig; d != nil && d.OnFailure != nil {
		s.OnFailure = aws.ToString(d.OnFailure.Destination)
	}
	s.MayLose = s.mayLose()
	if s.Kind == "sqs" {
		s.Note = "whether the queue has a redrive policy is not visible from Lambda"
	}
	return s
}

// target returns the function name and the qualifier of a mapping. The qualifier
// of $LATEST is empty.
func target(m types.EventSourceMappingConfiguration) (name, qualifier string) {
	a, err := arn.Parse(aws.ToString(m.FunctionArn))
	if err != nil {
		return "", ""
	}
	name, qualifier, _ = strings.Cut(strings.TrimPrefix(a.Resource, "function:"), ":")
	if qualifier == latest {
		qualifier = ""
	}
	return name, qualifier
}

// forAlias reports whether the mapping invokes an alias. A version's qualifier is
// a number; an alias's name is not. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
func forAlias(m types.EventSourceMappingConfiguration) bool {
	_, qualifier := target(m)
	return strings.Trim(qualifier, "0123456789") != ""
}

func kind(m types.EventSourceMappingConfiguration) string {
	a, _ := arn.Parse(aws.ToString(m.EventSourceArn))
	switch {
	case m.DocumentDBEventSourceConfig != nil:
		return "documentdb" // whose ARN has the service rds
	case m.SelfManagedEventSource != nil:
		return "kafka"
	}
	return cmp.Or(a.Service, "unknown")
}

// mayLose returns why the source discards records that the function fails to
// process. Streams and Kafka retry a record until it expires unless its attempts
// or age are limited. Discarded records are lost without an OnFailure destination.
// Sources:
// https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
// https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
//
// Assumption: a number that Lambda does not report is the default, -1, unlimited.
func (s EventSource) mayLose() string {
	if s.OnFailure != "" || s.Kind != "kinesis" && s.Kind != "dynamodb" && s.Kind != "kafka" {
		return ""
	}
	var limits []string
	if n := s.MaximumRetryAttempts; n != nil && *n >= 0 {
		limits = append(limits, fmt.Sprintf("MaximumRetryAttempts is %d", *n))
	}
	if n := s.MaximumRecordAgeInSeconds; n != nil && *n >= 0 {
		limits = append(limits, fmt.Sprintf("MaximumRecordAgeInSeconds is %d", *n))
	}
	if len(limits) == 0 {
		return ""
	}
	return strings.Join(limits, " and ") + ", and there is no OnFailure destination"
}

// String identifies the source: "kinesis arn:…".
func (s EventSource) String() string {
	text := s.Kind + " " + cmp.Or(s.EventSourceArn, "mapping "+s.UUID)
	if s.State != "" && s.State != "Enabled" {
		text += " (" + s.State + ")"
	}
	return text
}
