package emulator

import "fmt"

// Block puts in force that AWS takes no updates for the given runtimes any
// more, as [Options.Blocked] does from the start. There is no way back. A name
// that is not a runtime's is an error, and then none is blocked.
func (s *Server) Block(runtimes ...string) error {
	for _, runtime := range runtimes {
		if !knownRuntime(runtime) {
			return fmt.Errorf("blocking updates for %q: there is no such runtime", runtime)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, runtime := range runtimes {
		s.blocked[runtime] = true
	}
	return nil
}

// unblocked refuses an update that brings code to a runtime, or names it, if
// the runtime is blocked. The server's mutex must be held.
//
// AWS documents that updates are blocked. That one which does not name the
// runtime is not, and the words, are what others have met.
//
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtime-deprecation-levels
func (s *Server) unblocked(runtime string) error {
	if !s.blocked[runtime] {
		return nil
	}
	return invalidParameter("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.", runtime)
}
