// Package lambdatest keeps AWS Lambda's control plane in memory, for unit tests.
// It answers the requests of the real SDK without a socket, so that tests can run
// in the bubbles of testing/synctest. It unpacks and invokes nothing: tests that
// need real requests, serving versions or invocations use the emulator.
package lambdatest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/time/rate"
)

// Operation is what a request asks for, as the log shows it.
type Operation string

const (
	Get       Operation = "get"        // GetFunction
	Code      Operation = "code"       // UpdateFunctionCode
	Config    Operation = "config"     // UpdateFunctionConfiguration
	GetConfig Operation = "get-config" // GetFunctionConfiguration
	List      Operation = "list"       // ListFunctions
	Invoke    Operation = "invoke"     // Invoke
	Zip       Operation = "zip"        // the download of a deployed zip
)

// Call is one request that has arrived.
type Call struct {
	At        time.Duration // since New or Reset
	Operation Operation
	Function  string // or the CodeSha256, of Zip
}

// String returns the call as tests list it: "61s config a".
func (c Call) String() string {
	return strings.TrimSpace(fmt.Sprintf("%gs %s %s", c.At.Seconds(), c.Operation, c.Function))
}

// Error is an answer other than 200.
type Error struct {
	Status  int
	Code    string // an exception, or "" for none
	Message string
}

// Lambda is the Lambda of one account and region. Its methods may be called from
// many goroutines. The fields may change only while no request is under way.
type Lambda struct {
	// UpdateTime is how long an update is in progress; 900 ms from New. With a
	// negative time it never ends.
	UpdateTime time.Duration
	// Latency is how long a request and its answer take each, and Upload how much
	// longer an UpdateFunctionCode request takes.
	Latency, Upload time.Duration
	// Stale is how many times GetFunction still shows the function as it was before
	// an update.
	Stale int
	// Reads is the quota of GetFunction, and Writes the quota of all other
	// control-plane calls together. Calls beyond it are throttled. nil is no quota.
	Reads, Writes *rate.Limiter
	// Objects are the CodeSha256 of zips in S3 by BUCKET/KEY.
	Objects map[string]string
	// Before, if not nil, is called before each request is served. It may change
	// functions. An error that it returns becomes the answer.
	Before func(Call) *Error

	mu        sync.Mutex
	start     time.Time
	functions map[string]*function
	zips      map[string][]byte // by CodeSha256
	calls     []Call
	throttled int
}

type function struct {
	config    types.FunctionConfiguration
	revisions int
	failing   bool // the next update ends Failed
	before    types.FunctionConfiguration
	stale     int // how many times it is still shown as before
}

// New returns a Lambda with functions as [Lambda.Create] makes them.
func New(names ...string) *Lambda {
	l := &Lambda{
		UpdateTime: 900 * time.Millisecond,
		start:      time.Now(),
		functions:  map[string]*function{},
		zips:       map[string][]byte{},
	}
	for _, name := range names {
		l.Create(name, nil)
	}
	return l
}

// Config returns a configuration for clients of l. It has the SDK's own retries.
func (l *Lambda) Config() aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://lambda"), HTTPClient: l,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
	}
}

// Create creates or replaces a function: active, on go1.x, handler lambda,
// CodeSha256 old, revision r0, modified now. If change is not nil, it changes
// these values.
func (l *Lambda) Create(name string, change func(*types.FunctionConfiguration)) {
	f := &function{config: types.FunctionConfiguration{
		FunctionName: &name, PackageType: types.PackageTypeZip, Runtime: types.RuntimeGo1x, Handler: aws.String("lambda"),
		Architectures: []types.Architecture{types.ArchitectureX8664}, CodeSha256: aws.String("old"), RevisionId: aws.String("r0"),
		State: types.StateActive, LastUpdateStatus: types.LastUpdateStatusSuccessful, LastModified: aws.String(lastModified()),
	}}
	if change != nil {
		change(&f.config)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.functions[name] = f
}

// Delete deletes a function.
func (l *Lambda) Delete(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.functions, name)
}

// Function returns what Lambda reports about a function, or the zero value if the
// function does not exist.
func (l *Lambda) Function(name string) types.FunctionConfiguration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.functions[name]; f != nil {
		return f.config
	}
	return types.FunctionConfiguration{}
}

// Change changes a function at once, as one revision.
func (l *Lambda) Change(name string, change func(*types.FunctionConfiguration)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.functions[name]
	change(&f.config)
	f.config.LastModified = aws.String(lastModified())
	f.revise()
}

// Tag makes a revision of a function that changes nothing else, as a tag does.
func (l *Lambda) Tag(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.functions[name].revise()
}

// Update starts an update of a function, as another client's call does.
func (l *Lambda) Update(name string, change func(*types.FunctionConfiguration)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin(l.functions[name], change)
}

// FailUpdate makes the next update of a function end Failed: InternalError, try
// later.
func (l *Lambda) FailUpdate(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.functions[name].failing = true
}

// begin starts an update. Lambda reports the new values at once. The end of the
// update is a revision of its own. The caller holds l.mu.
func (l *Lambda) begin(f *function, change func(*types.FunctionConfiguration)) {
	before := f.config
	f.before, f.stale = before, l.Stale
	change(&f.config)
	f.config.LastModified = aws.String(lastModified())
	f.config.LastUpdateStatus = types.LastUpdateStatusInProgress
	f.config.LastUpdateStatusReason, f.config.LastUpdateStatusReasonCode = nil, ""
	f.revise()
	if l.UpdateTime < 0 {
		return
	}
	time.AfterFunc(l.UpdateTime, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		f.config.LastUpdateStatus = types.LastUpdateStatusSuccessful
		if f.failing {
			f.failing, f.config = false, before
			f.config.LastUpdateStatus = types.LastUpdateStatusFailed
			f.config.LastUpdateStatusReasonCode = types.LastUpdateStatusReasonCodeInternalError
			f.config.LastUpdateStatusReason = aws.String("try later")
		}
		f.revise()
	})
}

func (f *function) revise() {
	f.revisions++
	f.config.RevisionId = aws.String(fmt.Sprint("r", f.revisions))
}

// lastModified returns the current time as Lambda writes it.
func lastModified() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000-0700") }
