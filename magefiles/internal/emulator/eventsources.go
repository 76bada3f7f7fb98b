package emulator

import (
	"maps"
	"net/http"

	"github.com/google/uuid"
)

// Event source mappings are configuration here: nothing is polled. Changes of
// their state are over before the answer is sent; the answer itself still says
// Creating, Updating, Enabling, Disabling or Deleting, as AWS's does.
//
// Where the API's reference does not tell, answers are as they were recorded of
// AWS: https://github.com/localstack/localstack/blob/main/tests/aws/services/lambda_/test_lambda_api.snapshot.json

// routeEventSources finds the operation for a path below event-source-mappings.
func routeEventSources(method string, segments []string) (name string, run func(*Server, *call) (reply, error)) {
	switch {
	case len(segments) == 0 && method == http.MethodPost:
		return "CreateEventSourceMapping", (*Server).createEventSourceMapping
	case len(segments) == 0 && method == http.MethodGet:
		return "ListEventSourceMappings", (*Server).listEventSourceMappings
	case len(segments) == 1 && method == http.MethodGet:
		return "GetEventSourceMapping", (*Server).getEventSourceMapping
	case len(segments) == 1 && method == http.MethodPut:
		return "UpdateEventSourceMapping", (*Server).updateEventSourceMapping
	case len(segments) == 1 && method == http.MethodDelete:
		return "DeleteEventSourceMapping", (*Server).deleteEventSourceMapping
	}
	return "Unknown", (*Server).unknownOperation
}

// createEventSourceMapping makes a mapping. Whether the event source exists is
// not asked.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
func (s *Server) createEventSourceMapping(c *call) (reply, error) {
	var request struct {
		mappingSettings
		FunctionName, EventSourceArn *string
		StartingPosition             *string
		StartingPositionTimestamp    *float64
	}
	if err := decode(c.body, &request); err != nil {
		return reply{}, err
	}
	if request.FunctionName == nil {
		return reply{}, invalid(nil, "functionName", "Member must not be null")
	}
	if request.EventSourceArn == nil {
		return reply{}, invalidParameter("Unrecognized event source.")
	}
	m, err := newEventSourceMapping(*request.EventSourceArn)
	if err != nil {
		return reply{}, err
	}
	if err := m.start(request.StartingPosition, request.StartingPositionTimestamp); err != nil {
		return reply{}, err
	}
	if err := request.mappingSettings.apply(&m); err != nil {
		return reply{}, err
	}
	m.UUID = uuid.NewString()
	m.EventSourceMappingArn = "arn:" + partition(s.options.Region) + ":lambda:" + s.options.Region + ":" + s.options.Account + ":event-source-mapping:" + m.UUID

	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mapTo(&m, *request.FunctionName); err != nil {
		return reply{}, err
	}
	m.touch()
	s.mappings[m.UUID] = m
	return m.answer("Creating")
}

// mapTo makes a function, or a version or alias of it, the target of a mapping.
// The server's mutex must be held.
//
// A function that does not exist is told by 400, as AWS was recorded doing; the
// API's reference has 404 for it.
func (s *Server) mapTo(m *eventSourceMapping, function string) error {
	t, err := s.parseTarget(function)
	if err != nil {
		return err
	}
	if _, err := s.find(t); err != nil {
		return invalidParameter("Function does not exist")
	}
	for _, other := range s.mappings {
		if other.UUID == m.UUID || other.EventSourceArn != m.EventSourceArn || other.function != t {
			continue
		}
		if m.streamSettings == nil {
			return conflict(`An event source mapping with SQS arn (" %s ") and function (" %s ") already exists. Please update or delete the existing mapping with UUID %s`, m.EventSourceArn, t.name, other.UUID)
		}
		return conflict(`The event source arn (" %s ") and function (" %s ") provided mapping already exists. Please update or delete the existing mapping with UUID %s`, m.EventSourceArn, t.name, other.UUID)
	}
	m.function, m.FunctionArn = t, s.arn(t)
	return nil
}

// answer is a mapping on its way to another state.
func (m eventSourceMapping) answer(state string) (reply, error) {
	m.State = state
	return jsonReply(http.StatusAccepted, m)
}

// findMapping looks up the mapping that a call is for. The server's mutex must
// be held.
func (s *Server) findMapping(c *call) (eventSourceMapping, error) {
	m, ok := s.mappings[c.function]
	if !ok {
		return m, &apiError{http.StatusNotFound, "ResourceNotFoundException", "The resource you requested does not exist."}
	}
	return m, nil
}

// getEventSourceMapping reports a mapping. It outlives its function.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html
func (s *Server) getEventSourceMapping(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.findMapping(c)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, m)
}

// updateEventSourceMapping changes the settings that are given and leaves the
// others.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
func (s *Server) updateEventSourceMapping(c *call) (reply, error) {
	var request struct {
		mappingSettings
		UUID         *string // in the path; some clients repeat it
		FunctionName *string
	}
	if err := decode(c.body, &request); err != nil {
		return reply{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.findMapping(c)
	if err != nil {
		return reply{}, err
	}
	before := m.State
	if err := request.mappingSettings.apply(&m); err != nil {
		return reply{}, err
	}
	if request.FunctionName != nil {
		if err := s.mapTo(&m, *request.FunctionName); err != nil {
			return reply{}, err
		}
	}
	m.touch()
	s.mappings[m.UUID] = m
	switch {
	case m.State == before:
		return m.answer("Updating")
	case m.State == enabled:
		return m.answer("Enabling")
	}
	return m.answer("Disabling")
}

// deleteEventSourceMapping removes a mapping.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_DeleteEventSourceMapping.html
func (s *Server) deleteEventSourceMapping(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.findMapping(c)
	if err != nil {
		return reply{}, err
	}
	delete(s.mappings, m.UUID)
	return m.answer("Deleting")
}

// listEventSourceMappings lists mappings, a hundred a page at most: all, or
// those of a function, an event source or both. Neither needs to exist.
//
// Assumption, the stricter one: a function's are those with the very version or
// alias that is given, and without one those of the function without one.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html
func (s *Server) listEventSourceMappings(c *call) (reply, error) {
	query := c.URL.Query()
	function, source := query.Get("FunctionName"), query.Get("EventSourceArn")
	var of target
	if function != "" {
		var err error
		if of, err = s.parseTarget(function); err != nil {
			return reply{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := maps.Clone(s.mappings)
	maps.DeleteFunc(list, func(_ string, m eventSourceMapping) bool {
		return function != "" && m.function != of || source != "" && m.EventSourceArn != source
	})
	mappings, next, err := page(query, list, 100)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, struct {
		EventSourceMappings []eventSourceMapping
		NextMarker          string `json:",omitempty"`
	}{mappings, next})
}
