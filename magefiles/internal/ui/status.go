package ui

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

// status is what a program reads about the state of one function.
type status struct {
	FunctionName     string
	Runtime          string
	Handler          string
	Architecture     string
	MovesTo          string `json:",omitempty"` // the architecture in lambdas.json, if it differs
	Package          string // see lambda.State
	LastUpdateStatus string
	LastModified     string
	DaysSinceChange  *int        `json:",omitempty"` // nil if LastModified is no time
	UpdatesBlocked   lambda.Date `json:",omitzero"`  // when AWS plans to block updates of the runtime
	DaysUntilBlocked *int        `json:",omitempty"`
	Stage            string      // see lambda.State
	Error            string      `json:",omitempty"`
}

func newStatus(f *fleet.Function, dates *lambda.Lifecycle, now time.Time) status {
	s := f.Observed
	out := status{
		FunctionName: f.FunctionName,
		Runtime:      s.Runtime,
		Handler:      s.Handler,
		Architecture: s.Architecture,
		Package:      s.Package(f.Function.LegacyName()),
		LastModified: s.LastModified,
	}
	if s.Function != "" { // it was read
		out.Stage, out.LastUpdateStatus = s.Stage(f.Function.LegacyName()), s.Update()
		if f.Architecture != "" && f.Architecture != s.Architecture {
			out.MovesTo = f.Architecture
		}
		if !s.Modified.IsZero() {
			days := int(s.Age / (24 * time.Hour))
			out.DaysSinceChange = &days
		}
	}
	if r, ok := dates.Lookup(s.Runtime); ok && !r.BlockUpdate.IsZero() {
		days := r.BlockUpdate.Days(now)
		out.UpdatesBlocked, out.DaysUntilBlocked = r.BlockUpdate, &days
	}
	if f.Err != nil {
		out.Error = f.Err.Error()
	}
	return out
}

// Status writes the state of functions at the time now.
func (u *UI) Status(functions []*fleet.Function, dates *lambda.Lifecycle, now time.Time) error {
	var list []status
	table := text.Table{
		Header:   []string{"FUNCTION", "RUNTIME", "HANDLER", "ARCH", "PACKAGE", "UPDATE", "CHANGED", "UPDATES BLOCKED", "STAGE"},
		Optional: []string{"HANDLER", "UPDATE", "ARCH", "CHANGED", "UPDATES BLOCKED", "PACKAGE"},
	}
	for _, f := range functions {
		s := newStatus(f, dates, now)
		list = append(list, s)
		table.Add(s.cells()...)
	}
	return u.publish(tabular(StatusSummary(functions), list, table))
}

func (s status) cells() []string {
	if s.LastUpdateStatus == "" {
		return []string{s.FunctionName, "-", "-", "-", "-", "-", "-", "-", "unknown"}
	}
	changed, blocked := "-", "-"
	if s.DaysSinceChange != nil {
		changed = text.Days(-*s.DaysSinceChange)
	}
	if s.DaysUntilBlocked != nil {
		blocked = fmt.Sprintf("%v (%s)", s.UpdatesBlocked, text.Days(*s.DaysUntilBlocked))
	}
	return []string{
		s.FunctionName, cmp.Or(s.Runtime, "-"), cmp.Or(s.Handler, "-"), text.Change(s.Architecture, cmp.Or(s.MovesTo, s.Architecture)), cmp.Or(s.Package, "?"),
		s.LastUpdateStatus, changed, blocked, cmp.Or(s.Stage, "?"),
	}
}

// StatusSummary counts the stages: "1 ready, 3 switched".
func StatusSummary(functions []*fleet.Function) string {
	count := map[string]int{}
	for _, f := range functions {
		stage := ""
		if f.Observed.Function != "" { // it was read
			stage = f.Observed.Stage(f.Function.LegacyName())
		}
		count[cmp.Or(stage, "unknown")]++
	}
	var parts []string
	for _, stage := range []string{"before", "ready", "bridged", "switched", "clean", "foreign", "unknown"} {
		if n := count[stage]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, stage))
		}
	}
	return strings.Join(parts, ", ")
}
