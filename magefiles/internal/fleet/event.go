package fleet

import "time"

// Event is what happens to a function while a rollout works on it.
type Event struct {
	Function *Function
	Step     Step
	At       time.Time
	// Queued says that the step is an update that waits for its turn: for memory
	// or under the quotas. Another event says when it begins.
	Queued bool
	// Ends is when the settle delay ends, if the step is one.
	Ends time.Time
}
