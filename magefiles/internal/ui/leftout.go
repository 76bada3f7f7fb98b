package ui

import (
	"cmp"
	"fmt"

	"example.com/dualboot/magefiles/internal/match"
	"example.com/dualboot/magefiles/internal/text"
)

const (
	mostAlone = 3 // functions left out for one reason that have a line each
	mostNamed = 5 // names in a line for several
)

// LeftOut returns why init left out functions and packages, in a line each, or in
// one line for many with the same reason. If that does not name all functions, the
// last line says that the command audit does.
func LeftOut(list []match.Unmatched, audit string) []string {
	type group struct {
		isPackage bool
		reason    string
	}
	var order []group
	members := map[group][]match.Unmatched{}
	for _, u := range list {
		g := group{u.IsPackage(), cmp.Or(u.Group, u.Reason)}
		if members[g] == nil {
			order = append(order, g)
		}
		members[g] = append(members[g], u)
	}
	var notes []string
	counted := false // functions without a name in a line
	for _, g := range order {
		counted = counted || !g.isPackage && len(members[g]) > mostNamed
		if len(members[g]) > mostAlone {
			notes = append(notes, leftOutTogether(g.isPackage, g.reason, members[g]))
			continue
		}
		for _, u := range members[g] {
			notes = append(notes, fmt.Sprintf("left out %s: %s", u.Name, u.Reason))
		}
	}
	if counted {
		notes = append(notes, audit+" lists them all")
	}
	return notes
}

func leftOutTogether(isPackage bool, reason string, list []match.Unmatched) string {
	noun := "function"
	if isPackage {
		noun = "package"
	}
	names := make([]string, len(list))
	for i, u := range list {
		names[i] = u.Name
	}
	return fmt.Sprintf("left out %s: %s: %s", text.Count(len(list), noun), reason, text.List(names, mostNamed))
}
