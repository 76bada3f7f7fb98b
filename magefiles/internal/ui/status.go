package ui

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/rollout"
)

// Status is how one function stands.
type Status struct {
	FunctionName     string
	Runtime          string
	Handler          string
	Architecture     string
	Package          string // legacy, dual, bootstrap, other or image: see rollout.State
	LastUpdateStatus string
	LastModified     string
	DaysSinceChange  int
	UpdatesBlocked   lambda.Date `json:",omitzero"` // from when on AWS means to take no updates of the runtime
	DaysUntilBlocked *int        `json:",omitempty"`
	Stage            string      // before, ready, switched, clean or foreign: see rollout.State
	Error            string      `json:",omitempty"`
}

// NewStatus describes a function as it was observed, at the time now.
func NewStatus(function string, seen rollout.Observation, plan *lambda.Plan, now time.Time) Status {
	s := seen.State
	status := Status{
		FunctionName: function,
		Runtime:      s.Runtime,
		Handler:      s.Handler,
		Architecture: s.Architecture,
		Package:      s.Package(),
		LastModified: s.LastModified,
	}
	if s.RevisionID != "" { // it could be read
		status.Stage, status.LastUpdateStatus = s.Stage(), s.Update()
		status.DaysSinceChange = int(s.Age / (24 * time.Hour))
	}
	if r, ok := plan.Lookup(s.Runtime); ok && !r.BlockUpdate.IsZero() {
		days := r.BlockUpdate.Days(now)
		status.UpdatesBlocked, status.DaysUntilBlocked = r.BlockUpdate, &days
	}
	if seen.Err != nil {
		status.Error = seen.Err.Error()
	}
	return status
}

// PrintStatus writes the table of a fleet for people.
func PrintStatus(w io.Writer, fleet []Status) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FUNCTION\tRUNTIME\tHANDLER\tARCH\tPACKAGE\tUPDATE\tCHANGED\tUPDATES BLOCKED\tSTAGE")
	for _, s := range fleet {
		if s.LastUpdateStatus == "" {
			fmt.Fprintf(t, "%s\t-\t-\t-\t-\t-\t-\t-\tunknown\n", s.FunctionName)
			continue
		}
		blocked := "-"
		if s.DaysUntilBlocked != nil {
			blocked = fmt.Sprintf("%v (%s)", s.UpdatesBlocked, inDays(*s.DaysUntilBlocked))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.FunctionName, cmp.Or(s.Runtime, "-"), cmp.Or(s.Handler, "-"), s.Architecture,
			cmp.Or(s.Package, "?"), s.LastUpdateStatus, inDays(-s.DaysSinceChange), blocked, cmp.Or(s.Stage, "?"))
	}
	t.Flush()
}

func inDays(n int) string {
	switch {
	case n == 0:
		return "today"
	case n == -1:
		return "1 day ago"
	case n == 1:
		return "in 1 day"
	case n < 0:
		return fmt.Sprintf("%d days ago", -n)
	}
	return fmt.Sprintf("in %d days", n)
}

// SumStatus counts the stages of a fleet: "1 ready, 3 switched".
func SumStatus(fleet []Status) string {
	count := map[string]int{}
	for _, s := range fleet {
		count[cmp.Or(s.Stage, "unknown")]++
	}
	order := []string{"before", "ready", "switched", "clean", "foreign", "unknown"}
	var parts []string
	for _, stage := range slices.SortedFunc(maps.Keys(count), func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) }) {
		parts = append(parts, fmt.Sprintf("%d %s", count[stage], stage))
	}
	return strings.Join(parts, ", ")
}
