package emulator

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"example.com/dualboot/magefiles/internal/emulator/runner"
)

// CloudOptions configures a [Cloud].
type CloudOptions struct {
	// Options are those of each server; Account and Region are those of
	// [Cloud.Home], and Addr is the address of the cloud.
	Options

	// Regions are enabled in each account, besides the region of the home and
	// us-east-1, where AWS's global services are. In other regions no key counts.
	Regions []string

	// Roles are the ARNs of the roles that every caller may assume. Their accounts
	// exist.
	Roles []string

	// Deny, if not nil, reports whether an account denies an operation in a region:
	// AccessDenied.
	Deny func(account, region, operation string) bool
}

// Cloud is several accounts and regions of AWS behind one endpoint. Each pair has a
// [Server], which begins empty. A request is for the account of its access key, and
// for the region that it is signed for. Its methods may be called concurrently.
type Cloud struct {
	options CloudOptions
	keys    *keyring
	url     string
	http    *http.Server

	mu      sync.Mutex
	servers map[place]*Server
}

type place struct{ account, region string }

// StartCloud starts a cloud. It listens when StartCloud returns, until [Cloud.Close].
func StartCloud(options CloudOptions) (*Cloud, error) {
	defaults, err := options.Options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("starting the emulator: %w", err)
	}
	options.Options = defaults
	options.Regions = append(slices.Clone(options.Regions), defaults.Region, globalRegion)
	slices.Sort(options.Regions)
	options.Regions = slices.Compact(options.Regions)
	c := &Cloud{options: options, keys: newKeyring(), servers: map[place]*Server{}}
	listener, err := net.Listen("tcp", defaults.Addr)
	if err != nil {
		return nil, fmt.Errorf("starting the emulator: %w", err)
	}
	c.url = "http://" + listener.Addr().String()
	c.http = newHTTPServer(c)
	go c.http.Serve(listener)
	return c, nil
}

// Server returns the server of an account and region. Its credentials count in all
// regions of the account that are enabled.
func (c *Cloud) Server(account, region string) (*Server, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.servers[place{account, region}]; s != nil {
		return s, nil
	}
	options := c.options.Options
	options.Account, options.Region, options.cloud, options.keys = account, region, c, c.keys
	if !slices.Contains(c.options.Regions, region) {
		options.keys = newKeyring()
	}
	s, err := newServer(options)
	if err != nil {
		return nil, err
	}
	s.url = c.url
	if s.host, err = runner.NewHost(s.dir, s.options.init, s.options.Logs); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	c.servers[place{account, region}] = s
	return s, nil
}

// Home returns the server of the account and region of the options.
func (c *Cloud) Home() (*Server, error) {
	return c.Server(c.options.Account, c.options.Region)
}

// Calls returns the number of API requests by operation, as [Server.Calls], of all
// servers together.
func (c *Cloud) Calls() map[string]int {
	calls := map[string]int{}
	for _, s := range c.all() {
		for operation, n := range s.Calls() {
			calls[operation] += n
		}
	}
	return calls
}

// Close closes the cloud and its servers. See [Server.Close].
func (c *Cloud) Close() error {
	errs := []error{c.http.Close()}
	for _, s := range c.all() {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (c *Cloud) all() []*Server {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Server
	for _, s := range c.servers {
		all = append(all, s)
	}
	return all
}

// ServeHTTP passes a request to the server that it is for.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, err := c.find(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.handler().ServeHTTP(w, r)
}

// find returns the server that a request is for. The home refuses requests without
// a known key.
func (c *Cloud) find(r *http.Request) (*Server, error) {
	if token, ok := strings.CutPrefix(r.URL.Path, downloadPath); ok {
		for _, s := range c.all() {
			if s.offers(token) {
				return s, nil
			}
		}
		return c.Home()
	}
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	parts := strings.SplitN(scope, "/", 4) // key, date, region, and the rest
	if len(parts) < 4 || c.keys.find(parts[0]).account == "" || !regionName.MatchString(parts[2]) {
		return c.Home()
	}
	return c.Server(c.keys.find(parts[0]).account, parts[2])
}

// assumable reports whether a role can be assumed.
func (c *Cloud) assumable(role string) bool {
	return c != nil && slices.Contains(c.options.Roles, role)
}

// denies reports whether the account of a server denies an operation in its region.
func (c *Cloud) denies(s *Server, operation string) bool {
	return c != nil && c.options.Deny != nil && c.options.Deny(s.options.Account, s.options.Region, operation)
}

// accountService is AWS Account Management, whose errors are like Lambda's.
var accountService = service{"account", lambdaService.failed}

type listRegionsRequest struct {
	MaxResults              *int
	NextToken               *string
	RegionOptStatusContains []string
}

// listRegions returns the regions that are enabled. It refuses to list others.
//
// https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
func (s *Server) listRegions(_ *call, r *listRegionsRequest) (reply, error) {
	const enabled = "ENABLED"
	if !slices.Contains(r.RegionOptStatusContains, enabled) {
		return reply{}, notImplemented("ListRegions without the status ENABLED")
	}
	names := []string{s.options.Region}
	if s.cloud != nil {
		names = s.cloud.options.Regions
	}
	type region struct{ RegionName, RegionOptStatus string }
	var answer struct{ Regions []region }
	for _, name := range names {
		answer.Regions = append(answer.Regions, region{name, enabled})
	}
	return jsonReply(http.StatusOK, answer)
}
