package awsclient

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/account/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// sessionName names the sessions of roles that are assumed, for AWS CloudTrail.
const sessionName = "dualboot"

// In returns a client for another region of the account, with quotas of its own. The
// calls count as calls of c.
func (c *Client) In(region string) *Client {
	cfg := c.base
	cfg.Region = region
	return c.derive(cfg, fmt.Sprintf("the region may not be enabled in account %s; otherwise: %s", c.Account, cmp.Or(c.explainer.renewal, ofMachine)))
}

// Assume returns a client for another account in the same region, with a session of
// a role there. The calls count as calls of c. It fails if AWS refuses the session,
// or if it belongs to another account.
func (c *Client) Assume(ctx context.Context, accountID, role string) (*Client, error) {
	caller, err := arn.Parse(c.ARN)
	if err != nil {
		return nil, fmt.Errorf("the caller %q has no ARN: %w", c.ARN, err)
	}
	role = fmt.Sprintf("arn:%s:iam::%s:role/%s", caller.Partition, accountID, role)
	provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(c.Config), role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName
	})
	cfg := c.base
	cfg.Credentials = aws.NewCredentialsCache(provider)
	limited, cancel := context.WithTimeout(ctx, retrieving)
	defer cancel()
	if _, err := cfg.Credentials.Retrieve(limited); err != nil {
		return nil, fmt.Errorf("assuming %s: %w", role, Explain(err, "the role must exist and trust the caller"))
	}
	other := c.derive(cfg, fmt.Sprintf("the session of %s is not valid; run the command again", role))
	identity, err := sts.NewFromConfig(other.Config).GetCallerIdentity(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("calling GetCallerIdentity as %s: %w", role, Explain(err, ""))
	}
	other.Account, other.ARN = aws.ToString(identity.Account), aws.ToString(identity.Arn)
	if other.Account != accountID {
		return nil, fmt.Errorf("the session of %s belongs to account %s", role, other.Account)
	}
	return other, nil
}

// derive returns a client of the same account with another configuration.
func (c *Client) derive(cfg aws.Config, renewal string) *Client {
	e := c.explainer
	e.renewal, e.region = renewal, cfg.Region
	if cfg.Region != c.base.Region {
		e.regionSource = "-regions"
	}
	other := &Client{Account: c.Account, ARN: c.ARN, base: cfg, rate: c.rate, calls: c.calls, explainer: e}
	other.connect()
	return other
}

// Regions returns the regions that are enabled in the account, sorted. The
// credentials need account:ListRegions.
//
// https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html
func (c *Client) Regions(ctx context.Context) ([]string, error) {
	pages := account.NewListRegionsPaginator(account.NewFromConfig(c.Config), &account.ListRegionsInput{
		RegionOptStatusContains: []types.RegionOptStatus{types.RegionOptStatusEnabled, types.RegionOptStatusEnabledByDefault},
	})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the regions that are enabled: %w", Explain(err, ""))
		}
		for _, r := range page.Regions {
			names = append(names, aws.ToString(r.RegionName))
		}
	}
	slices.Sort(names)
	return names, nil
}
