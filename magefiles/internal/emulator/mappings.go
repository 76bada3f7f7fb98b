package emulator

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"time"

	"github.com/google/uuid"

	"example.com/dualboot/magefiles/internal/emulator/metrics"
)

// Event source mappings are configuration: the emulator polls no source. A
// change of their state is over before the answer is sent. The answer still says
// Creating, Updating, Enabling, Disabling or Deleting, as on AWS.

type createMappingRequest struct {
	mappingSettings
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

// getEventSourceMapping reports a mapping. It outlives its function.
func (s *Server) getEventSourceMapping(c *call) (any, error) { return s.findMapping(c) }

func (s *Server) findMapping(c *call) (m eventSourceMapping, err error) {
	m, ok := s.mappings[c.resource]
	if !ok {
		err = notFound("The resource you requested does not exist.")
	}
	return m, err
}

type updateMappingRequest struct {
	mappingSettings
	UUID         *string // also in the path
	FunctionName *string
}

func (s *Server) updateEventSourceMapping(c *call, r *updateMappingRequest) (any, error) {
	m, err := s.findMapping(c)
	if err != nil {
		return nil, err
	}
	before := m.State
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
	list := maps.Clone(s.mappings)
	maps.DeleteFunc(list, func(_ string, m eventSourceMapping) bool {
		return function != "" && m.function != t || source != "" && m.EventSourceArn != source
	})
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
