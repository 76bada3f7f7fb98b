package probe

// Fact is something that dualboot assumes about AWS, or would like to know.
type Fact struct {
	Statement string
	Assumed   string // what dualboot assumes; "unknown" if it assumes neither
	Matters   string // where it matters
}

// Class is how an observation relates to what dualboot assumes.
type Class string

const (
	// Agrees: AWS does what dualboot assumes.
	Agrees Class = "agrees"
	// Differs: AWS does something else.
	Differs Class = "differs"
	// Settled: the answer was unknown, and now it is known.
	Settled Class = "settled"
	// NotSeen: the experiment ran, and the moment that would tell did not occur.
	NotSeen Class = "not seen"
)

// Finding is one fact and what an experiment observed about it.
type Finding struct {
	Fact
	Class    Class
	Observed string
	// Change is what to change in dualboot or lambdas.json, or "".
	Change string `json:",omitempty"`
}

// Check returns a finding about an assumption. The change applies if it does not
// hold.
func (f Fact) Check(holds bool, observed, change string) Finding {
	if holds {
		return Finding{Fact: f, Class: Agrees, Observed: observed}
	}
	return Finding{Fact: f, Class: Differs, Observed: observed, Change: change}
}

// Settle returns a finding that answers an open question.
func (f Fact) Settle(observed, change string) Finding {
	return Finding{Fact: f, Class: Settled, Observed: observed, Change: change}
}

// Unseen returns the finding of an experiment that could not tell.
func (f Fact) Unseen(reason string) Finding {
	return Finding{Fact: f, Class: NotSeen, Observed: reason}
}
