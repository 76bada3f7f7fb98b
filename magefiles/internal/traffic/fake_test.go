package traffic

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// fake is an HTTP client that replies to Invoke, without a network, so that tests
// can run in a synctest bubble.
type fake struct {
	answer func(n int, event []byte) reply // nil replies {}
	takes  func(n int) time.Duration       // nil is no time

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

// reply is the reply of Lambda.
type reply struct {
	status int
	header map[string]string
	body   string
	err    error // of the connection
}

func newFake() *fake { return &fake{start: time.Now()} }

func (f *fake) config() aws.Config {
	return aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""), HTTPClient: f}
}

func (f *fake) Do(r *http.Request) (*http.Response, error) {
	event, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	function, ok := strings.CutPrefix(r.URL.Path, "/2015-03-31/functions/")
	function, ok2 := strings.CutSuffix(function, "/invocations")
	if r.Method != http.MethodPost || !ok || !ok2 {
		return nil, fmt.Errorf("%s %s is not an invocation", r.Method, r.URL)
	}
	f.mu.Lock()
	n := len(f.calls)
	f.calls = append(f.calls, invocation{function, time.Since(f.start), event})
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
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	answer := reply{status: 200, body: "{}"}
	if f.answer != nil {
		answer = f.answer(n, event)
	}
	if answer.err != nil {
		return nil, answer.err
	}
	header := http.Header{}
	for name, value := range answer.header {
		header.Set(name, value)
	}
	return &http.Response{StatusCode: answer.status, Header: header, Body: io.NopCloser(strings.NewReader(answer.body))}, nil
}

// seen returns the invocations so far.
func (f *fake) seen() []invocation {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[:len(f.calls):len(f.calls)]
}

func ok(payload string) reply { return reply{status: 200, body: payload} }

// noBootstrap is the result of a function without bootstrap.
func noBootstrap() reply {
	return reply{
		status: 200,
		header: map[string]string{"X-Amz-Function-Error": "Unhandled"},
		body:   `{"errorMessage":"Couldn't find valid bootstrap(s)","errorType":"Runtime.InvalidEntrypoint"}`,
	}
}

func throttled() reply {
	return reply{
		status: 429,
		header: map[string]string{"X-Amzn-ErrorType": "TooManyRequestsException"},
		body:   `{"message":"Rate Exceeded."}`,
	}
}

// sampleEvent returns the sample event of one of the repository's functions.
func sampleEvent(t testing.TB, name string) []byte {
	t.Helper()
	event, err := os.ReadFile("../../../functions/" + name + "/testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// start starts traffic to a function, f, until the end of the test.
func start(t *testing.T, config aws.Config, event []byte, o Options) *Traffic {
	t.Helper()
	tr, err := Start(t.Context(), config, []Source{{Function: "f", Events: [][]byte{event}}}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Stop() })
	return tr
}

// records returns the records of a Kinesis event.
func records(t testing.TB, event []byte) []events.KinesisEventRecord {
	t.Helper()
	var e events.KinesisEvent
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatalf("%v in %s", err, event)
	}
	return e.Records
}

// shardOf returns the shard of a Kinesis record by its eventID.
func shardOf(t testing.TB, r events.KinesisEventRecord) (shard int) {
	t.Helper()
	var number string
	if _, err := fmt.Sscanf(r.EventID, "shardId-%012d:%s", &shard, &number); err != nil || number != r.Kinesis.SequenceNumber {
		t.Fatalf("event ID %q of record %s", r.EventID, r.Kinesis.SequenceNumber)
	}
	return shard
}

// failed is a response that reports records as failed.
func failed(numbers ...string) reply {
	response := events.KinesisEventResponse{}
	for _, n := range numbers {
		response.BatchItemFailures = append(response.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: n})
	}
	payload, _ := json.Marshal(response)
	return ok(string(payload))
}
