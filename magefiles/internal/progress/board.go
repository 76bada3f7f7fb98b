package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"example.com/dualboot/magefiles/internal/text"
)

// Options are the options of a [Board].
type Options struct {
	// Size returns the size of the terminal, on which the model is redrawn in
	// place; nil writes lines instead.
	Size func() Size
	// Colour says whether styles are used.
	Colour bool
	// Group frames the lines of each part with commands of GitHub Actions.
	Group bool
}

const (
	// refresh is the time between two frames.
	refresh = 100 * time.Millisecond
	// silence is how long no line is written, at most, unless the last one says until
	// when.
	silence = 2 * time.Second
)

// Board shows a model while a command works. Its methods may be called from many
// goroutines.
type Board struct {
	w     io.Writer
	opts  Options
	start time.Time

	mu      sync.Mutex
	model   *Model
	screen  screen
	spoken  time.Time // of the last line
	quiet   time.Time // until when that line has said that nothing happens, or zero
	meter   func() Metered
	running bool
	stop    chan struct{}
	stopped sync.WaitGroup
}

// NewBoard returns a board that begins now.
func NewBoard(w io.Writer, o Options) *Board {
	now := time.Now()
	return &Board{w: w, opts: o, start: now, spoken: now, model: NewModel(now), screen: screen{w: w}}
}

// Live reports whether the board redraws in place.
func (b *Board) Live() bool { return b.opts.Size != nil }

// Size returns the size of the terminal on which the board redraws.
func (b *Board) Size() Size {
	if !b.Live() {
		return Size{}
	}
	return b.opts.Size()
}

// Meter makes the board show what the function returns.
func (b *Board) Meter(meter func() Metered) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.meter = meter
}

// Post takes in an event. A title, a stage or functions make the board show the
// model until Stop.
func (b *Board) Post(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.model.Fold(time.Now(), e)
	b.stir()
	switch e.(type) {
	case Titled, Began, Counted:
		b.begin()
	case Interrupted:
		b.interrupt()
	}
}

// stir ends a silence that a line has announced, as if that line was written now.
// The caller holds b.mu.
func (b *Board) stir() {
	if !b.quiet.IsZero() {
		b.spoken, b.quiet = time.Now(), time.Time{}
	}
}

// interrupt replaces the table by a line until Stop: mage ends a program that takes
// too long to end, and then writes its own message. The caller holds b.mu.
func (b *Board) interrupt() {
	if b.running {
		b.screen.erase()
		b.line("interrupted: " + inFlight)
	}
}

// redraws reports whether the model is on the screen. The caller holds b.mu.
func (b *Board) redraws() bool { return b.running && b.Live() && !b.model.interrupted }

// begin makes the board show the model. The caller holds b.mu.
func (b *Board) begin() {
	if b.running {
		return
	}
	b.running = true
	b.stop = make(chan struct{})
	stop := b.stop
	b.stopped.Go(func() { b.run(stop) })
	if b.opts.Group {
		fmt.Fprintf(b.w, "::group::%s\n", b.model.title)
	}
}

// Linef writes a line after the seconds since the beginning, above what is redrawn.
func (b *Board) Linef(format string, args ...any) {
	b.Do(func() { b.line(fmt.Sprintf(format, args...)) })
}

// Raw writes text as it is, above what is redrawn.
func (b *Board) Raw(s string) { b.Do(func() { _, _ = io.WriteString(b.w, s) }) }

// line writes a line. The caller holds b.mu.
func (b *Board) line(s string) {
	b.spoken, b.quiet = time.Now(), time.Time{}
	before := fmt.Sprintf("%7.1fs  ", b.spoken.Sub(b.start).Seconds())
	if b.Live() {
		_, _ = io.WriteString(b.w, text.Indent(before, s, b.opts.Size().Width))
		return
	}
	fmt.Fprintln(b.w, before+s)
}

// Do calls do while nothing is redrawn, for whatever else writes to the terminal or
// reads from it.
func (b *Board) Do(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.screen.erase()
	do()
	if b.redraws() {
		b.screen.draw(b.frame(), b.opts.Size())
	}
}

// Stop ends the display. The functions stay on the terminal, and stages do not.
func (b *Board) Stop() {
	b.mu.Lock()
	running := b.running
	b.running = false
	if running {
		close(b.stop)
	}
	b.mu.Unlock()
	b.stopped.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if running && b.Live() {
		b.screen.erase()
		b.model.Fold(time.Now(), Ended{})
		if len(b.model.rows) > 0 {
			b.screen.leave(b.frame())
		}
	}
	if running && b.opts.Group {
		fmt.Fprintln(b.w, "::endgroup::")
	}
}

// run shows the model until stop is closed.
func (b *Board) run(stop chan struct{}) {
	ticker := time.NewTicker(refresh)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			b.tick()
		}
	}
}

func (b *Board) tick() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.running { // it has waited for the mutex since before Stop
		return
	}
	now := time.Now()
	if b.meter != nil {
		b.model.Fold(now, b.meter())
	}
	if b.redraws() {
		b.screen.draw(b.frame(), b.opts.Size())
		return
	}
	if !now.Before(b.quiet) {
		b.stir()
	}
	if b.quiet.IsZero() && now.Add(refresh).Sub(b.spoken) > silence { // the next tick is too late
		line, quiet := b.model.Line(now)
		b.line("still " + line)
		b.quiet = quiet
	}
}

func (b *Board) frame() []string { return Frame(b.model, time.Now(), b.opts.Size(), b.opts.Colour) }
