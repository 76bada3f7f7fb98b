package emulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"example.com/dualboot/magefiles/internal/emulator/metrics"
	"example.com/dualboot/magefiles/internal/emulator/objects"
	"example.com/dualboot/magefiles/internal/emulator/runner"
	"example.com/dualboot/magefiles/internal/emulator/zips"
	"example.com/dualboot/magefiles/internal/lambda"
)

// Server is a running emulator. Its methods may be called concurrently.
type Server struct {
	options     Options
	credentials aws.Credentials
	keys        *keyring
	cloud       *Cloud // that the server belongs to, or nil
	verifier    *verifier
	quotas      quotas
	operations  map[string]operation
	url         string
	dir         string // holds everything on disk; Close removes it

	http     *http.Server
	host     *runner.Host
	packages *zips.Store
	foreign  *foreign
	objects  *objects.Store
	metrics  *metrics.Store

	ctx    context.Context // ends when the server closes
	stop   context.CancelFunc
	work   sync.WaitGroup // requests, events and updates in progress
	finish func() error   // closes the server once

	throttled atomic.Int64 // calls

	// mu guards the fields below and what they lead to. Methods that lock mu say
	// so; the others that use what it guards are called with mu held.
	mu        sync.Mutex
	stopped   bool // no more work may begin
	functions map[string]*function
	layers    map[string]*layer
	mappings  map[string]eventSourceMapping // by UUID
	downloads map[string]download           // by token
	calls     map[string]int

	telling sync.Mutex // orders the ends of updates with their calls of OnServe
}

// Start starts a server. It listens when Start returns, until [Server.Close].
func Start(options Options) (*Server, error) {
	s, err := newServer(options)
	if err == nil {
		if err = s.listen(); err != nil {
			err = errors.Join(err, s.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("starting the emulator: %w", err)
	}
	return s, nil
}

// NewOffline returns a server without network and processes, and the handler of
// its requests, for tests: it is faster, and works on the fake clock of
// testing/synctest. A client needs the server's Config and a transport to the
// handler, such as lambdatest.Direct. Functions cannot be invoked.
func NewOffline(options Options) (*Server, http.Handler, error) {
	s, err := newServer(options)
	if err != nil {
		return nil, nil, fmt.Errorf("starting the emulator: %w", err)
	}
	s.url = "http://emulator"
	return s, s.handler(), nil
}

// newServer returns a server without network and processes.
func newServer(options Options) (*Server, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dualboot-emulator-")
	if err != nil {
		return nil, err
	}
	s := &Server{
		options:     options,
		credentials: randomCredentials("AKIA"),
		keys:        cmp.Or(options.keys, newKeyring()),
		cloud:       options.cloud,
		quotas:      quotas{newQuota(options.Quotas.ControlPlane), newQuota(options.Quotas.GetFunction), newQuota(options.Quotas.GetMetricData)},
		operations:  lambdaOperations(),
		dir:         dir,
		packages:    cmp.Or(options.Packages, zips.NewStore(dir, lambda.MaxUnzipped)),
		metrics:     metrics.NewStore(),
		functions:   map[string]*function{},
		layers:      map[string]*layer{},
		mappings:    map[string]eventSourceMapping{},
		downloads:   map[string]download{},
		calls:       map[string]int{},
	}
	s.foreign = newForeign(options)
	if s.objects, err = objects.NewStore(dir, options.Buckets...); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	user := fmt.Sprintf("arn:%s:iam::%s:user/emulator", s.partition(), options.Account)
	s.keys.add(key{s.credentials, options.Account, user, "AIDA" + s.credentials.AccessKeyID[4:]})
	s.verifier = &verifier{s.keys, options.Account, options.Region, v4.NewSigner()}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.finish = sync.OnceValue(s.close)
	return s, nil
}

// listen starts the runner and the HTTP server.
func (s *Server) listen() (err error) {
	if s.host, err = runner.NewHost(s.dir, s.options.init, s.options.Logs); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.options.Addr)
	if err != nil {
		return err
	}
	s.url = "http://" + listener.Addr().String()
	s.http = newHTTPServer(s.handler())
	go s.http.Serve(listener)
	return nil
}

// URL returns the endpoint for AWS_ENDPOINT_URL: http://, a loopback address and
// a port.
func (s *Server) URL() string { return s.url }

// Account returns the emulated AWS account.
func (s *Server) Account() string { return s.options.Account }

// Credentials returns the credentials of a user of the account, the only ones that
// the server accepts unless it belongs to a [Cloud]. Each server generates its own.
func (s *Server) Credentials() aws.Credentials { return s.credentials }

// Config returns a configuration for the SDK's clients of Lambda, STS, CloudWatch
// and S3. A client of S3 needs UsePathStyle.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region:       s.options.Region,
		Credentials:  credentials.StaticCredentialsProvider{Value: s.credentials},
		BaseEndpoint: aws.String(s.url),
	}
}

// Environment returns the variables, as NAME=value, with which every AWS tool
// uses the server.
func (s *Server) Environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.url,
		"AWS_REGION=" + s.options.Region,
		"AWS_DEFAULT_REGION=" + s.options.Region,
		"AWS_ACCESS_KEY_ID=" + s.credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + s.credentials.SecretAccessKey,
	}
}

// Calls returns the number of API requests received so far, including refused
// ones, by operation, such as "GetFunction". Requests for operations that the
// emulator does not implement count as "Unknown".
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Throttled returns the number of API requests that exceeded [Options.Quotas].
func (s *Server) Throttled() int { return int(s.throttled.Load()) }

// Age makes the past older by a number of minutes: the metrics and the times of
// modification. With it a test of a decision by CloudWatch's minutes need not
// wait for them.
func (s *Server) Age(minutes int) {
	by := time.Duration(minutes) * time.Minute
	s.mu.Lock()
	for _, f := range s.functions {
		if t, err := time.Parse(lastModified, f.reported.LastModified); err == nil {
			f.reported.LastModified = t.Add(-by).Format(lastModified)
		}
	}
	s.mu.Unlock()
	s.metrics.Age(by)
}

// Close stops serving, kills all function processes with their children, waits
// for the work in progress and removes everything from disk. Further calls
// return the result of the first.
func (s *Server) Close() error { return s.finish() }

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
	if s.host != nil {
		s.host.Kill()
	}
	s.work.Wait()
	errs = append(errs, zips.RemoveTree(s.dir))
	if s.host != nil {
		errs = append(errs, s.host.Close())
	}
	return errors.Join(errs...)
}

// begin registers work that Close waits for; s.work.Done ends it. It reports
// false once the server is closing. It locks mu.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.work.Add(1)
	return true
}
