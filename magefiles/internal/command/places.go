package command

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"example.com/dualboot/magefiles/internal/audit"
	"example.com/dualboot/magefiles/internal/awsclient"
)

// Places are accounts and regions besides those of an environment, as on the command
// line. Without any, a command is about the environment's account and region.
type Places struct {
	Regions  *string // comma-separated, or "all" that are enabled in each account
	Accounts *string // comma-separated
	Role     *string // name of the role to assume in the accounts
}

// atOnce is how many accounts and regions are read at the same time. Each has quotas
// of its own.
const atOnce = 32

// allRegions is the value of -regions for those that are enabled.
const allRegions = "all"

// places are parsed [Places].
type places struct {
	regions  []string // nil: that of the environment
	all      bool     // all regions
	accounts []string // nil: that of the environment
	role     string
}

// several reports whether a command is about more than an environment's account and
// region.
func (p *places) several() bool { return p.all || p.regions != nil || p.accounts != nil }

var (
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
	roleName   = regexp.MustCompile(`^[\w+=,.@/-]+$`) // with a path
)

// parse returns the places, or an error that says what to pass instead.
func (p Places) parse() (*places, error) {
	parsed := &places{}
	var err error
	if p.Regions != nil && *p.Regions == allRegions {
		parsed.all = true
	} else if parsed.regions, err = list("-regions", p.Regions, regionName, "regions, such as eu-west-1, or all"); err != nil {
		return nil, err
	}
	if parsed.accounts, err = list("-accounts", p.Accounts, accountID, "IDs of accounts, twelve digits each"); err != nil {
		return nil, err
	}
	switch {
	case p.Role != nil && !roleName.MatchString(*p.Role):
		return nil, fmt.Errorf("-role is %q; pass the name of the role, with its path but without its ARN", *p.Role)
	case p.Role == nil && parsed.accounts != nil:
		return nil, errors.New("-accounts needs -role=NAME, a role in each account that you may assume")
	case p.Role != nil && parsed.accounts == nil:
		return nil, errors.New(`-role needs -accounts=ID,ID; those of your organization are the output of: aws organizations list-accounts --query "join(',', Accounts[?State=='ACTIVE'].Id)" --output text`)
	case p.Role != nil:
		parsed.role = strings.Trim(*p.Role, "/")
	}
	return parsed, nil
}

// list returns the different values of a flag, which may not be empty, or nil
// without the flag.
func list(flag string, value *string, pattern *regexp.Regexp, what string) ([]string, error) {
	if value == nil {
		return nil, nil
	}
	names := strings.Split(*value, ",")
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if !pattern.MatchString(names[i]) {
			return nil, fmt.Errorf("%s has %q; pass %s, comma-separated", flag, name, what)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// clients returns a client for each account and region, and what cannot be reached.
// In the caller's own account it assumes no role.
func (s *session) clients(ctx context.Context, p *places) (clients []*awsclient.Client, unread []audit.Unread) {
	accounts := p.accounts
	if accounts == nil {
		accounts = []string{s.client.Account}
	}
	connecting := s.UI.Stage("connecting", "account", len(accounts))
	defer connecting.End()
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, account := range accounts {
		group.Go(func() error {
			defer connecting.Done()
			some, err := s.clientsOf(ctx, p, account)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				unread = append(unread, audit.Unread{Account: account, Error: err.Error()})
			}
			clients = append(clients, some...)
			return nil
		})
	}
	_ = group.Wait() // errors are in unread
	return clients, unread
}

// clientsOf returns a client for each region of an account.
func (s *session) clientsOf(ctx context.Context, p *places, account string) (clients []*awsclient.Client, err error) {
	client := s.client
	if account != client.Account {
		if client, err = client.Assume(ctx, account, p.role); err != nil {
			return nil, err
		}
	}
	regions := p.regions
	switch {
	case p.all:
		if regions, err = client.Regions(ctx); err != nil {
			return nil, fmt.Errorf("%w; or name the regions, as in -regions=eu-west-1,us-east-1", err)
		}
	case regions == nil:
		regions = []string{client.Config.Region}
	}
	for _, region := range regions {
		if region == client.Config.Region {
			clients = append(clients, client)
		} else {
			clients = append(clients, client.In(region))
		}
	}
	return clients, nil
}
