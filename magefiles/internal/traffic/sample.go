package traffic

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Kind is how a function receives its events. It derives from the sample event.
type Kind string

const (
	// Kinesis reads a Kinesis data stream: Records[0].eventSource of the sample
	// is "aws:kinesis". Each record is a copy of the sample's first one, with its
	// own numbers, IDs and times.
	Kinesis Kind = "kinesis"

	// DynamoDB reads a DynamoDB stream in the same way, for "aws:dynamodb".
	DynamoDB Kind = "dynamodb"

	// API calls the function like API Gateway: the sample has a requestContext.
	// Each call has its own requestId there, by which its answer is verified.
	API Kind = "api"

	// Event calls the function with the sample. An EventBridge event has its own
	// id in each call. The answer must be JSON.
	Event Kind = "event"
)

// Stream reports whether the events are records of a stream.
func (k Kind) Stream() bool { return k == Kinesis || k == DynamoDB }

// KindOf returns the kind of a sample event. It fails if nothing can be derived
// from the sample.
func KindOf(event []byte) (Kind, error) {
	s, err := parse(event)
	if err != nil {
		return "", err
	}
	return s.kind, nil
}

// object is a JSON object. It keeps the text of its members.
type object map[string]json.RawMessage

// text returns a member that is a string, or "".
func (o object) text(member string) string {
	var s string
	_ = json.Unmarshal(o[member], &s)
	return s
}

// with returns the JSON of the object with some members set.
func (o object) with(members map[string]any) json.RawMessage {
	changed := map[string]any{}
	for name, value := range o {
		changed[name] = value
	}
	maps.Copy(changed, members)
	text, err := json.Marshal(changed)
	if err != nil {
		panic(err) // unreachable: all members are valid JSON
	}
	return text
}

// sample is a parsed sample event.
type sample struct {
	kind  Kind
	text  []byte
	outer object // the event, or its first record for a stream; nil unless it is an object
	inner object // the member of outer that identifies the event: requestContext, kinesis or dynamodb
}

// parseAll parses the sample events of one source.
func parseAll(events [][]byte) ([]*sample, error) {
	if len(events) == 0 {
		return nil, errors.New("there is none")
	}
	var samples []*sample
	for _, event := range events {
		s, err := parse(event)
		if err != nil {
			return nil, err
		}
		samples = append(samples, s)
		if first := samples[0].kind; s.kind != first {
			return nil, fmt.Errorf("one is of the kind %s and another %s", first, s.kind)
		}
	}
	return samples, nil
}

func parse(event []byte) (*sample, error) {
	s := &sample{kind: Event, text: event}
	switch {
	case len(event) == 0:
		return nil, errors.New("it is empty")
	case !json.Valid(event):
		return nil, json.Unmarshal(event, new(any))
	case json.Unmarshal(event, &s.outer) != nil:
		return s, nil // any JSON may be an event
	}
	var records []object
	if json.Unmarshal(s.outer["Records"], &records) == nil && len(records) > 0 {
		kind, ok := map[string]Kind{"aws:kinesis": Kinesis, "aws:dynamodb": DynamoDB}[records[0].text("eventSource")]
		if ok {
			s.kind, s.outer = kind, records[0]
			if json.Unmarshal(s.outer[string(kind)], &s.inner) != nil || s.inner == nil {
				return nil, fmt.Errorf("its first record has no member %q", kind)
			}
			return s, nil
		}
	}
	// A load balancer's event has a requestContext too, but no requestId.
	if json.Unmarshal(s.outer["requestContext"], &s.inner) == nil && s.inner != nil && s.inner["elb"] == nil {
		s.kind = API
	}
	return s, nil
}

// event returns the event of a call with the ID.
func (s *sample) event(id string) []byte {
	switch {
	case s.kind == API:
		return s.outer.with(map[string]any{"requestContext": s.inner.with(map[string]any{"requestId": id})})
	case s.outer.text("id") != "" && s.outer.text("detail-type") != "" && s.outer.text("source") != "":
		// All events of EventBridge have these members. Source:
		// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
		return s.outer.with(map[string]any{"id": id})
	}
	return s.text
}

// record returns the nth record of a shard. The sequence numbers contain the time
// at which the stream began, so that they differ between runs. Sources:
// https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
func (s *sample) record(began time.Time, shard, n int, arrived time.Time) record {
	r := record{arrived: arrived}
	if s.kind == Kinesis {
		r.number = fmt.Sprintf("49%020d%04d%030d", began.UnixNano(), shard, n) // 56 digits, as on AWS
		r.json = s.outer.with(map[string]any{
			"eventID": fmt.Sprintf("shardId-%012d:%s", shard, r.number),
			"kinesis": s.inner.with(map[string]any{
				"sequenceNumber":              r.number,
				"partitionKey":                fmt.Sprintf("%s-%d", s.inner.text("partitionKey"), shard), // a key belongs to one shard
				"approximateArrivalTimestamp": json.Number(fmt.Sprintf("%d.%03d", arrived.Unix(), arrived.Nanosecond()/1e6)),
			}),
		})
		return r
	}
	r.number = fmt.Sprintf("%d%04d%010d", began.UnixNano(), shard, n) // 21 to 40 digits on AWS
	r.json = s.outer.with(map[string]any{
		"eventID": strings.ReplaceAll(uuid.NewString(), "-", ""),
		"dynamodb": s.inner.with(map[string]any{
			"SequenceNumber":              r.number,
			"ApproximateCreationDateTime": arrived.Unix(),
		}),
	})
	return r
}
