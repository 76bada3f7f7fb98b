package traffic

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
)

// Kind is how a function gets its events, told from its sample event.
type Kind string

const (
	// Kinesis reads a Kinesis data stream: Records[0].eventSource of the sample
	// is "aws:kinesis". Every record is the sample's first one, with numbers,
	// identifiers and times of its own; its data stays the same.
	Kinesis Kind = "kinesis"

	// DynamoDB reads a DynamoDB stream, likewise, for "aws:dynamodb".
	DynamoDB Kind = "dynamodb"

	// API calls the function as API Gateway does: the sample has a
	// requestContext. Each call has a requestId of its own there, by which its
	// answer is checked.
	API Kind = "api"

	// Event calls the function with the sample itself; an EventBridge event
	// gets an id of its own. Of the answer it is asked to be JSON.
	Event Kind = "event"
)

// stream says whether events are records of a stream.
func (k Kind) stream() bool { return k == Kinesis || k == DynamoDB }

// object is a JSON object of which only some members matter; the others keep
// their text.
type object map[string]json.RawMessage

// template is a sample event, taken apart.
type template struct {
	kind   Kind
	event  []byte // the whole sample
	outer  object // the event of a call, or the record of a stream, if it is an object
	inner  object // the part of outer in which identifiers are set
	member string // its name; none if inner is outer itself, or there is nothing to set
}

// parse tells from a sample event what a function is sent.
func parse(event []byte) (*template, error) {
	t := &template{kind: Event, event: event}
	if len(event) == 0 {
		return nil, errors.New("it is empty")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(event, &whole); err != nil {
		return nil, err
	}
	var outer object
	if json.Unmarshal(event, &outer) != nil {
		return t, nil // any JSON may be an event
	}
	t.outer = outer

	var records []object
	if json.Unmarshal(outer["Records"], &records) == nil && len(records) > 0 {
		switch text(records[0], "eventSource") {
		case "aws:kinesis":
			return t.of(Kinesis, records[0], "kinesis")
		case "aws:dynamodb":
			return t.of(DynamoDB, records[0], "dynamodb")
		}
	}
	var gateway object // a load balancer has a requestContext too, but no requestId
	if json.Unmarshal(outer["requestContext"], &gateway) == nil && gateway != nil && gateway["elb"] == nil {
		return t.of(API, outer, "requestContext")
	}
	return t, nil
}

// of completes a template whose identifiers are in a member of outer.
func (t *template) of(kind Kind, outer object, member string) (*template, error) {
	t.kind, t.outer, t.member = kind, outer, member
	if json.Unmarshal(outer[member], &t.inner) != nil || t.inner == nil {
		return nil, fmt.Errorf("the first of its %s records has no %s", text(outer, "eventSource"), member)
	}
	return t, nil
}

// text is a member that is a string, or nothing.
func text(o object, member string) string {
	var s string
	_ = json.Unmarshal(o[member], &s)
	return s
}

// eventBridge says whether the sample has the members that all EventBridge
// events have.
//
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
func (t *template) eventBridge() bool {
	return text(t.outer, "id") != "" && text(t.outer, "detail-type") != "" && text(t.outer, "source") != ""
}

// call is the event of a call with the given identifier.
func (t *template) call(id string) []byte {
	switch {
	case t.kind == API:
		return t.with(nil, map[string]any{"requestId": id})
	case t.eventBridge():
		return t.with(map[string]any{"id": id}, nil)
	}
	return t.event
}

// record is the nth record of a shard. A shard's sequence numbers begin with
// the moment at which the stream began, so that no two runs have the same.
//
// https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
func (t *template) record(began time.Time, shard, n int, arrived time.Time) record {
	var r record
	switch t.kind {
	case Kinesis:
		r.number = fmt.Sprintf("49%020d%04d%030d", began.UnixNano(), shard, n) // 56 digits, as AWS's
		r.json = t.with(map[string]any{
			"eventID": fmt.Sprintf("shardId-%012d:%s", shard, r.number),
		}, map[string]any{
			"sequenceNumber":              r.number,
			"partitionKey":                fmt.Sprintf("%s-%d", text(t.inner, "partitionKey"), shard), // a key is in one shard
			"approximateArrivalTimestamp": json.Number(fmt.Sprintf("%d.%03d", arrived.Unix(), arrived.Nanosecond()/1e6)),
		})
	case DynamoDB:
		r.number = fmt.Sprintf("%d%04d%010d", began.UnixNano(), shard, n) // AWS's have 21 to 40 digits
		id := uuid.New()
		r.json = t.with(map[string]any{
			"eventID": hex.EncodeToString(id[:]),
		}, map[string]any{
			"SequenceNumber":              r.number,
			"ApproximateCreationDateTime": arrived.Unix(),
		})
	}
	r.arrived = arrived
	return r
}

// with is the event or record with some members set.
func (t *template) with(outer, inner map[string]any) []byte {
	if inner != nil {
		outer = merge(nil, outer)
		outer[t.member] = merge(t.inner, inner)
	}
	event, err := json.Marshal(merge(t.outer, outer))
	if err != nil {
		panic(err) // not reached: all parts have been JSON
	}
	return event
}

// merge is an object with some members set.
func merge(o object, set map[string]any) map[string]any {
	merged := make(map[string]any, len(o)+len(set))
	for name, value := range o {
		merged[name] = value
	}
	maps.Copy(merged, set)
	return merged
}
