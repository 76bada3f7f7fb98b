package audit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

// Finding is a function with $LATEST or a published version on a runtime that is
// due: deprecated, or blocked for updates soon.
type Finding struct {
	Account, Region string

	FunctionName string
	Runtime      string // of $LATEST, as the following fields
	Handler      string
	Architecture string
	PackageType  string
	MemorySize   int32  // in MB
	LastModified string // as Lambda writes it, 2024-01-31T12:00:00.000+0000
	Due          bool   // whether Runtime is due; if not, some of Versions are
	Dates

	Road  string // on which a deploy can move it: see [RoadSources]
	Usage *Usage // nil if it was not measured, or arm64 is out of the question

	CoveredBy    string        // the function's name in lambdas.json, or empty
	EventSources []EventSource // of all versions and aliases
	Aliases      []string      // sorted; nil if not listed: without versions, all lead to $LATEST
	Versions     []Version     // those on a runtime that is due, oldest first
	Warnings     []string      // what may lose records, and what a change of $LATEST does not move
}

// Dates are AWS's plan for a runtime.
type Dates struct {
	Deprecated  Day `json:",omitzero"`
	BlockUpdate Day `json:",omitzero"` // first day without updates
}

// Day is a date, relative to the day of the audit.
type Day struct {
	Date lambda.Date
	Days int // until Date, negative if it has passed
}

// IsZero reports whether AWS has announced no date.
func (d Day) IsZero() bool { return d.Date.IsZero() }

// Version is a published version. It cannot be changed; what points at it must be
// moved to another one.
type Version struct {
	Version string
	Runtime string
	Dates
	Snapshot     bool     `json:",omitempty"` // a deploy has published it before the switch
	Aliases      []Alias  // that point at it, sorted by name
	EventSources []string // UUIDs of its mappings, directly or by an alias
}

// Idle reports whether no alias and no event source points at the version. Callers
// that invoke it by number are not visible.
func (v Version) Idle() bool { return len(v.Aliases) == 0 && len(v.EventSources) == 0 }

// Alias is an alias that points at a version.
type Alias struct {
	Name   string
	Weight float64 // the version's share of the alias's invocations, 0 to 1
}

// finding returns the finding for a function that is due.
func (f *function) finding(c calendar, covered *manifest.Function) Finding {
	due := c.due(f.latest.Runtime)
	out := Finding{
		FunctionName: f.name,
		Runtime:      string(f.latest.Runtime),
		Handler:      aws.ToString(f.latest.Handler),
		PackageType:  string(f.latest.PackageType),
		MemorySize:   aws.ToInt32(f.latest.MemorySize),
		LastModified: aws.ToString(f.latest.LastModified),
		Due:          due,
		Dates:        c.dates(f.latest.Runtime),
		Road:         road(string(f.latest.Runtime), due, covered),
		EventSources: []EventSource{},
		Versions:     []Version{},
		Warnings:     []string{},
	}
	if covered != nil {
		out.CoveredBy = covered.Name
	}
	for _, a := range f.aliases {
		out.Aliases = append(out.Aliases, aws.ToString(a.Name))
	}
	slices.Sort(out.Aliases)
	if len(f.latest.Architectures) > 0 {
		out.Architecture = string(f.latest.Architectures[0])
	}
	for _, m := range f.mappings {
		s := newEventSource(m)
		_, s.FollowsLatest = f.weights(s.Qualifier)[latest]
		out.EventSources = append(out.EventSources, s)
	}
	slices.SortFunc(out.EventSources, func(a, b EventSource) int {
		return cmp.Or(strings.Compare(a.EventSourceArn, b.EventSourceArn), strings.Compare(a.UUID, b.UUID))
	})
	for _, v := range f.versions {
		if c.due(v.Runtime) {
			out.Versions = append(out.Versions, f.version(v, c.dates(v.Runtime), out.EventSources))
		}
	}
	slices.SortFunc(out.Versions, func(a, b Version) int { // by number
		return cmp.Or(cmp.Compare(len(a.Version), len(b.Version)), strings.Compare(a.Version, b.Version))
	})
	out.warn()
	return out
}

func (f *function) version(c types.FunctionConfiguration, dates Dates, sources []EventSource) Version {
	v := Version{Version: aws.ToString(c.Version), Runtime: string(c.Runtime), Dates: dates, Aliases: []Alias{}, EventSources: []string{}}
	v.Snapshot = strings.HasPrefix(aws.ToString(c.Description), lambda.SnapshotMark)
	for _, a := range f.aliases {
		name := aws.ToString(a.Name)
		if weight, ok := f.weights(name)[v.Version]; ok {
			v.Aliases = append(v.Aliases, Alias{name, weight})
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

// weights returns the versions that a qualifier leads to, at most two, and the
// share of each. It returns no existing version for an alias that does not exist.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
func (f *function) weights(qualifier string) map[string]float64 {
	i := slices.IndexFunc(f.aliases, func(a types.AliasConfiguration) bool { return aws.ToString(a.Name) == qualifier })
	if i < 0 {
		return map[string]float64{cmp.Or(qualifier, latest): 1}
	}
	shares, rest := map[string]float64{}, 1.0
	if routing := f.aliases[i].RoutingConfig; routing != nil {
		for version, weight := range routing.AdditionalVersionWeights {
			shares[version] = weight
			rest -= weight
		}
	}
	shares[aws.ToString(f.aliases[i].FunctionVersion)] = math.Round(rest*1e6) / 1e6
	return shares
}

// warn sets the warnings.
func (f *Finding) warn() {
	warnf := func(format string, args ...any) { f.Warnings = append(f.Warnings, fmt.Sprintf(format, args...)) }
	for _, s := range f.EventSources {
		if s.MayLose != "" {
			warnf("%v may lose records: %s", s, s.MayLose)
		}
	}
	if f.Runtime == lambda.Go1x {
		if err := manifest.CheckHandler(f.Handler); err != nil {
			warnf("change its handler before it is deployed: %v", err)
		}
	}
	read := map[string]bool{} // UUIDs of event sources for a version that is due
	for _, v := range f.Versions {
		for _, a := range v.Aliases {
			verb := "points at"
			if a.Weight < 1 {
				verb = fmt.Sprintf("sends %.0f%% to", 100*a.Weight)
			}
			warnf("alias %s %s version %s, on %s: changing $LATEST does not move it", a.Name, verb, v.Version, v.Runtime)
		}
		for _, uuid := range v.EventSources {
			read[uuid] = true
		}
	}
	for _, s := range f.EventSources {
		if !s.FollowsLatest && (f.Due || read[s.UUID]) {
			what := "alias " + s.Qualifier
			if _, err := strconv.Atoi(s.Qualifier); err == nil {
				what = "version " + s.Qualifier
			}
			warnf("%v reads for %s: changing $LATEST does not move it", s, what)
		}
	}
}
