// Package audit finds the functions of an account and region on runtimes that AWS
// has deprecated or blocks soon, and what would still use such a runtime, or lose
// records, if $LATEST were changed. It only reads.
package audit

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

// Soon is the time before AWS blocks updates of a runtime during which functions
// on it are reported.
const Soon = 180 * 24 * time.Hour

// Client is the part of *sdk.Client that an audit uses. The credentials need
// lambda:ListFunctions, lambda:ListEventSourceMappings and lambda:ListAliases.
type Client interface {
	sdk.ListFunctionsAPIClient
	sdk.ListEventSourceMappingsAPIClient
	sdk.ListAliasesAPIClient
}

// Options are the options of [Run].
type Options struct {
	// Only selects functions by function name. The default is all.
	Only func(name string) bool

	// Account and Region are the client's.
	Account, Region string

	// Covered maps function names to the functions in lambdas.json.
	Covered map[string]*manifest.Function

	// Metrics, if not nil, estimates what arm64 would save. The credentials need
	// cloudwatch:GetMetricData. If the metrics cannot be read, there is no estimate.
	Metrics cloudwatch.GetMetricDataAPIClient

	// Listed, if not nil, is called with the number of functions and versions that
	// have been listed so far.
	Listed func(n int)
}

// Report is the result of an audit.
type Report struct {
	Findings  []Finding // sorted by FunctionName
	Functions int       // audited, including those without a finding
	Images    int       // container images; Lambda does not report their runtime
	Unknown   []string  // runtimes without a lifecycle, sorted; they are never due
	Lifecycle *lambda.Lifecycle

	Merged     bool     // it is of accounts and regions that were named: see [Merge]
	Places     []Place  // that were audited
	Unmeasured []Unread // places whose metrics could not be read
	Unread     []Unread // what could not be audited
}

// Run audits the functions of the client's account and region. It calls
// ListFunctions once for every 50 functions and versions. If it finds anything, it
// calls ListEventSourceMappings once for every 100 mappings, and ListAliases once
// for each finding that has versions or an event source for an alias. All calls
// count towards the quota of 15 control-plane calls a second; the client must
// retry throttled calls. Run returns the first error.
func Run(ctx context.Context, client Client, o Options) (*Report, error) {
	lifecycle, err := lambda.LoadLifecycle()
	if err != nil {
		return nil, err
	}
	return run(ctx, client, o, calendar{lifecycle, time.Now()})
}

func run(ctx context.Context, client Client, o Options, c calendar) (*Report, error) {
	functions, err := listFunctions(ctx, client, o)
	if err != nil {
		return nil, err
	}
	r := &Report{Functions: len(functions), Lifecycle: c.Lifecycle}
	unknown := map[string]bool{}
	var due []*function
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		f := functions[name]
		if f.latest.Runtime == "" {
			r.Images++
		}
		all := append([]types.FunctionConfiguration{f.latest}, f.versions...)
		for _, v := range all {
			if _, ok := c.Lookup(string(v.Runtime)); !ok && v.Runtime != "" {
				unknown[string(v.Runtime)] = true
			}
		}
		if slices.ContainsFunc(all, func(v types.FunctionConfiguration) bool { return c.due(v.Runtime) }) {
			due = append(due, f)
		}
	}
	r.Unknown = slices.Sorted(maps.Keys(unknown))
	if err := addPointers(ctx, client, due); err != nil {
		return nil, err
	}
	for _, f := range due {
		finding := f.finding(c, o.Covered[f.name])
		finding.Account, finding.Region = o.Account, o.Region
		r.Findings = append(r.Findings, finding)
	}
	r.Places = []Place{{o.Account, o.Region, r.Functions, len(r.Findings)}}
	if o.Metrics != nil {
		if err := addUsage(ctx, o.Metrics, r.Findings, c.today); ctx.Err() != nil {
			return nil, ctx.Err()
		} else if err != nil {
			r.Unmeasured = []Unread{{o.Account, o.Region, err.Error()}}
		}
	}
	return r, nil
}

// calendar is AWS's plan for the runtimes, seen from a day.
type calendar struct {
	*lambda.Lifecycle
	today time.Time
}

// due reports whether the runtime is deprecated, or blocked for updates soon.
func (c calendar) due(runtime types.Runtime) bool {
	r, _ := c.Lookup(string(runtime))
	return r.Due(c.today, Soon)
}

func (c calendar) dates(runtime types.Runtime) Dates {
	r, _ := c.Lookup(string(runtime))
	return Dates{c.day(r.Deprecated), c.day(r.BlockUpdate)}
}

func (c calendar) day(d lambda.Date) Day {
	if d.IsZero() {
		return Day{}
	}
	return Day{d, d.Days(c.today)}
}
