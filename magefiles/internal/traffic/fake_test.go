package traffic_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/traffic"
)

// fake is a function that notes what it is sent. It is called one invocation
// after another unless takes says how long each takes.
type fake struct {
	answer func(n int, event []byte) (*lambda.InvokeOutput, error) // nil answers {}
	takes  func(n int) time.Duration

	mu    sync.Mutex
	start time.Time
	calls []invocation
	busy  int
	most  int // busy at once
}

type invocation struct {
	function string
	at       time.Duration // since the fake was made
	event    []byte
}

func newFake() *fake { return &fake{start: time.Now()} }

func (f *fake) Invoke(ctx context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	f.mu.Lock()
	n := len(f.calls)
	f.calls = append(f.calls, invocation{aws.ToString(in.FunctionName), time.Since(f.start), in.Payload})
	f.busy++
	f.most = max(f.most, f.busy)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.busy--
		f.mu.Unlock()
	}()
	if f.takes != nil {
		select {
		case <-time.After(f.takes(n)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if f.answer == nil {
		return ok(`{}`)
	}
	return f.answer(n, in.Payload)
}

// seen is what was sent so far.
func (f *fake) seen() []invocation {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[:len(f.calls):len(f.calls)]
}

func ok(payload string) (*lambda.InvokeOutput, error) {
	return &lambda.InvokeOutput{StatusCode: 200, Payload: []byte(payload)}, nil
}

// functionError is how the invocation of a function ends that has no bootstrap.
func functionError() (*lambda.InvokeOutput, error) {
	return &lambda.InvokeOutput{
		StatusCode:    200,
		FunctionError: aws.String("Unhandled"),
		Payload:       []byte(`{"errorMessage":"Couldn't find valid bootstrap(s)","errorType":"Runtime.InvalidEntrypoint"}`),
	}, nil
}

func throttled() (*lambda.InvokeOutput, error) {
	return nil, &types.TooManyRequestsException{Message: aws.String("Rate Exceeded.")}
}

// sample is the sample event of one of the repository's functions.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	event, err := os.ReadFile("../../functions/" + name + "/testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// start starts traffic of one function, f, and stops it with the test.
func start(t *testing.T, invoker traffic.Invoker, event []byte, o traffic.Options) *traffic.Traffic {
	t.Helper()
	tr, err := traffic.Start(t.Context(), invoker, []traffic.Source{{Function: "f", Event: event}}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Stop() })
	return tr
}

// records are the records of a Kinesis event.
func records(t testing.TB, event []byte) []events.KinesisEventRecord {
	t.Helper()
	var e events.KinesisEvent
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatalf("%v in %s", err, event)
	}
	return e.Records
}

// shardOf is the shard that a Kinesis record is of, by its eventID.
func shardOf(t testing.TB, r events.KinesisEventRecord) (shard int) {
	t.Helper()
	var number string
	if _, err := fmt.Sscanf(r.EventID, "shardId-%012d:%s", &shard, &number); err != nil || number != r.Kinesis.SequenceNumber {
		t.Fatalf("event id %q of record %s", r.EventID, r.Kinesis.SequenceNumber)
	}
	return shard
}

// failed is a response that reports records as failed.
func failed(numbers ...string) (*lambda.InvokeOutput, error) {
	response := events.KinesisEventResponse{}
	for _, n := range numbers {
		response.BatchItemFailures = append(response.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: n})
	}
	payload, _ := json.Marshal(response)
	return ok(string(payload))
}
