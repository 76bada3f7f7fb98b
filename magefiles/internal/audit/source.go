package audit

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// redrive is the note of every queue.
const redrive = "whether the queue has a redrive policy is not visible from Lambda"

// EventSource is one event source mapping of a function. A number that Lambda
// does not give is nil.
type EventSource struct {
	UUID           string
	EventSourceArn string // empty for a Kafka cluster of one's own
	Kind           string // "kinesis", "dynamodb", "sqs", "kafka", "mq", "documentdb", or the service in the ARN
	State          string // "Enabled", "Disabled", ...

	// Qualifier is the version or alias that the source reads for, and empty for
	// $LATEST.
	Qualifier string
	// FollowsLatest says that what the source reads for is $LATEST, directly or
	// by an alias.
	FollowsLatest bool

	BatchSize                      *int32
	MaximumBatchingWindowInSeconds *int32
	MaximumRetryAttempts           *int32
	MaximumRecordAgeInSeconds      *int32
	OnFailure                      string // ARN of the destination of discarded records

	// MayLose is why a time of failures loses records for good, and empty where
	// nothing says so.
	MayLose string
	// Note is what cannot be judged.
	Note string `json:",omitempty"`
}

func eventSource(m types.EventSourceMappingConfiguration) EventSource {
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
		s.Note = redrive
	}
	return s
}

// target returns the name of the function that a mapping reads for, and its
// qualifier, which is empty for $LATEST.
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

// readsForAlias reports whether the mapping reads for an alias. A version's
// qualifier is a number, and no alias has a number for its name. Source:
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
func readsForAlias(m types.EventSourceMappingConfiguration) bool {
	_, qualifier := target(m)
	return strings.Trim(qualifier, "0123456789") != ""
}

func kind(m types.EventSourceMappingConfiguration) string {
	a, _ := arn.Parse(aws.ToString(m.EventSourceArn))
	switch {
	case m.DocumentDBEventSourceConfig != nil:
		return "documentdb" // its ARN is one of rds
	case m.SelfManagedEventSource != nil:
		return "kafka"
	}
	return cmp.Or(a.Service, "unknown")
}

// mayLose says why the source discards records that the function fails to
// process, if it does. Streams and Kafka keep at it until a record expires,
// which is -1, unless attempts or age are capped; what is discarded then is gone
// if it is sent to no destination. Sources:
// https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
// https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
//
// Assumption: a number that Lambda does not give is the default, -1.
func (s EventSource) mayLose() string {
	if s.OnFailure != "" || s.Kind != "kinesis" && s.Kind != "dynamodb" && s.Kind != "kafka" {
		return ""
	}
	var caps []string
	if n := s.MaximumRetryAttempts; n != nil && *n >= 0 {
		caps = append(caps, fmt.Sprintf("MaximumRetryAttempts is %d", *n))
	}
	if n := s.MaximumRecordAgeInSeconds; n != nil && *n >= 0 {
		caps = append(caps, fmt.Sprintf("MaximumRecordAgeInSeconds is %d", *n))
	}
	if len(caps) == 0 {
		return ""
	}
	return strings.Join(caps, " and ") + ", and there is no OnFailure destination"
}

// String names the source: "kinesis arn:…".
func (s EventSource) String() string {
	text := s.Kind + " " + cmp.Or(s.EventSourceArn, "mapping "+s.UUID)
	if s.State != "" && s.State != "Enabled" {
		text += " (" + s.State + ")"
	}
	return text
}
