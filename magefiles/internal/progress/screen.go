package progress

import (
	"fmt"
	"io"
	"strings"
)

// Escape sequences of ECMA-48 and xterm. Sources:
// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
// https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036
const (
	beginUpdate = "\x1b[?2026h" // synchronized output; unknown to some terminals, which ignore it
	endUpdate   = "\x1b[?2026l"
	hideCursor  = "\x1b[?25l"
	showCursor  = "\x1b[?25h"
	noWrap      = "\x1b[?7l"
	wrap        = "\x1b[?7h"
	eraseLine   = "\x1b[K" // to its end
	eraseBelow  = "\x1b[J" // from the cursor
	// eraseDrawn erases the line of the cursor and those below, of which there are
	// some. Erased from the top of the screen, tmux would keep them in its history.
	eraseDrawn = eraseLine + "\r\n" + eraseBelow + "\x1b[1A"
)

// screen redraws lines in place on a terminal.
//
// Between two writes the cursor is visible and on an empty line above the lines. So
// whatever else is written, such as a message of mage, fills that line and the
// lines move below it; a terminal that wraps lines anew after a
// resize keeps the cursor at their beginning; and a program that ends at any
// moment leaves the terminal as it should be.
type screen struct {
	w     io.Writer
	drawn string // what is on the screen
	size  Size   // of the terminal when it was drawn
}

// draw replaces the lines on the screen, which has that size.
//
// After a resize it erases them first. A terminal that has wrapped a line may
// otherwise take what is written over it for one line with the next, and join them
// at the next resize. Lines that a terminal moves off the screen when it wraps them
// stay in its history.
func (s *screen) draw(lines []string, size Size) {
	before := ""
	if size != s.size && s.drawn != "" {
		before = eraseDrawn
	}
	s.size = size
	text := strings.Join(lines, eraseLine+"\r\n")
	switch {
	case text == s.drawn && before == "":
		return
	case text == "":
		s.erase()
		return
	}
	s.drawn = text
	s.write(before + eraseLine + "\r\n" + text + eraseLine + eraseBelow + fmt.Sprintf("\x1b[%dA\r", len(lines)))
}

// erase removes the lines from the screen.
func (s *screen) erase() {
	if s.drawn != "" {
		s.write(eraseDrawn)
	}
	s.drawn = ""
}

// leave draws lines for the last time and moves below them.
func (s *screen) leave(lines []string) {
	s.drawn = ""
	s.write(strings.Join(lines, eraseLine+"\r\n") + eraseLine + eraseBelow + "\r\n")
}

// write writes in one piece. Nothing can be done about an error: the terminal is
// gone.
func (s *screen) write(text string) {
	_, _ = io.WriteString(s.w, beginUpdate+hideCursor+noWrap+"\r"+text+wrap+showCursor+endUpdate)
}
