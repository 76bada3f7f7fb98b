package audit

import (
	"cmp"
	"slices"
	"strings"
)

// Place is an account and region that was audited, and what was found there.
type Place struct {
	Account, Region string
	Functions       int
	Findings        int
}

// Unread is an account, or a region of it, that could not be audited.
type Unread struct {
	Account string
	Region  string // or "" for the whole account
	Error   string
}

// Merge returns one report of several. Findings are sorted by account, region and
// name.
func Merge(reports []*Report) *Report {
	all := &Report{Merged: true}
	for _, r := range reports {
		all.Findings = append(all.Findings, r.Findings...)
		all.Functions += r.Functions
		all.Images += r.Images
		all.Unknown = append(all.Unknown, r.Unknown...)
		all.Places = append(all.Places, r.Places...)
		all.Unmeasured = append(all.Unmeasured, r.Unmeasured...)
		all.Unread = append(all.Unread, r.Unread...)
		all.Lifecycle = cmp.Or(all.Lifecycle, r.Lifecycle)
	}
	slices.SortStableFunc(all.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region))
	})
	slices.SortFunc(all.Places, func(a, b Place) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region))
	})
	sortUnread(all.Unread)
	sortUnread(all.Unmeasured)
	slices.Sort(all.Unknown)
	all.Unknown = slices.Compact(all.Unknown)
	return all
}

func sortUnread(list []Unread) {
	slices.SortFunc(list, func(a, b Unread) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region))
	})
}
