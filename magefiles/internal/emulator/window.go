package emulator

import (
	"math/bits"
	"slices"
	"time"
)

// The window is the time after an update in which AWS may still serve what
// the update replaced; see [Options.Window]. While it lasts, what may serve
// besides a function's newest version is in function.window: the versions that
// were replaced and, if code and configuration travel separately, mixtures of
// them. A mixture is a version like any other, with environments of its own.

// replace makes v what serves a function. Without a window what served before
// ends at once, and else with the window, and there are mixtures: those that
// were not in play before are the answer. The server's mutex must be held.
func (s *Server) replace(f *function, v *version) (mixtures []*version) {
	old := f.serving
	f.serving = v
	if old == nil || s.options.Window == 0 {
		s.retire(old)
		return nil
	}
	s.sweep(f)
	old.until = time.Now().Add(s.options.Window)
	f.window = append(f.window, old)
	if s.options.Mixed {
		mixtures = s.mix(f)
	}
	f.turn = 0
	f.window = s.worstFirst(f.window)
	s.sweep(f)
	return mixtures
}

// mix brings into play what the newest version adds: its code with each earlier
// configuration, and each earlier code with its configuration. All other pairs
// came into play with earlier updates. The answer is what is new.
func (s *Server) mix(f *function) (mixtures []*version) {
	for _, earlier := range slices.Clone(f.window) {
		if earlier.mixed {
			continue
		}
		for _, m := range []*version{
			mixture(earlier, f.serving, earlier.until),
			mixture(f.serving, earlier, earlier.until),
		} {
			if known := f.inPlay(m.origin); known == nil {
				s.packages.keep(m.code)
				f.window = append(f.window, m)
				mixtures = append(mixtures, m)
			} else if known.mixed && known.until.Before(m.until) {
				known.until = m.until
			}
		}
	}
	return mixtures
}

// mixture is the code of one version with the configuration of another.
func mixture(code, configured *version, until time.Time) *version {
	conf, of := configured.configuration, code.configuration
	conf.CodeSha256, conf.CodeSize = of.CodeSha256, of.CodeSize
	if conf.Runtime != "go1.x" { // which runs on x86_64 only, whatever the code is for
		conf.Architectures = of.Architectures
	}
	return &version{
		configuration: conf,
		code:          code.code,
		origin:        origin{code.origin.code, configured.origin.configuration},
		mixed:         true,
		until:         until,
	}
}

// inPlay is what may serve of the given origin, nil if nothing does.
func (f *function) inPlay(o origin) *version {
	if f.serving.origin == o {
		return f.serving
	}
	for _, v := range f.window {
		if v.origin == o {
			return v
		}
	}
	return nil
}

// worstFirst puts what cannot be started before the rest, and else keeps the order.
func (s *Server) worstFirst(versions []*version) []*version {
	var startable, not []*version
	for _, v := range versions {
		if s.deployment(v).Startable() {
			startable = append(startable, v)
		} else {
			not = append(not, v)
		}
	}
	return append(not, startable...)
}

// pick is the version that the next invocation is for. Within the window every
// other one, beginning with the first, is for what is in play besides the newest
// version, each of these in turn. The server's mutex must be held, and what is
// over swept away.
func (f *function) pick() *version {
	if len(f.window) == 0 {
		return f.serving
	}
	turn := f.turn
	f.turn++
	if turn%2 == 1 {
		return f.serving
	}
	return f.window[turn/2%len(f.window)]
}

// sweep ends what is over of a function's window: versions, and environments
// whose moment to move over has come. It sets the timer for what is over next.
// The server's mutex must be held.
func (s *Server) sweep(f *function) {
	if len(f.window) == 0 || s.stopped {
		return
	}
	now := time.Now()
	var next time.Time
	later := func(t time.Time) bool {
		if !now.Before(t) {
			return false
		}
		if next.IsZero() || t.Before(next) {
			next = t
		}
		return true
	}
	f.window = slices.DeleteFunc(f.window, func(v *version) bool {
		if !later(v.until) {
			s.retire(v)
			return true
		}
		v.idle = slices.DeleteFunc(v.idle, func(e *environment) bool {
			if later(e.moves(v.until, s.options.Window)) {
				return false
			}
			s.processes.kill(e.process)
			return true
		})
		return false
	})
	switch {
	case next.IsZero():
	case f.timer == nil:
		f.timer = time.AfterFunc(next.Sub(now), func() { s.sweepLater(f) })
	default:
		f.timer.Reset(next.Sub(now))
	}
}

// sweepLater is sweep for a timer.
func (s *Server) sweepLater(f *function) {
	if !s.begin() {
		return
	}
	defer s.work.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(f)
}

// endWindow ends a function's window before its time. The server's mutex must
// be held.
func (s *Server) endWindow(f *function) {
	if f.timer != nil {
		f.timer.Stop()
	}
	for _, v := range f.window {
		s.retire(v)
	}
	f.window = nil
}

// moves is when an environment moves over whose version may serve until the
// given time: at the end for a version's first environment, and then, for
// however many there are, spread evenly over the time from the update, or from
// the environment's own first use, to the end.
func (e *environment) moves(until time.Time, window time.Duration) time.Time {
	begin := until.Add(-window)
	if begin.Before(e.warmed) {
		begin = e.warmed
	}
	// With the bits of 0, 1, 2, 3 … in reverse the fraction of the time that
	// goes before the end is 0, 1/2, 1/4, 3/4 …
	early := float64(bits.Reverse64(uint64(e.number))) / (1 << 64)
	return until.Add(-time.Duration(early * float64(until.Sub(begin))))
}
