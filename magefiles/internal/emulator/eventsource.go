package emulator

import (
	"encoding/json"
	"strings"
	"time"
)

// eventSourceMapping is an event source mapping as the API reports it. It is a
// value: what it points to is replaced, never changed.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
type eventSourceMapping struct {
	UUID                           string
	EventSourceMappingArn          string
	EventSourceArn                 string
	FunctionArn                    string
	BatchSize                      int
	MaximumBatchingWindowInSeconds int
	FilterCriteria                 *filterCriteria `json:",omitempty"`
	FunctionResponseTypes          []string
	LastModified                   float64 // seconds since 1970
	State                          string
	StateTransitionReason          string
	*streamSettings                // nil for queues

	function target
}

// streamSettings are what only mappings of streams have.
type streamSettings struct {
	StartingPosition           string
	StartingPositionTimestamp  *float64 `json:",omitempty"` // seconds since 1970
	ParallelizationFactor      int
	MaximumRecordAgeInSeconds  int // -1 is without end
	MaximumRetryAttempts       int // -1 is without end
	TumblingWindowInSeconds    int
	BisectBatchOnFunctionError bool
	DestinationConfig          struct{ OnFailure destination }
	LastProcessingResult       string
}

type destination struct {
	Destination string `json:",omitempty"`
}

type filterCriteria struct {
	Filters []struct{ Pattern string } `json:",omitempty"`
}

// The states that a mapping rests in.
const (
	enabled  = "Enabled"
	disabled = "Disabled"
)

// newEventSourceMapping is a mapping of an event source as AWS makes it if
// nothing else is said.
//
// https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
func newEventSourceMapping(source string) (eventSourceMapping, error) {
	m := eventSourceMapping{EventSourceArn: source, State: enabled, FunctionResponseTypes: []string{}}
	parts := strings.SplitN(source, ":", 6)
	switch {
	case len(parts) < 6 || parts[0] != "arn":
		return m, invalidParameter("Unrecognized event source.")
	case parts[2] == "sqs":
		m.BatchSize, m.StateTransitionReason = 10, "USER_INITIATED"
	case parts[2] == "kinesis", parts[2] == "dynamodb" && strings.Contains(parts[5], "/stream/"):
		m.BatchSize, m.StateTransitionReason = 100, "User action"
		m.streamSettings = &streamSettings{
			ParallelizationFactor:     1,
			MaximumRecordAgeInSeconds: -1,
			MaximumRetryAttempts:      -1,
			LastProcessingResult:      "No records processed",
		}
	default:
		return m, notImplemented("an event source other than a Kinesis stream, a DynamoDB stream or an SQS queue, such as " + source + ",")
	}
	return m, nil
}

// touch sets LastModified to now.
func (m *eventSourceMapping) touch() { m.LastModified = float64(time.Now().UnixMilli()) / 1000 }

// start sets where the reading of a stream starts.
func (m *eventSourceMapping) start(position *string, at *float64) error {
	switch {
	case position != nil && *position != "LATEST" && *position != "AT_TIMESTAMP" && *position != "TRIM_HORIZON":
		return invalid(*position, "startingPosition", "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]")
	case m.streamSettings == nil && (position != nil || at != nil):
		return invalidParameter("StartingPosition is not valid for SQS event sources.")
	case m.streamSettings == nil:
		return nil
	case position == nil:
		return invalidParameter("%s", invalid(nil, "startingPosition", "Member must not be null.").message)
	case *position != "AT_TIMESTAMP" && at != nil:
		return invalidParameter("Timestamp only valid with StartingPosition AT_TIMESTAMP")
	case *position == "AT_TIMESTAMP" && !strings.Contains(m.EventSourceArn, ":kinesis:"):
		return invalidParameter("Unsupported starting position for arn type: %s", m.EventSourceArn)
	case *position == "AT_TIMESTAMP" && (at == nil || *at < 0 || *at > float64(time.Now().Unix()+1)):
		return invalidParameter("StartingPosition AT_TIMESTAMP needs a StartingPositionTimestamp that is not in the future")
	}
	m.StartingPosition, m.StartingPositionTimestamp = *position, at
	return nil
}

// mappingSettings are the members of a mapping that requests set, at creation
// and later. What is nil was not given.
type mappingSettings struct {
	Enabled                        *bool
	BatchSize                      *int
	MaximumBatchingWindowInSeconds *int
	FilterCriteria                 *filterCriteria
	FunctionResponseTypes          []string

	ParallelizationFactor      *int
	MaximumRecordAgeInSeconds  *int
	MaximumRetryAttempts       *int
	TumblingWindowInSeconds    *int
	BisectBatchOnFunctionError *bool
	DestinationConfig          *struct{ OnSuccess, OnFailure *destination }
}

// apply checks the settings given and puts them into m.
func (s mappingSettings) apply(m *eventSourceMapping) error {
	var stream streamSettings
	if m.streamSettings != nil {
		stream = *m.streamSettings
	}
	for _, n := range []struct {
		given       *int
		member      string
		least, most int
		value       *int
		streamsOnly bool
	}{
		{s.BatchSize, "batchSize", 1, 10000, &m.BatchSize, false},
		{s.MaximumBatchingWindowInSeconds, "maximumBatchingWindowInSeconds", 0, 300, &m.MaximumBatchingWindowInSeconds, false},
		{s.ParallelizationFactor, "parallelizationFactor", 1, 10, &stream.ParallelizationFactor, true},
		{s.MaximumRecordAgeInSeconds, "maximumRecordAgeInSeconds", -1, 604800, &stream.MaximumRecordAgeInSeconds, true},
		{s.MaximumRetryAttempts, "maximumRetryAttempts", -1, 10000, &stream.MaximumRetryAttempts, true},
		{s.TumblingWindowInSeconds, "tumblingWindowInSeconds", 0, 900, &stream.TumblingWindowInSeconds, true},
	} {
		if n.given == nil {
			continue
		}
		if err := inRange(*n.given, n.member, n.least, n.most); err != nil {
			return err
		}
		if n.streamsOnly && m.streamSettings == nil {
			return unsupported(strings.ToUpper(n.member[:1]) + n.member[1:])
		}
		*n.value = *n.given
	}
	if stream.MaximumRecordAgeInSeconds >= 0 && stream.MaximumRecordAgeInSeconds < 60 && m.streamSettings != nil {
		return invalidParameter("MaximumRecordAgeInSeconds must be -1, or 60 or more")
	}
	if s.BisectBatchOnFunctionError != nil {
		if m.streamSettings == nil {
			return unsupported("BisectBatchOnFunctionError")
		}
		stream.BisectBatchOnFunctionError = *s.BisectBatchOnFunctionError
	}
	if d := s.DestinationConfig; d != nil {
		if m.streamSettings == nil || d.OnSuccess != nil {
			return unsupported("DestinationConfig")
		}
		stream.DestinationConfig.OnFailure = destination{}
		if d.OnFailure != nil {
			stream.DestinationConfig.OnFailure = *d.OnFailure
		}
	}
	if f := s.FilterCriteria; f != nil {
		for _, filter := range f.Filters {
			var pattern map[string]any
			if json.Unmarshal([]byte(filter.Pattern), &pattern) != nil {
				return invalidParameter("Invalid filter pattern definition.")
			}
		}
		m.FilterCriteria = f
		if len(f.Filters) == 0 {
			m.FilterCriteria = nil
		}
	}
	if s.FunctionResponseTypes != nil {
		if len(s.FunctionResponseTypes) > 1 {
			return invalid(s.FunctionResponseTypes, "functionResponseTypes", "Member must have length less than or equal to 1")
		}
		for _, t := range s.FunctionResponseTypes {
			if t != "ReportBatchItemFailures" {
				return invalid(s.FunctionResponseTypes, "functionResponseTypes", "Member must satisfy constraint: [Member must satisfy enum value set: [ReportBatchItemFailures]]")
			}
		}
		m.FunctionResponseTypes = s.FunctionResponseTypes
	}
	if s.Enabled != nil {
		m.State = disabled
		if *s.Enabled {
			m.State = enabled
		}
	}
	if m.streamSettings != nil {
		m.streamSettings = &stream
		return nil
	}
	return m.checkQueue()
}

// checkQueue refuses batches that a queue does not have.
func (m *eventSourceMapping) checkQueue() error {
	fifo := strings.HasSuffix(m.EventSourceArn, ".fifo")
	switch {
	case fifo && m.BatchSize > 10:
		return invalidParameter("The batch size of a FIFO queue must be 10 or less")
	case fifo && m.MaximumBatchingWindowInSeconds > 0:
		return invalidParameter("Batching window is not supported for FIFO queues.")
	case m.BatchSize > 10 && m.MaximumBatchingWindowInSeconds == 0:
		return invalidParameter("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
	}
	return nil
}

func unsupported(member string) *apiError {
	return invalidParameter("Unsupported %s parameter for given event source mapping type.", member)
}
