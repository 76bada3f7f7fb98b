package terraform

import (
	"fmt"
	"slices"
)

// A planner plans the changes to a module.
type planner struct {
	m       *module
	wanted  []*instance // the functions that were asked for
	readers map[literal][]reader
	result  *Result
}

// plan finds what to change and what is unsure.
func plan(read, unread []source, functions []string) (*Result, error) {
	m, err := parse(read, unread)
	if err != nil {
		return nil, err
	}
	p := &planner{m: m, result: &Result{functions: functions}}
	var instances []*instance
	for _, b := range m.functions {
		made := m.instances(b)
		if len(made) == 0 {
			m.others = append(m.others, b) // it makes no function, but reads locals
		}
		instances = append(instances, made...)
	}
	p.readers = m.readers(instances)
	for _, in := range instances {
		switch {
		case in.function == "":
			p.unnamed(in)
		case slices.Contains(functions, in.function):
			p.judge(in)
		}
	}
	p.claims()
	for p.withdraw() {
	}
	p.report()
	p.modules()
	for _, s := range unread {
		p.result.Unsure = append(p.result.Unsure, Unsure{
			File:   s.file,
			Reason: "only *.tf files are read, not this one",
			Hint:   fmt.Sprintf("look in it for functions that are not on %s", Runtime),
		})
	}
	p.result.sort()
	if err := p.result.edit(read, p.literals()); err != nil {
		return nil, err
	}
	return p.result, nil
}

// literals are those that are to be changed, and what to.
func (p *planner) literals() map[literal]string {
	to := map[literal]string{}
	for _, in := range p.wanted {
		for _, s := range in.slots {
			if s.literal != nil {
				to[*s.literal] = target(s.name)
			}
		}
	}
	return to
}

// report puts the slots into the result.
func (p *planner) report() {
	for _, in := range p.wanted {
		for _, name := range attributes {
			s := in.slots[name]
			switch {
			case s.literal != nil:
				p.result.Changes = append(p.result.Changes, Change{
					File: s.literal.at.Filename, Line: s.literal.at.Start.Line, Column: s.literal.at.Start.Column,
					Address: in.address, Function: in.function,
					Attribute: name, From: s.value, To: target(name),
				})
			case s.problem != nil:
				if name == "runtime" && in.slots["handler"].left {
					s.problem.reason += "; the handler is left too"
				}
				p.unsure(in.address, in.function, *s.problem)
			}
		}
	}
}

func (p *planner) unsure(address, function string, problem problem) {
	u := Unsure{
		File: problem.at.Filename, Line: problem.at.Start.Line, Column: problem.at.Start.Column,
		Address: address, Function: function,
		Reason: problem.reason, Hint: problem.hint,
	}
	if !slices.Contains(p.result.Unsure, u) {
		p.result.Unsure = append(p.result.Unsure, u)
	}
}
