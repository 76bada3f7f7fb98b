package emulator

import (
	"encoding/json"
	"math"
	"time"
)

// iteratorAge is how old the last record of a batch was when it was received.
// On AWS that is known of the batches that event source mappings send. Here
// events come by Invoke: a batch is one whose last record has the ARN of the
// stream of one of the function's enabled mappings. Each attempt at a batch
// counts, a failed one too; AWS does not say.
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
	if !streams[last.EventSourceARN] || seconds <= 0 || seconds > maxTime {
		return 0, false
	}
	whole, fraction := math.Modf(seconds)
	return max(0, received.Sub(time.Unix(int64(whole), int64(fraction*1e9)))), true
}

// streams are the ARNs of the streams whose mappings to a function are enabled.
func (s *Server) streams(function string) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	streams := map[string]bool{}
	for _, m := range s.mappings {
		if m.function.name == function && m.streamSettings != nil && m.State == enabled {
			streams[m.EventSourceArn] = true
		}
	}
	return streams
}
