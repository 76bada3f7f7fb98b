package ui

import (
	"sync"
	"time"

	"example.com/dualboot/magefiles/internal/progress"
)

// Stage is a part of a command that counts what it has done. It may be used from
// many goroutines.
type Stage struct {
	post func(progress.Event)

	mu    sync.Mutex
	state progress.Counted
}

// Stage says that a stage begins. It ends once all is done: see [Stage.Done]. The
// noun says what is counted; "" counts nothing.
func (u *UI) Stage(name, noun string, total int) *Stage {
	s := &Stage{post: u.post, state: progress.Counted{Stage: name, Noun: noun, Total: total}}
	s.post(s.state)
	return s
}

// Wait says that a stage begins that takes so long.
func (u *UI) Wait(name string, delay time.Duration) *Stage {
	s := &Stage{post: u.post, state: progress.Counted{Stage: name, Until: time.Now().Add(delay)}}
	s.post(s.state)
	return s
}

// Done says that one more is done.
func (s *Stage) Done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Done++
	s.post(s.state)
}

// Set says how many are done.
func (s *Stage) Set(done, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Done, s.state.Total = done, total
	s.post(s.state)
}

// End says that the stage is over, whatever is done.
func (s *Stage) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Over = true
	s.post(s.state)
}
