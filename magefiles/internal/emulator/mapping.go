package emulator

import (
	"cmp"
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

// streamSettings are the members that only mappings of streams have.
type streamSettings struct {
	StartingPosition           string
	StartingPositionTimestamp  *float64 `json:",omitempty"` // seconds since 1970
	ParallelizationFactor      int
	MaximumRecordAgeInSeconds  int // -1 is unlimited
	MaximumRetryAttempts       int // -1 is unlimited
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

// States in which a mapping stays.
const (
	enabled  = "Enabled"
	disabled = "Disabled"
)

// newEventSourceMapping returns a mapping of an event source with AWS's
// defaults.
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

func (m *eventSourceMapping) isStream() bool { return m.streamSettings != nil }

// modified sets LastModified to now.
func (m *eventSourceMapping) modified() { m.LastModified = float64(time.Now().UnixMilli()) / 1000 }

// startAt sets the position at which the reading of a stream starts.
func (m *eventSourceMapping) startAt(position *string, at *float64) error {
	if position != nil {
		if err := oneOf(*position, "startingPosition", "LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"); err != nil {
			return err
		}
	}
	switch {
	case !m.isStream() && (position != nil || at != nil):
		return invalidParameter("StartingPosition is not valid for SQS event sources.")
	case !m.isStream():
		return nil
	case position == nil:
		return invalidParameter("%s", violation(nil, "startingPosition", "Member must not be null."))
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

// mappingSettings are the members of a mapping that a request can set. Those
// that were not given are nil.
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

// apply checks the settings and sets them in m, which is of no use after an
// error.
func (r mappingSettings) apply(m *eventSourceMapping) error {
	stream := &streamSettings{}
	if m.isStream() {
		*stream = *m.streamSettings
	}
	err := cmp.Or(
		setBetween(1, 10000, &m.BatchSize, r.BatchSize, "batchSize"),
		setBetween(0, 300, &m.MaximumBatchingWindowInSeconds, r.MaximumBatchingWindowInSeconds, "maximumBatchingWindowInSeconds"),
		setBetween(1, 10, &stream.ParallelizationFactor, r.ParallelizationFactor, "parallelizationFactor"),
		m.streamsOnly(r.ParallelizationFactor != nil, "ParallelizationFactor"),
		setBetween(-1, 604800, &stream.MaximumRecordAgeInSeconds, r.MaximumRecordAgeInSeconds, "maximumRecordAgeInSeconds"),
		m.streamsOnly(r.MaximumRecordAgeInSeconds != nil, "MaximumRecordAgeInSeconds"),
		setBetween(-1, 10000, &stream.MaximumRetryAttempts, r.MaximumRetryAttempts, "maximumRetryAttempts"),
		m.streamsOnly(r.MaximumRetryAttempts != nil, "MaximumRetryAttempts"),
		setBetween(0, 900, &stream.TumblingWindowInSeconds, r.TumblingWindowInSeconds, "tumblingWindowInSeconds"),
		m.streamsOnly(r.TumblingWindowInSeconds != nil, "TumblingWindowInSeconds"),
	)
	switch d := r.DestinationConfig; {
	case err != nil:
		return err
	case m.isStream() && stream.MaximumRecordAgeInSeconds >= 0 && stream.MaximumRecordAgeInSeconds < 60:
		return invalidParameter("MaximumRecordAgeInSeconds must be -1, or 60 or more")
	case !m.isStream() && r.BisectBatchOnFunctionError != nil:
		return unsupported("BisectBatchOnFunctionError")
	case d != nil && (!m.isStream() || d.OnSuccess != nil):
		return unsupported("DestinationConfig")
	case d != nil:
		stream.DestinationConfig.OnFailure = destination{}
		set(&stream.DestinationConfig.OnFailure, d.OnFailure)
	}
	set(&stream.BisectBatchOnFunctionError, r.BisectBatchOnFunctionError)
	if err := cmp.Or(r.applyFilter(m), r.applyResponseTypes(m)); err != nil {
		return err
	}
	if r.Enabled != nil {
		m.State = disabled
		if *r.Enabled {
			m.State = enabled
		}
	}
	if m.isStream() {
		m.streamSettings = stream
		return nil
	}
	return m.checkQueue()
}

func (r mappingSettings) applyFilter(m *eventSourceMapping) error {
	if r.FilterCriteria == nil {
		return nil
	}
	for _, filter := range r.FilterCriteria.Filters {
		var pattern map[string]any
		if json.Unmarshal([]byte(filter.Pattern), &pattern) != nil {
			return invalidParameter("Invalid filter pattern definition.")
		}
	}
	m.FilterCriteria = r.FilterCriteria
	if len(r.FilterCriteria.Filters) == 0 {
		m.FilterCriteria = nil
	}
	return nil
}

func (r mappingSettings) applyResponseTypes(m *eventSourceMapping) error {
	types := r.FunctionResponseTypes
	switch {
	case types == nil:
		return nil
	case len(types) > 1:
		return invalid(types, "functionResponseTypes", "Member must have length less than or equal to 1")
	case len(types) == 1 && types[0] != "ReportBatchItemFailures":
		return invalid(types, "functionResponseTypes", "Member must satisfy constraint: [Member must satisfy enum value set: [ReportBatchItemFailures]]")
	}
	m.FunctionResponseTypes = types
	return nil
}

// checkQueue refuses batches that a queue cannot have.
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

// setBetween sets a number if it was given and is in range.
func setBetween(least, most int, to, given *int, member string) error {
	set(to, given)
	return between(least, most, given, member)
}

// streamsOnly refuses a member that was given for a queue.
func (m *eventSourceMapping) streamsOnly(given bool, member string) error {
	if given && !m.isStream() {
		return unsupported(member)
	}
	return nil
}

func unsupported(member string) error {
	return invalidParameter("Unsupported %s parameter for given event source mapping type.", member)
}
