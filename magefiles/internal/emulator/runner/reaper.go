package runner

import "sync"

// reaper kills the processes that environments leave behind. It looks at all processes
// of the machine, once for all environments that end at the same time.
type reaper struct {
	prefix string // of all marks

	turn sync.Mutex // held by the sweep in progress

	mu   sync.Mutex
	next *sweep // that has not begun, or nil
}

// sweep is one look at all processes.
type sweep struct {
	marks map[string]bool
	done  chan struct{} // closed at its end
}

// kill kills the processes with the mark. It returns after a sweep that began after
// the call.
func (r *reaper) kill(mark string) {
	r.mu.Lock()
	joined := r.next
	if joined != nil {
		joined.marks[mark] = true
		r.mu.Unlock()
		<-joined.done
		return
	}
	mine := &sweep{map[string]bool{mark: true}, make(chan struct{})}
	r.next = mine
	r.mu.Unlock()

	r.turn.Lock()
	defer r.turn.Unlock()
	r.mu.Lock()
	r.next = nil // later calls need another sweep
	r.mu.Unlock()
	killMarked(r.prefix, mine.marks)
	close(mine.done)
}
