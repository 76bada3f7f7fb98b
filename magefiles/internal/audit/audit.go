// Package audit finds the functions of an account and region whose runtime AWS
// has deprecated or is soon to block, and what a change of $LATEST would leave
// behind or put at risk. It only reads.
package audit

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/lambda"
)

// DefaultWithin is how soon is soon unless the options say otherwise.
const DefaultWithin = 180 * 24 * time.Hour

// Client is what an audit needs of Lambda; *sdk.Client has it. The
// credentials need lambda:ListFunctions, lambda:ListEventSourceMappings and
// lambda:ListAliases.
type Client interface {
	sdk.ListFunctionsAPIClient
	sdk.ListEventSourceMappingsAPIClient
	sdk.ListAliasesAPIClient
}

// Options say what to look for. The zero value is an audit of all functions, as
// of now.
type Options struct {
	// Today is the day from which dates are counted; now by default.
	Today time.Time

	// Within is how far away the day may be from which AWS takes no updates, for
	// a runtime that is not deprecated to be reported; DefaultWithin by default.
	Within time.Duration

	// Only chooses functions by their name on AWS; all by default.
	Only func(name string) bool

	// Covered has the name in lambdas.json of each function that is there, by its
	// name on AWS.
	Covered map[string]string

	// Plan is AWS's plan; the one of lambda.Load by default.
	Plan *lambda.Lifecycle
}

// Report is the result of an audit.
type Report struct {
	Findings  []Finding // sorted by FunctionName
	Functions int       // how many were looked at
	Images    int       // how many of them are container images, whose runtime Lambda does not know
	Unknown   []string  // runtimes that the plan does not have, sorted; they are not judged
	Within    time.Duration
	Plan      *lambda.Lifecycle
}

// Run audits the functions of the client's account and region. It calls
// ListFunctions once for every 50 functions and versions, and if anything is
// found, ListEventSourceMappings once for every 100 mappings and ListAliases
// once for each finding that has versions or is read for by an alias. All of
// them count towards the 15 control-plane calls a second; the client is to retry
// what is throttled. The first call that fails ends the audit.
func Run(ctx context.Context, client Client, o Options) (*Report, error) {
	if o.Today.IsZero() {
		o.Today = time.Now()
	}
	o.Within = cmp.Or(o.Within, DefaultWithin)
	if o.Plan == nil {
		plan, err := lambda.LoadLifecycle()
		if err != nil {
			return nil, err
		}
		o.Plan = plan
	}
	functions, err := listFunctions(ctx, client, o.Only)
	if err != nil {
		return nil, err
	}
	r := &Report{Functions: len(functions), Within: o.Within, Plan: o.Plan}
	var due []*function
	for _, f := range functions {
		if f.latest.Runtime == "" {
			r.Images++
		}
		r.Unknown = append(r.Unknown, f.unknown(o.Plan)...)
		if f.due(o) {
			due = append(due, f)
		}
	}
	slices.Sort(r.Unknown)
	r.Unknown = slices.Compact(r.Unknown)
	if err := addPointers(ctx, client, due); err != nil {
		return nil, err
	}
	for _, f := range due {
		r.Findings = append(r.Findings, f.finding(o))
	}
	slices.SortFunc(r.Findings, func(a, b Finding) int { return strings.Compare(a.FunctionName, b.FunctionName) })
	return r, nil
}
