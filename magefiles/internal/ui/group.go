package ui

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/text"
)

// group are functions with the same plan. Only the sizes of their zips may differ.
type group struct {
	plans []plan
}

// groupPlans groups the plans of functions, each group at the place of its first.
func groupPlans(functions []*fleet.Function, plans []plan) []*group {
	var groups []*group
	byKey := map[string]*group{}
	for i, p := range plans {
		key := p.key()
		if fleet.Missing(functions[i].Err) {
			key = "missing"
		}
		g, ok := byKey[key]
		if !ok {
			g = &group{}
			groups = append(groups, g)
			byKey[key] = g
		}
		g.plans = append(g.plans, p)
	}
	return groups
}

// key is the same for plans that differ only in names and sizes.
func (p plan) key() string {
	if p.err != nil {
		return "error " + reason(p.err)
	}
	if len(p.Steps) == 0 {
		return "nothing " + p.CleanupArchitecture + strings.Join(p.layers, ",")
	}
	var b strings.Builder
	for i, step := range p.steps {
		b.WriteString(withSize(p.Steps[i], step, "#") + "\n")
	}
	switch {
	case p.After == nil && p.Before != nil:
		fmt.Fprintf(&b, "%s\n%s\n%s\n%s", p.Before.Runtime, p.Before.Handler, p.Before.Architecture, p.Before.files())
	case p.After != nil:
		fmt.Fprintf(&b, "%s\n%s\n%s\n%s\n%s\n%s", text.Change(p.Before.Runtime, p.After.Runtime), text.Change(p.Before.Handler, p.After.Handler),
			p.architecture(), p.code(), p.Before.files(), p.After.files())
	}
	return b.String()
}

// withSize returns a step with another text for the size of its zip.
func withSize(text string, step fleet.Step, size string) string {
	if step.Package == nil {
		return text
	}
	return strings.Replace(text, step.Package.String(), step.Package.Contents().String()+", "+size, 1)
}

// files names the contents of a zip, or returns "".
func (s side) files() string {
	if s.contents == nil {
		return ""
	}
	return s.contents.String()
}

// name returns the name of the only function, or the number of functions.
func (g *group) name() string {
	if len(g.plans) == 1 {
		return g.plans[0].FunctionName
	}
	return text.Count(len(g.plans), "function")
}

// names returns the names of the functions, or the first ones of many to which
// nothing will be done.
func (g *group) names() string {
	names := make([]string, len(g.plans))
	for i, p := range g.plans {
		names[i] = p.FunctionName
	}
	switch p := g.plans[0]; {
	case len(p.Steps) > 0 && p.err == nil:
		return strings.Join(names, ", ")
	case p.err != nil && !fleet.Missing(p.err):
		return text.List(names, 20)
	}
	return text.List(names, 5)
}

// outcome describes in one line functions that have no steps, or "".
func (g *group) outcome() string {
	p := g.plans[0]
	switch {
	case p.err != nil && len(g.plans) > 1 && fleet.Missing(p.err):
		return "not found; check the region and the prefix"
	case p.err != nil:
		return reason(p.err)
	case len(p.Steps) == 0 && p.CleanupArchitecture != "":
		return "nothing to do; " + p.later()
	case len(p.Steps) == 0:
		return "nothing to do"
	}
	return ""
}

// steps describes the steps of the functions.
func (g *group) steps() []string {
	steps := slices.Clone(g.plans[0].Steps)
	for i, step := range g.plans[0].steps {
		steps[i] = withSize(steps[i], step, g.size(func(p plan) int64 {
			if p.steps[i].Package == nil {
				return 0
			}
			return p.steps[i].Package.Size
		}))
	}
	return steps
}

// size returns the sizes of something of the functions: "6.1 MB" or "6.1–6.3 MB".
func (g *group) size(of func(plan) int64) string {
	least, most := of(g.plans[0]), of(g.plans[0])
	for _, p := range g.plans {
		least, most = min(least, of(p)), max(most, of(p))
	}
	if a, b := text.Size(least), text.Size(most); a != b {
		return strings.TrimSuffix(a, " MB") + "–" + b
	}
	return text.Size(least)
}

// property is a property of functions before and after a plan.
type property struct{ name, value string }

// properties returns what the plan changes. If that is not known yet, which is so
// while an update is in progress, it returns what the functions are.
func (g *group) properties() []property {
	p := g.plans[0]
	zip := func(s *side, size string) string {
		if s.contents == nil {
			return size
		}
		return s.contents.String() + ", " + size
	}
	if p.Before == nil {
		return nil
	}
	before := zip(p.Before, g.size(func(p plan) int64 { return p.Before.CodeSize }))
	if p.After == nil {
		return []property{
			{"runtime", p.Before.Runtime},
			{"handler", p.Before.Handler},
			{"architecture", p.Before.Architecture},
			{"zip", before},
			{"note", "an update is in progress; plan again when it is complete"},
		}
	}
	after := zip(p.After, g.size(func(p plan) int64 { return p.After.CodeSize }))
	return []property{
		{"runtime", text.Change(p.Before.Runtime, p.After.Runtime)},
		{"handler", text.Change(p.Before.Handler, p.After.Handler)},
		{"architecture", p.architecture()},
		{"code", p.code()},
		{"zip", text.Change(before, after)},
	}
}

// writeGroups writes plans for people.
func writeGroups(w io.Writer, groups []*group, width int) error {
	var b strings.Builder
	apart := false // whether the previous plan has several lines
	for i, g := range groups {
		outcome := g.outcome()
		if err := g.plans[0].err; err != nil && !(fleet.Missing(err) && len(g.plans) > 1) {
			outcome = word(err) + ", see below" // in the list at the end
		}
		if i > 0 && (apart || outcome == "") {
			b.WriteString("\n")
		}
		apart = outcome == ""
		g.write(&b, outcome, width)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (g *group) write(b *strings.Builder, outcome string, width int) {
	row := func(name, value string) { b.WriteString(text.Indent(fmt.Sprintf("  %-14s", name), value, width)) }
	switch {
	case outcome != "" && len(g.plans) == 1:
		b.WriteString(text.Hang(g.name()+": "+outcome, width))
		return
	case outcome != "":
		b.WriteString(text.Hang(fmt.Sprintf("%s: %s: %s", g.name(), outcome, g.names()), width))
		return
	case len(g.plans) == 1:
		b.WriteString(g.name() + ":\n")
	default:
		fmt.Fprintf(b, "%s: the same %s\n", g.name(), text.Count(len(g.plans[0].Steps), "step"))
		row("functions", g.names())
	}
	for _, p := range g.properties() {
		row(p.name, p.value)
	}
	name := "steps"
	for i, step := range g.steps() {
		b.WriteString(text.Indent(fmt.Sprintf("  %-14s%d. ", name, i+1), step, width))
		name = ""
	}
}

// word says what became of a function with an error.
func word(err error) string {
	if fleet.Missing(err) {
		return "not found"
	}
	if e, ok := errors.AsType[*fleet.Error](err); ok && e.Stage == fleet.Planning {
		return "refused"
	}
	return "FAILED"
}

// groupTable returns a table with a row for each group.
func groupTable(groups []*group) text.Table {
	t := text.Table{Header: []string{"functions", "change", "steps"}}
	for _, g := range groups {
		name := g.names()
		if len(g.plans) > 1 {
			name = g.name() + ": " + name
		}
		if outcome := g.outcome(); outcome != "" {
			t.Add(name, outcome, "")
			continue
		}
		var changes []string
		for _, p := range g.properties() {
			changes = append(changes, p.name+" "+p.value)
		}
		steps := g.steps()
		for i := range steps {
			steps[i] = fmt.Sprintf("%d. %s", i+1, steps[i])
		}
		t.Add(name, strings.Join(changes, "\n"), strings.Join(steps, "\n"))
	}
	return t
}

// reason is an error without the name of its function.
func reason(err error) string {
	if e, ok := errors.AsType[*fleet.Error](err); ok {
		return strings.TrimSuffix(e.Doing, " of") + ": " + e.Err.Error()
	}
	return err.Error()
}

// place matches a line that begins with a place in a file.
var place = regexp.MustCompile(`(?m)^\s*(\S+:\d+: ?.*)$`)

// headline is the reason of an error in one line. Of many lines it is the first that
// names a place in a file, or else the first.
func headline(err error) string {
	first, rest, _ := strings.Cut(reason(err), "\n")
	if m := place.FindStringSubmatch(rest); m != nil {
		return m[1]
	}
	return first
}
