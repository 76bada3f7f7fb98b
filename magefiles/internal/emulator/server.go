// Package emulator is a stand-in for AWS Lambda on loopback that really runs
// the deployed binaries.
//
// It speaks enough of Lambda's REST API, of STS's GetCallerIdentity and of
// CloudWatch's GetMetricData for the AWS SDKs and the AWS CLI to work against it
// unchanged through AWS_ENDPOINT_URL. A deployed zip is unpacked, and an
// invocation starts what the function's runtime would start: for go1.x the file
// that Handler names, spoken to over net/rpc; for provided.* the file bootstrap,
// which polls the Runtime API. Everything that a migration between the two
// depends on is played for real: previous code serves while an update is
// InProgress, revisions go stale, a package without the right binary fails with
// Lambda's own errors, published versions stay as they are and aliases lead to
// them.
//
// # The window
//
// AWS says of a finished update that for "a brief window, typically less than a
// minute" requests may be served by either version. How long that is, which
// version a request meets and whether code and configuration can come from
// different versions, it does not say. With [Options.Window] and [Options.Mixed]
// the emulator plays this as badly as the words allow: both versions do serve,
// in turn, and what could go wrong does, each time alike. This is a pessimistic
// model to test a migration against, not a claim about AWS.
//
// https://aws.amazon.com/lambda/faqs/
//
// # Metrics
//
// GetMetricData answers from what was really served, a minute at a time:
// Invocations, Errors, Throttles, Duration and IteratorAge of AWS/Lambda, by
// function, by function and resource, or across all functions. Each attempt at
// an invocation that reached the function counts at once, in the minute that it
// was received; what the API refused does not. There are the statistics Sum,
// Average, Minimum, Maximum and SampleCount, and no expressions. Metrics
// outlive their function.
//
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
//
// # What differs from AWS
//
//   - Functions on go1.x can be created. AWS blocks that since February 2024;
//     here a fleet must be set up as it stood before its migration. Runtimes that
//     take no updates either are a setting: [Options.Blocked].
//   - Event source mappings are configuration only: nothing is polled. Events
//     come by Invoke, and one whose last record is of the stream of an enabled
//     mapping counts for IteratorAge.
//   - Metrics other than these five are empty, as unknown ones are on AWS.
//   - Functions on other runtimes and container images can be created, not invoked.
//   - There are no layers, VPCs, permissions or provisioned concurrency. A
//     request that names one is refused, not ignored.
//   - Calls have no quotas unless [Options.Quotas] sets them.
//   - An alias with two versions sends invocations to them in a fixed order, not
//     by chance.
//   - Functions are processes of the current user, not sandboxes: run only code
//     that you would run yourself.
//
// Where AWS does not document a behaviour, the comment at the place says that
// it is an assumption.
package emulator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Server is a running emulator. Its methods may be called concurrently.
type Server struct {
	options     Options
	limits      limits
	credentials aws.Credentials
	verifier    *verifier
	url         string
	dir         string // holds everything on disk, removed at the end

	http       *http.Server
	runtimeAPI *runtimeAPI
	processes  *supervisor
	packages   *packages
	locations  *locations
	ports      *ports
	logs       *lineWriter
	metrics    *metrics
	quotas     quotas

	ctx  context.Context // ends when the server closes
	stop context.CancelFunc
	work sync.WaitGroup // requests, events and updates under way

	closing sync.Once
	closed  error // what closing came to

	mu        sync.Mutex
	stopped   bool // no more work may begin
	functions map[string]*function
	mappings  map[string]eventSourceMapping // by UUID
	blocked   map[string]bool               // runtimes that take no updates
	calls     map[string]int
	throttled int // of the calls

	telling sync.Mutex   // held while OnServe is called
	untold  []Deployment // what OnServe is yet to hear, oldest first; guarded by mu
}

// Start starts a server. It listens once Start returns, until [Server.Close].
func Start(options Options) (*Server, error) {
	s, err := start(options, awsLimits())
	if err != nil {
		return nil, fmt.Errorf("starting the emulator: %w", err)
	}
	return s, nil
}

func start(options Options, limits limits) (_ *Server, err error) {
	options, err = options.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		options:     options,
		limits:      limits,
		credentials: randomCredentials(),
		ports:       newPorts(),
		locations:   newLocations(),
		logs:        &lineWriter{w: options.Logs},
		metrics:     newMetrics(),
		quotas:      newQuotas(options.Quotas),
		functions:   map[string]*function{},
		mappings:    map[string]eventSourceMapping{},
		blocked:     map[string]bool{},
		calls:       map[string]int{},
	}
	s.verifier = newVerifier(s.credentials, options.Region)
	s.ctx, s.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			s.Close()
		}
	}()

	if err := s.Block(options.Blocked...); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "dualboot-emulator-"); err != nil {
		return nil, err
	}
	s.packages = newPackages(s.dir)
	if s.processes, err = newSupervisor(s.dir); err != nil {
		return nil, err
	}
	if s.runtimeAPI, err = newRuntimeAPI(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", options.Addr)
	if err != nil {
		return nil, err
	}
	s.url = "http://" + listener.Addr().String()
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(listener)
	return s, nil
}

// URL is the endpoint, for AWS_ENDPOINT_URL: http://, a loopback address and a port.
func (s *Server) URL() string { return s.url }

// Region is the AWS region that the server plays.
func (s *Server) Region() string { return s.options.Region }

// Account is the AWS account that owns the functions.
func (s *Server) Account() string { return s.options.Account }

// Credentials are the only ones that the server accepts, made up for this run.
func (s *Server) Credentials() aws.Credentials { return s.credentials }

// Config is ready for lambda.NewFromConfig and sts.NewFromConfig.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region:       s.options.Region,
		Credentials:  credentials.StaticCredentialsProvider{Value: s.credentials},
		BaseEndpoint: aws.String(s.url),
	}
}

// Environment is the same for a process: variables, as NAME=value, that lead
// every AWS tool to the server.
func (s *Server) Environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.url,
		"AWS_REGION=" + s.options.Region,
		"AWS_DEFAULT_REGION=" + s.options.Region,
		"AWS_ACCESS_KEY_ID=" + s.credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + s.credentials.SecretAccessKey,
	}
}

// Calls counts the API requests received so far, refused ones included, by
// operation, such as "GetFunction". Requests for what the server does not know
// count as "Unknown".
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Throttled counts the API requests that were refused for [Options.Quotas].
func (s *Server) Throttled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.throttled
}

// Close stops serving, kills every function process with its children, waits
// for what was under way and removes everything from disk. Further calls
// return what the first one did.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

func (s *Server) close() error {
	s.mu.Lock()
	s.stopped = true
	for _, f := range s.functions {
		s.endWindow(f)
	}
	s.mu.Unlock()
	s.stop()

	var errs []error
	if s.http != nil {
		errs = append(errs, s.http.Close())
	}
	if s.processes != nil {
		s.processes.killAll()
	}
	if s.runtimeAPI != nil {
		errs = append(errs, s.runtimeAPI.close())
	}
	s.work.Wait()
	if s.dir != "" {
		errs = append(errs, removeTree(s.dir))
	}
	if s.processes != nil {
		errs = append(errs, s.processes.close())
	}
	return errors.Join(errs...)
}

// begin announces work that Close must wait for; end it with s.work.Done.
// It answers false once the server is closing.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.work.Add(1)
	return true
}

// randomCredentials have the shape of a user's access key.
func randomCredentials() aws.Credentials {
	secret := make([]byte, 30)
	rand.Read(secret)
	return aws.Credentials{
		AccessKeyID:     "AKIA" + rand.Text()[:16],
		SecretAccessKey: base64.StdEncoding.EncodeToString(secret),
		Source:          "emulator",
	}
}
