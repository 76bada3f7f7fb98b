package audit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/lambda"
)

// Finding is a function that has $LATEST or a published version on a runtime
// that is due: deprecated, or soon without updates.
type Finding struct {
	FunctionName string
	Runtime      string // of $LATEST, as are the next six
	Handler      string
	Architecture string
	PackageType  string
	Due          bool // whether Runtime is due; if not, some of Versions are
	Deprecated   Day  `json:",omitzero"`
	BlockUpdate  Day  `json:",omitzero"`

	CoveredBy    string        // the function's name in lambdas.json, empty if it is not there
	EventSources []EventSource // all of the function, whatever they read for
	Versions     []Version     // those on a runtime that is due, oldest first
	Warnings     []string      // for people
}

// Day is a date of AWS's plan, seen from the day of the audit.
type Day struct {
	Date lambda.Date
	Days int // until Date, negative if it has passed
}

// IsZero reports whether AWS has announced no date.
func (d Day) IsZero() bool { return d.Date.IsZero() }

// String is "2027-03-03, in 101 days", or "" if there is no date.
func (d Day) String() string {
	switch {
	case d.IsZero():
		return ""
	case d.Days > 0:
		return fmt.Sprintf("%v, in %s", d.Date, count(d.Days, "day"))
	case d.Days < 0:
		return fmt.Sprintf("%v, %s ago", d.Date, count(-d.Days, "day"))
	}
	return d.Date.String() + ", today"
}

func day(d lambda.Date, today time.Time) Day {
	if d.IsZero() {
		return Day{}
	}
	return Day{Date: d, Days: d.Days(today)}
}

// Version is a published version. It never changes: what points at it is to be
// pointed elsewhere.
type Version struct {
	Version      string
	Runtime      string
	Deprecated   Day      `json:",omitzero"`
	BlockUpdate  Day      `json:",omitzero"`
	Aliases      []Alias  // that point at it, by name
	EventSources []string // UUIDs of the mappings that read for it, directly or by an alias
}

// Idle reports whether no alias and no event source points at the version. Who
// invokes it by its number is not visible.
func (v Version) Idle() bool { return len(v.Aliases) == 0 && len(v.EventSources) == 0 }

// Alias is an alias that points at a version.
type Alias struct {
	Name   string
	Weight float64 // the share of the alias's invocations that the version gets, 0 to 1
}

// finding is what there is to say of a function that is due.
func (f *function) finding(o Options) Finding {
	plan, _ := o.Plan.Lookup(string(f.latest.Runtime))
	out := Finding{
		FunctionName: f.name,
		Runtime:      string(f.latest.Runtime),
		Handler:      aws.ToString(f.latest.Handler),
		PackageType:  string(f.latest.PackageType),
		Due:          o.due(f.latest.Runtime),
		Deprecated:   day(plan.Deprecated, o.Today),
		BlockUpdate:  day(plan.BlockUpdate, o.Today),
		CoveredBy:    o.Covered[f.name],
		EventSources: []EventSource{},
		Versions:     []Version{},
		Warnings:     []string{},
	}
	if len(f.latest.Architectures) > 0 {
		out.Architecture = string(f.latest.Architectures[0])
	}
	for _, m := range f.mappings {
		s := eventSource(m)
		_, s.FollowsLatest = f.weights(s.Qualifier)[latest]
		out.EventSources = append(out.EventSources, s)
	}
	slices.SortFunc(out.EventSources, func(a, b EventSource) int {
		return cmp.Or(strings.Compare(a.EventSourceArn, b.EventSourceArn), strings.Compare(a.UUID, b.UUID))
	})
	for _, c := range f.versions {
		if o.due(c.Runtime) {
			out.Versions = append(out.Versions, f.version(c, out.EventSources, o))
		}
	}
	slices.SortFunc(out.Versions, func(a, b Version) int {
		// They are numbers without leading zeros.
		return cmp.Or(cmp.Compare(len(a.Version), len(b.Version)), strings.Compare(a.Version, b.Version))
	})
	out.warn()
	return out
}

func (f *function) version(c types.FunctionConfiguration, sources []EventSource, o Options) Version {
	plan, _ := o.Plan.Lookup(string(c.Runtime))
	v := Version{
		Version:      aws.ToString(c.Version),
		Runtime:      string(c.Runtime),
		Deprecated:   day(plan.Deprecated, o.Today),
		BlockUpdate:  day(plan.BlockUpdate, o.Today),
		Aliases:      []Alias{},
		EventSources: []string{},
	}
	for _, a := range f.aliases {
		if weight, ok := weights(a)[v.Version]; ok {
			v.Aliases = append(v.Aliases, Alias{Name: aws.ToString(a.Name), Weight: weight})
		}
	}
	slices.SortFunc(v.Aliases, func(a, b Alias) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range sources {
		if _, ok := f.weights(s.Qualifier)[v.Version]; ok {
			v.EventSources = append(v.EventSources, s.UUID)
		}
	}
	return v
}

// weights returns the versions that a qualifier leads to, and the share of
// each. They are none if the qualifier is an alias that is not there.
func (f *function) weights(qualifier string) map[string]float64 {
	for _, a := range f.aliases {
		if aws.ToString(a.Name) == qualifier {
			return weights(a)
		}
	}
	return map[string]float64{cmp.Or(qualifier, latest): 1}
}

// weights returns the versions that an alias points at, of which there are at
// most two, and the share of each. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
func weights(a types.AliasConfiguration) map[string]float64 {
	shares, rest := map[string]float64{}, 1.0
	if a.RoutingConfig != nil {
		for version, weight := range a.RoutingConfig.AdditionalVersionWeights {
			shares[version] = weight
			rest -= weight
		}
	}
	shares[aws.ToString(a.FunctionVersion)] = math.Round(rest*1e6) / 1e6
	return shares
}

// warn writes down what may be lost, and what a change of $LATEST does not move.
func (f *Finding) warn() {
	for _, s := range f.EventSources {
		if s.MayLose != "" {
			f.warnf("%v may lose records: %s", s, s.MayLose)
		}
	}
	if f.Runtime == "go1.x" && f.Handler != "lambda" {
		f.warnf("its handler is %q: before it can be deployed it needs a zip with a file called lambda, and that as its handler", f.Handler)
	}
	for _, v := range f.Versions {
		for _, a := range v.Aliases {
			verb := "points at"
			if a.Weight < 1 {
				verb = fmt.Sprintf("sends %.0f%% to", 100*a.Weight)
			}
			f.warnf("alias %s %s version %s, on %s: changing $LATEST does not move it", a.Name, verb, v.Version, v.Runtime)
		}
	}
	for _, s := range f.EventSources {
		if !s.FollowsLatest && (f.Due || f.reads(s)) {
			f.warnf("%v reads for %q: changing $LATEST does not move it", s, s.Qualifier)
		}
	}
}

// reads reports whether the source reads for one of the versions.
func (f *Finding) reads(s EventSource) bool {
	return slices.ContainsFunc(f.Versions, func(v Version) bool { return slices.Contains(v.EventSources, s.UUID) })
}

func (f *Finding) warnf(format string, args ...any) {
	f.Warnings = append(f.Warnings, fmt.Sprintf(format, args...))
}

// count is "1 day" or "2 days".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
