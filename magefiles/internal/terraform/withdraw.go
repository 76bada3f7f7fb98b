package terraform

import (
	"fmt"
	"slices"
)

// claims finds functions that more than one resource claims.
func (p *planner) claims() {
	for _, in := range p.wanted {
		for _, other := range p.wanted {
			if in == other || in.function != other.function || in.done() {
				continue
			}
			for _, s := range in.slots {
				s.literal, s.problem = nil, nil
			}
			in.slots["runtime"].problem = &problem{
				in.attrs["function_name"].Expr.Range(),
				fmt.Sprintf("%s is %s too (%s)", in.function, other.address, where(other.at)),
				fmt.Sprintf("set runtime to %q and handler to %q where the function really comes from", Runtime, Handler),
			}
			break
		}
	}
}

// done reports whether there is nothing to change.
func (in *instance) done() bool {
	for _, s := range in.slots {
		if s.literal != nil || s.problem != nil {
			return false
		}
	}
	return true
}

// withdraw gives up changes that cannot be made without others, and reports
// whether it has. A literal changes only if all who read it want the same; and
// a handler changes only with the runtime, as go1.x could not start bootstrap.
func (p *planner) withdraw() bool {
	wants := map[literal][]reader{}
	for _, in := range p.wanted {
		for name, s := range in.slots {
			attr := in.attrs[name]
			if attr == nil {
				continue
			}
			r := reader{in.address, name, attr.SrcRange.Filename, attr.SrcRange.Start.Line}
			if s.literal != nil {
				wants[*s.literal] = append(wants[*s.literal], r)
			}
			if s.ignored { // it does not matter what this one says
				for _, l := range p.m.reach(attr.Expr, nil, in.env).reads() {
					wants[l] = append(wants[l], r)
				}
			}
		}
	}
	withdrawn := false
	for _, in := range p.wanted {
		for _, name := range attributes {
			s := in.slots[name]
			if s.literal == nil {
				continue
			}
			if in.slots["runtime"].problem != nil {
				s.literal, s.left, withdrawn = nil, true, true
				continue
			}
			if in.slots["runtime"].ignored { // and may be either, after a rollback
				s.literal, withdrawn = nil, true
				continue
			}
			if other, ok := stranger(p.readers[*s.literal], wants[*s.literal], s.name); ok {
				s.problem = &problem{
					s.literal.at,
					fmt.Sprintf("%s is %q, which %s reads too", s.name, s.literal.value, other),
					fmt.Sprintf("make it %q if that is right for both, or give it a value of its own", target(s.name)),
				}
				s.literal, withdrawn = nil, true
			}
		}
	}
	return withdrawn
}

// stranger returns a reader that does not want the literal changed to what the
// attribute is to be.
func stranger(readers, wants []reader, attribute string) (reader, bool) {
	readers = slices.SortedFunc(slices.Values(readers), compareReaders)
	i := slices.IndexFunc(readers, func(r reader) bool {
		return r.attribute != attribute || !slices.Contains(wants, r)
	})
	if i < 0 {
		return reader{}, false
	}
	return readers[i], true
}
