package emulator

import (
	"math/bits"
	"slices"
	"time"
)

// The window is the time after an update in which AWS may still serve what the
// update replaced; see [Options.Window]. function.window holds what may serve
// besides the newest deployment: the replaced deployments and, with
// [Options.Mixed], mixtures of them. A mixture is a deployment like any other,
// with its own environments.

// replace makes d the deployment that serves a function. Without a window the
// replaced deployment ends at once, else with the window. It returns the
// mixtures that become possible.
func (s *Server) replace(f *function, d *deployment) (mixtures []*deployment) {
	old := f.serving
	f.serving = d
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
	rank := func(d *deployment) int {
		if s.describe(d).Startable() {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(f.window, func(a, b *deployment) int { return rank(a) - rank(b) })
	s.sweep(f)
	return mixtures
}

// mix adds to the window what the newest deployment makes possible: its code
// with each replaced configuration, and each replaced code with its
// configuration. Previous updates have added the other pairs. It returns the
// mixtures that are new.
func (s *Server) mix(f *function) (mixtures []*deployment) {
	for _, old := range slices.Clone(f.window) {
		if old.mixed {
			continue
		}
		for _, m := range []*deployment{mixture(old, f.serving), mixture(f.serving, old)} {
			inPlay := append([]*deployment{f.serving}, f.window...)
			i := slices.IndexFunc(inPlay, func(d *deployment) bool { return d.origin == m.origin })
			if i < 0 {
				m.until = old.until
				f.window = append(f.window, s.keep(m))
				mixtures = append(mixtures, m)
			} else if known := inPlay[i]; known.mixed && known.until.Before(old.until) {
				known.until = old.until
			}
		}
	}
	return mixtures
}

// mixture returns the code of one deployment with the configuration of another.
func mixture(code, configured *deployment) *deployment {
	conf, of := configured.configuration, code.configuration
	conf.CodeSha256, conf.CodeSize = of.CodeSha256, of.CodeSize
	if supports(conf.Runtime, of.architecture()) {
		conf.Architectures = of.Architectures
	}
	return &deployment{configuration: conf, code: code.code, opt: configured.opt, origin: origin{code.origin.code, configured.origin.configuration}, mixed: true}
}

// pickLatest returns the deployment for the next invocation of $LATEST. Within
// the window every other invocation, starting with the first, is for one of the
// window's deployments, each in turn.
func (f *function) pickLatest() *deployment {
	turn := f.turn
	f.turn++
	if len(f.window) == 0 || turn%2 == 1 {
		return f.serving
	}
	return f.window[turn/2%len(f.window)]
}

// sweep ends what is over of a function's window: deployments, and instances at
// their time to move. It sets the timer for the next end.
func (s *Server) sweep(f *function) {
	if len(f.window) == 0 || s.stopped {
		return
	}
	now := time.Now()
	next := now.Add(s.options.Window)
	over := func(t time.Time) bool {
		if t.After(now) && t.Before(next) {
			next = t
		}
		return !t.After(now)
	}
	f.window = slices.DeleteFunc(f.window, func(d *deployment) bool {
		if over(d.until) {
			s.retire(d)
			return true
		}
		d.idle = slices.DeleteFunc(d.idle, func(i *instance) bool {
			end := over(i.moves(d.until, s.options.Window))
			if end {
				i.Kill()
			}
			return end
		})
		return false
	})
	if f.timer == nil {
		f.timer = time.AfterFunc(next.Sub(now), func() { s.sweepLater(f) })
	} else {
		f.timer.Reset(next.Sub(now))
	}
}

// sweepLater is sweep for a timer. It locks mu.
func (s *Server) sweepLater(f *function) {
	if s.begin() {
		defer s.work.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sweep(f)
	}
}

func (s *Server) endWindow(f *function) {
	if f.timer != nil {
		f.timer.Stop()
	}
	for _, d := range f.window {
		s.retire(d)
	}
	f.window = nil
}

// moves returns when an instance moves to the newest deployment, that is, ends,
// if its deployment may serve until the given time. The first instance moves at
// the end. Any number of others are spread evenly over the time before, which
// begins with the update or the instance's first use.
func (i *instance) moves(until time.Time, window time.Duration) time.Time {
	begin := until.Add(-window)
	if begin.Before(i.warmed) {
		begin = i.warmed
	}
	// Reversing the bits of 0, 1, 2, 3 … gives the fractions 0, 1/2, 1/4, 3/4 …
	early := float64(bits.Reverse64(uint64(i.number))) / (1 << 64)
	return until.Add(-time.Duration(early * float64(until.Sub(begin))))
}
