package runner

import "sync"

// hunter kills the processes that environments leave behind. It looks through all
// processes of the machine, once for all environments that end at the same time.
type hunter struct {
	prefix string // of all marks

	turn sync.Mutex // held by the hunt in progress

	mu   sync.Mutex
	next *hunt // that has not begun, or nil
}

// hunt is one look through the processes.
type hunt struct {
	marks map[string]bool
	over  chan struct{} // closed after it
}

// kill kills the processes with the mark. It returns after a hunt that began after
// the call.
func (h *hunter) kill(mark string) {
	h.mu.Lock()
	joined := h.next
	if joined != nil {
		joined.marks[mark] = true
		h.mu.Unlock()
		<-joined.over
		return
	}
	mine := &hunt{map[string]bool{mark: true}, make(chan struct{})}
	h.next = mine
	h.mu.Unlock()

	h.turn.Lock()
	defer h.turn.Unlock()
	h.mu.Lock()
	h.next = nil // who comes now is too late
	h.mu.Unlock()
	killMarked(h.prefix, mine.marks)
	close(mine.over)
}
