package emulator

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"example.com/dualboot/magefiles/internal/emulator/metrics"
)

// Event source mappings are configuration: the emulator polls no source. A
// change of their state is over before the answer is sent, except for an update,
// which takes UpdateTime. The answer still says Creating, Updating, Enabling,
// Disabling or Deleting, as on AWS.

// eventSourceMapping is an event source mapping as the API reports it. It is a
// value: what it points to is replaced, never changed.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
type eventSourceMapping struct {
	UUID                      string
	EventSourceMappingArn     string
	EventSourceArn            string
	FunctionArn               string
	LastModified              float64 // seconds since 1970
	State                     string
	StateTransitionReason     string
	StartingPosition          *string  `json:",omitempty"`
	StartingPositionTimestamp *float64 `json:",omitempty"` // seconds since 1970
	LastProcessingResult      string   `json:",omitempty"`
	mappingSettings

	function target
	steady   time.Time // when the update of it ends
	changing string    // its state until then
}

// mappingSettings are the members of a mapping that a request can set. Those
// that were not given, or that a mapping does not have, are nil.
type mappingSettings struct {
	BatchSize                      *int            `json:",omitempty"`
	MaximumBatchingWindowInSeconds *int            `json:",omitempty"`
	FilterCriteria                 *filterCriteria `json:",omitempty"`
	FunctionResponseTypes          []string

	// These belong to streams. The numbers can be -1 for unlimited.
	ParallelizationFactor      *int          `json:",omitempty"`
	MaximumRecordAgeInSeconds  *int          `json:",omitempty"`
	MaximumRetryAttempts       *int          `json:",omitempty"`
	TumblingWindowInSeconds    *int          `json:",omitempty"`
	BisectBatchOnFunctionError *bool         `json:",omitempty"`
	DestinationConfig          *destinations `json:",omitempty"`
}

type destinations struct {
	OnSuccess *destination `json:",omitempty"`
	OnFailure *destination
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
	m := eventSourceMapping{EventSourceArn: source, State: enabled}
	m.FunctionResponseTypes, m.MaximumBatchingWindowInSeconds = []string{}, new(0)
	parts := strings.SplitN(source, ":", 6)
	switch {
	case len(parts) < 6 || parts[0] != "arn":
		return m, invalidParameter("Unrecognized event source.")
	case parts[2] == "sqs":
		m.BatchSize, m.StateTransitionReason = new(10), "USER_INITIATED"
	case parts[2] == "kinesis", parts[2] == "dynamodb" && strings.Contains(parts[5], "/stream/"):
		m.BatchSize, m.StateTransitionReason, m.LastProcessingResult = new(100), "User action", "No records processed"
		m.ParallelizationFactor, m.TumblingWindowInSeconds = new(1), new(0)
		m.MaximumRecordAgeInSeconds, m.MaximumRetryAttempts = new(-1), new(-1)
		m.BisectBatchOnFunctionError, m.DestinationConfig = new(false), &destinations{OnFailure: &destination{}}
	default:
		return m, notImplemented("event source " + source + ", not a Kinesis stream, a DynamoDB stream or an SQS queue,")
	}
	return m, nil
}

func (m *eventSourceMapping) isStream() bool { return m.ParallelizationFactor != nil }

func (m *eventSourceMapping) enable(given *bool) {
	if given != nil {
		m.State = map[bool]string{true: enabled, false: disabled}[*given]
	}
}

func (m *eventSourceMapping) modified() { m.LastModified = float64(time.Now().UnixMilli()) / 1000 }

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
		return invalidParameter("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")
	case *position != "AT_TIMESTAMP" && at != nil:
		return invalidParameter("Timestamp only valid with StartingPosition AT_TIMESTAMP")
	case *position == "AT_TIMESTAMP" && !strings.Contains(m.EventSourceArn, ":kinesis:"):
		return invalidParameter("Unsupported starting position for arn type: %s", m.EventSourceArn)
	case *position == "AT_TIMESTAMP" && (at == nil || *at < 0 || *at > float64(time.Now().Unix()+1)):
		return invalidParameter("StartingPosition AT_TIMESTAMP needs a StartingPositionTimestamp that is not in the future")
	}
	m.StartingPosition, m.StartingPositionTimestamp = position, at
	return nil
}

// apply checks the settings and sets those that were given in m, which is of no
// use after an error.
func (r mappingSettings) apply(m *eventSourceMapping) error {
	err := validate(
		between(1, 10000, r.BatchSize, "batchSize"),
		between(0, 300, r.MaximumBatchingWindowInSeconds, "maximumBatchingWindowInSeconds"),
		between(1, 10, r.ParallelizationFactor, "parallelizationFactor"),
		between(-1, 604800, r.MaximumRecordAgeInSeconds, "maximumRecordAgeInSeconds"),
		between(-1, 10000, r.MaximumRetryAttempts, "maximumRetryAttempts"),
		between(0, 900, r.TumblingWindowInSeconds, "tumblingWindowInSeconds"),
		r.checkSource(m),
	)
	if age := r.MaximumRecordAgeInSeconds; err == nil && age != nil && *age >= 0 && *age < 60 {
		err = invalidParameter("MaximumRecordAgeInSeconds must be -1, or 60 or more")
	}
	if err = validate(err, r.FilterCriteria.check(), checkResponseTypes(r.FunctionResponseTypes)); err != nil {
		return err
	}
	m.BatchSize = cmp.Or(r.BatchSize, m.BatchSize)
	m.MaximumBatchingWindowInSeconds = cmp.Or(r.MaximumBatchingWindowInSeconds, m.MaximumBatchingWindowInSeconds)
	m.ParallelizationFactor = cmp.Or(r.ParallelizationFactor, m.ParallelizationFactor)
	m.MaximumRecordAgeInSeconds = cmp.Or(r.MaximumRecordAgeInSeconds, m.MaximumRecordAgeInSeconds)
	m.MaximumRetryAttempts = cmp.Or(r.MaximumRetryAttempts, m.MaximumRetryAttempts)
	m.TumblingWindowInSeconds = cmp.Or(r.TumblingWindowInSeconds, m.TumblingWindowInSeconds)
	m.BisectBatchOnFunctionError = cmp.Or(r.BisectBatchOnFunctionError, m.BisectBatchOnFunctionError)
	if r.FunctionResponseTypes != nil {
		m.FunctionResponseTypes = r.FunctionResponseTypes
	}
	if d := r.DestinationConfig; d != nil {
		m.DestinationConfig = &destinations{OnFailure: cmp.Or(d.OnFailure, &destination{})}
	}
	if m.FilterCriteria = cmp.Or(r.FilterCriteria, m.FilterCriteria); m.FilterCriteria != nil && len(m.FilterCriteria.Filters) == 0 {
		m.FilterCriteria = nil
	}
	if m.isStream() {
		return nil
	}
	return m.checkQueue()
}

func (r mappingSettings) checkSource(m *eventSourceMapping) error {
	given := ""
	switch {
	case m.isStream():
	case r.ParallelizationFactor != nil:
		given = "ParallelizationFactor"
	case r.MaximumRecordAgeInSeconds != nil:
		given = "MaximumRecordAgeInSeconds"
	case r.MaximumRetryAttempts != nil:
		given = "MaximumRetryAttempts"
	case r.TumblingWindowInSeconds != nil:
		given = "TumblingWindowInSeconds"
	case r.BisectBatchOnFunctionError != nil:
		given = "BisectBatchOnFunctionError"
	}
	if d := r.DestinationConfig; given == "" && d != nil && (!m.isStream() || d.OnSuccess != nil) {
		given = "DestinationConfig"
	}
	if given == "" {
		return nil
	}
	return invalidParameter("Unsupported %s parameter for given event source mapping type.", given)
}

func (f *filterCriteria) check() error {
	if f == nil {
		return nil
	}
	for _, filter := range f.Filters {
		var pattern map[string]any
		if json.Unmarshal([]byte(filter.Pattern), &pattern) != nil || !validPattern(pattern) {
			return invalidParameter("Invalid filter pattern definition.")
		}
	}
	return nil
}

// validPattern reports whether every field of a filter pattern has a list of
// values that is not empty, or is a pattern itself.
//
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
func validPattern(pattern map[string]any) bool {
	for _, field := range pattern {
		switch field := field.(type) {
		case []any:
			if len(field) == 0 {
				return false
			}
		case map[string]any:
			if !validPattern(field) {
				return false
			}
		default:
			return false
		}
	}
	return pattern != nil
}

func checkResponseTypes(types []string) error {
	switch {
	case len(types) > 1:
		return invalid(types, "functionResponseTypes", "Member must have length less than or equal to 1")
	case len(types) == 1 && types[0] != "ReportBatchItemFailures":
		return invalid(types, "functionResponseTypes", "Member must satisfy constraint: [Member must satisfy enum value set: [ReportBatchItemFailures]]")
	}
	return nil
}

func (m *eventSourceMapping) checkQueue() error {
	fifo := strings.HasSuffix(m.EventSourceArn, ".fifo")
	size, window := *m.BatchSize, *m.MaximumBatchingWindowInSeconds
	switch {
	case fifo && size > 10:
		return invalidParameter("The batch size of a FIFO queue must be 10 or less")
	case fifo && window > 0:
		return invalidParameter("Batching window is not supported for FIFO queues.")
	case size > 10 && window == 0:
		return invalidParameter("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
	}
	return nil
}

type createMappingRequest struct {
	mappingSettings
	Enabled                      *bool
	FunctionName, EventSourceArn *string
	StartingPosition             *string
	StartingPositionTimestamp    *float64
}

// createEventSourceMapping creates a mapping. The event source need not exist.
func (s *Server) createEventSourceMapping(_ *call, r *createMappingRequest) (any, error) {
	if err := required(r.FunctionName, "functionName"); err != nil {
		return nil, err
	}
	if r.EventSourceArn == nil {
		return nil, invalidParameter("Unrecognized event source.")
	}
	m, err := newEventSourceMapping(*r.EventSourceArn)
	if err != nil {
		return nil, err
	}
	m.UUID = uuid.NewString()
	m.EventSourceMappingArn = s.lambdaARN("event-source-mapping:" + m.UUID)
	if err := m.startAt(r.StartingPosition, r.StartingPositionTimestamp); err != nil {
		return nil, err
	}
	if err := cmp.Or(r.mappingSettings.apply(&m), s.mapTo(&m, *r.FunctionName)); err != nil {
		return nil, err
	}
	m.enable(r.Enabled)
	return s.setMapping(m, "Creating"), nil
}

// mapTo makes a function, or a version or alias of it, the target of a mapping.
//
// If the function does not exist, the status is 400 as recorded from AWS. The
// API's reference says 404.
func (s *Server) mapTo(m *eventSourceMapping, function string) error {
	t, err := s.parseTarget(function)
	if err != nil {
		return err
	}
	if _, err := s.find(t); err != nil {
		return invalidParameter("Function does not exist")
	}
	format := `An event source mapping with SQS arn (" %s ") and function (" %s ") already exists. Please update or delete the existing mapping with UUID %s`
	if m.isStream() {
		format = `The event source arn (" %s ") and function (" %s ") provided mapping already exists. Please update or delete the existing mapping with UUID %s`
	}
	for _, other := range s.mappings {
		if other.UUID != m.UUID && other.EventSourceArn == m.EventSourceArn && other.function == t {
			return conflict(format, m.EventSourceArn, t.name, other.UUID)
		}
	}
	m.function, m.FunctionArn = t, s.arn(t)
	return nil
}

func (s *Server) setMapping(m eventSourceMapping, state string) eventSourceMapping {
	m.modified()
	s.mappings[m.UUID] = m
	m.State = state
	return m
}

// shown returns a mapping as it is reported now. Assumption: while an update is in
// progress AWS reports what the mapping is to be.
func (m eventSourceMapping) shown() eventSourceMapping {
	if time.Now().Before(m.steady) {
		m.State = m.changing
	}
	return m
}

// getEventSourceMapping reports a mapping. It outlives its function.
func (s *Server) getEventSourceMapping(c *call) (any, error) {
	m, err := s.findMapping(c)
	return m.shown(), err
}

func (s *Server) findMapping(c *call) (m eventSourceMapping, err error) {
	m, ok := s.mappings[c.resource]
	if !ok {
		err = notFound("The resource you requested does not exist.")
	}
	return m, err
}

type updateMappingRequest struct {
	mappingSettings
	Enabled      *bool
	UUID         *string // also in the path
	FunctionName *string
}

func (s *Server) updateEventSourceMapping(c *call, r *updateMappingRequest) (any, error) {
	m, err := s.findMapping(c)
	if err != nil {
		return nil, err
	}
	if m.shown().State != m.State {
		// The words are not recorded.
		return nil, apiErrorf(http.StatusBadRequest, "ResourceInUseException", "Cannot update the event source mapping because it is in use.")
	}
	before := m.State
	m.enable(r.Enabled)
	if err := r.mappingSettings.apply(&m); err != nil {
		return nil, err
	}
	if r.FunctionName != nil {
		if err := s.mapTo(&m, *r.FunctionName); err != nil {
			return nil, err
		}
	}
	state := "Updating"
	switch {
	case m.State == before:
	case m.State == enabled:
		state = "Enabling"
	default:
		state = "Disabling"
	}
	m.changing, m.steady = state, time.Now().Add(s.options.UpdateTime)
	return s.setMapping(m, state), nil
}

func (s *Server) deleteEventSourceMapping(c *call) (any, error) {
	m, err := s.findMapping(c)
	delete(s.mappings, m.UUID)
	m.State = "Deleting"
	return m, err
}

// listEventSourceMappings lists all mappings, or those of a function, an event
// source or both, which need not exist. A page has at most 100.
//
// Assumption, the stricter one: a function's mappings are those to the very
// version or alias that is given; without one, those to the function without one.
func (s *Server) listEventSourceMappings(c *call) (any, error) {
	function, source := c.URL.Query().Get("FunctionName"), c.URL.Query().Get("EventSourceArn")
	t, err := s.parseTarget(function)
	if function != "" && err != nil {
		return nil, err
	}
	list := map[string]eventSourceMapping{}
	for id, m := range s.mappings {
		if (function == "" || m.function == t) && (source == "" || m.EventSourceArn == source) {
			list[id] = m.shown()
		}
	}
	return pageOf(c, "EventSourceMappings", list, 100)
}

// iteratorAge returns how old the last record of a batch was when it was
// received. On AWS this concerns the batches that event source mappings send.
// Here events arrive through Invoke: a batch is an event with a last record from
// the stream of one of the function's enabled mappings. Each attempt counts, even
// if it fails; AWS does not say whether. It locks mu.
//
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#performance-metrics
func (s *Server) iteratorAge(t target, payload []byte, received time.Time) (age time.Duration, fromStream bool) {
	streams := s.streams(t.name)
	if len(streams) == 0 {
		return 0, false
	}
	// Both times are seconds since 1970, with a fraction or without.
	var event struct {
		Records []struct {
			EventSourceARN string `json:"eventSourceARN"`
			Kinesis        struct {
				Arrival float64 `json:"approximateArrivalTimestamp"`
			} `json:"kinesis"`
			DynamoDB struct {
				Creation float64 `json:"ApproximateCreationDateTime"`
			} `json:"dynamodb"`
		}
	}
	if json.Unmarshal(payload, &event) != nil || len(event.Records) == 0 {
		return 0, false
	}
	last := event.Records[len(event.Records)-1]
	seconds := max(last.Kinesis.Arrival, last.DynamoDB.Creation)
	if !streams[last.EventSourceARN] || seconds <= 0 || seconds > metrics.MaxTime {
		return 0, false
	}
	whole, fraction := math.Modf(seconds)
	return max(0, received.Sub(time.Unix(int64(whole), int64(fraction*1e9)))), true
}

// streams returns the ARNs of the streams with enabled mappings to a function.
// It locks mu.
func (s *Server) streams(function string) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	streams := map[string]bool{}
	for _, m := range s.mappings {
		if m.function.name == function && m.isStream() && m.State == enabled {
			streams[m.EventSourceArn] = true
		}
	}
	return streams
}
