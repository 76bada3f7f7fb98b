package traffic

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

// sent returns the events that a function receives in a second.
func sent(t *testing.T, event []byte) (all [][]byte) {
	t.Helper()
	f := newFake()
	tr := start(t, f.config(), event, Options{shards: 3})
	time.Sleep(990 * time.Millisecond)
	tr.Stop()
	for _, c := range f.seen() {
		all = append(all, c.event)
	}
	if len(all) != 10 {
		t.Fatalf("%d events", len(all))
	}
	return all
}

// decode decodes JSON.
func decode[T any](t *testing.T, text []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func TestKinesisRecords(t *testing.T) {
	event := sampleEvent(t, "order-stream")
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		last := map[int]string{}
		for i, text := range sent(t, event) {
			r := decode[events.KinesisEvent](t, text).Records[0]
			if shard := shardOf(t, r); shard != i%3 || r.Kinesis.SequenceNumber <= last[shard] || len(r.Kinesis.SequenceNumber) != 56 {
				t.Errorf("record %d: %+v after %s", i, r, last[shard])
			}
			last[i%3] = r.Kinesis.SequenceNumber
			if want := []string{"customer-1041-0", "customer-1041-1", "customer-1041-2"}[i%3]; r.Kinesis.PartitionKey != want {
				t.Errorf("partition key %q", r.Kinesis.PartitionKey)
			}
			if at := r.Kinesis.ApproximateArrivalTimestamp.Sub(began); (at - time.Duration(i)*100*time.Millisecond).Abs() > time.Millisecond {
				t.Errorf("record %d arrived after %s", i, at)
			}

			// The rest equals the sample.
			want := decode[events.KinesisEvent](t, event).Records[0]
			want.EventID = r.EventID
			want.Kinesis.SequenceNumber, want.Kinesis.PartitionKey = r.Kinesis.SequenceNumber, r.Kinesis.PartitionKey
			want.Kinesis.ApproximateArrivalTimestamp = r.Kinesis.ApproximateArrivalTimestamp
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("record %d: %s", i, diff)
			}
		}
	})
}

func TestDynamoDBRecords(t *testing.T) {
	event := sampleEvent(t, "inventory-table")
	type record = map[string]any
	type stream struct{ Records []record }
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		last, ids := map[int]string{}, map[any]bool{}
		for i, text := range sent(t, event) {
			r := decode[stream](t, text).Records[0]
			change := r["dynamodb"].(record)
			number := change["SequenceNumber"].(string)
			if number <= last[i%3] || len(number) < 21 || len(number) > 40 {
				t.Errorf("number %s after %s", number, last[i%3])
			}
			last[i%3] = number
			ids[r["eventID"]] = true
			if at := change["ApproximateCreationDateTime"]; at != float64(began.Unix()) {
				t.Errorf("created at %v", at)
			}

			want := decode[stream](t, event).Records[0]
			want["eventID"] = r["eventID"]
			change = want["dynamodb"].(record)
			change["SequenceNumber"], change["ApproximateCreationDateTime"] = number, float64(began.Unix())
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("record %d: %s", i, diff)
			}
		}
		if len(ids) != 10 {
			t.Errorf("the event IDs are not unique: %v", ids)
		}
	})
}

// TestCalls checks that events equal the sample except for their ID.
func TestCalls(t *testing.T) {
	for name, test := range map[string]struct {
		event string
		id    []string // path of the ID
	}{
		"API Gateway":          {string(sampleEvent(t, "example-api")), []string{"requestContext", "requestId"}},
		"API Gateway, minimal": {`{"requestContext":{}}`, []string{"requestContext", "requestId"}},
		"EventBridge":          {string(sampleEvent(t, "nightly-report")), []string{"id"}},
		"load balancer":        {`{"requestContext":{"elb":{"targetGroupArn":"arn"}},"body":"<&>"}`, nil},
		"queue":                {`{"Records":[{"eventSource":"aws:sqs","messageId":"1"}]}`, nil},
		"topic":                {`{"Records":[{"EventSource":"aws:sns"}]}`, nil},
		"other records":        {`{"Records":[1,2]}`, nil},
		"no records":           {`{"Records":[]}`, nil},
		"other id":             {`{"id":"x","n":12345678901234567890}`, nil},
		"list":                 {`[1,2]`, nil},
		"null":                 {`null`, nil},
		"text":                 {`"hello"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ids := map[string]bool{}
				for _, text := range sent(t, []byte(test.event)) {
					if test.id == nil {
						if string(text) != test.event {
							t.Fatalf("%s was sent for %s", text, test.event)
						}
						continue
					}
					got, want := decode[map[string]any](t, text), decode[map[string]any](t, []byte(test.event))
					from, to := got, want
					for _, member := range test.id[:len(test.id)-1] {
						from, to = from[member].(map[string]any), to[member].(map[string]any)
					}
					member := test.id[len(test.id)-1]
					ids[from[member].(string)] = true
					to[member] = from[member]
					if diff := cmp.Diff(want, got); diff != "" {
						t.Error(diff)
					}
				}
				if test.id != nil && len(ids) != 10 {
					t.Errorf("the IDs are not unique: %v", ids)
				}
			})
		})
	}
}

// TestTurns checks that the samples of a source take turns.
func TestTurns(t *testing.T) {
	for name, test := range map[string]struct {
		events []string
		want   string // the first letter of a member in each event
	}{
		"calls":   {[]string{`{"x":"a"}`, `{"x":"b"}`, `[{"x":"c"}]`}, "abcabcabca"},
		"records": {[]string{`{"Records":[{"eventSource":"aws:kinesis","x":"a","kinesis":{}}]}`, `{"Records":[{"eventSource":"aws:kinesis","x":"b","kinesis":{}}]}`}, "ababababab"},
	} {
		t.Run(name, func(t *testing.T) {
			var events [][]byte
			for _, event := range test.events {
				events = append(events, []byte(event))
			}
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				tr, err := Start(t.Context(), f.config(), []Source{{Function: "f", Events: events}}, Options{shards: 3})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(990 * time.Millisecond)
				tr.Stop()
				got := ""
				for _, c := range f.seen() {
					_, after, _ := strings.Cut(string(c.event), `"x":"`)
					got += after[:1]
				}
				if got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
			})
		})
	}
}

func TestBadEvents(t *testing.T) {
	sources := []Source{{Function: "good", Events: [][]byte{[]byte(`{}`)}}}
	for function, event := range map[string]string{
		"empty":         ``,
		"broken":        `{"Records":[`,
		"two":           `{} {}`,
		"bare-kinesis":  `{"Records":[{"eventSource":"aws:kinesis"}]}`,
		"null-kinesis":  `{"Records":[{"eventSource":"aws:kinesis","kinesis":null}]}`,
		"bare-dynamodb": `{"Records":[{"eventSource":"aws:dynamodb","dynamodb":"x"}]}`,
	} {
		sources = append(sources, Source{Function: function, Events: [][]byte{[]byte(event)}})
	}
	sources = append(sources, Source{Function: "none"},
		Source{Function: "mixed", Events: [][]byte{[]byte(`{}`), []byte(`{"Records":[{"eventSource":"aws:kinesis","kinesis":{}}]}`)}})
	f := newFake()
	_, err := Start(t.Context(), f.config(), sources, Options{})
	if err == nil {
		t.Fatal("bad events were accepted")
	}
	for _, s := range sources {
		if named := strings.Contains(err.Error(), `"`+s.Function+`"`); named != (s.Function != "good") {
			t.Errorf("%s is named: %t\n%v", s.Function, named, err)
		}
	}
	if len(f.seen()) != 0 {
		t.Error("something was sent")
	}
}
