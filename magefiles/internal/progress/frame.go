package progress

import (
	"fmt"
	"strings"
	"time"

	"example.com/dualboot/magefiles/internal/text"
)

// Size is the size of a terminal.
type Size struct{ Width, Height int }

// margin is the indent of the lines below the title.
const margin = "  "

// Frame returns the lines that show the model at a time on a terminal: a title,
// the stages that are not over, the functions, and the totals. No line is as wide
// as the terminal, and one row of the terminal is left. If the functions
// do not fit, those that something is done to come first, then those that failed,
// those that wait, and the rest is counted. Without a title, stages and functions
// there are no lines. Colours only repeat what the words say.
func Frame(m *Model, now time.Time, size Size, colour bool) []string {
	if m.title == "" && len(m.stages)+len(m.rows) == 0 {
		return nil
	}
	f := &frame{Model: m, now: now, width: max(1, size.Width-1), colour: colour}
	lines := []string{f.head()}
	for _, s := range m.stages {
		lines = append(lines, f.cut(margin+f.stage(s)))
	}
	if len(m.rows) > 0 {
		const around = 3 // the header and the totals
		lines = append(lines, f.table(size.Height-1-len(lines)-around)...)
		lines = append(lines, f.cut(margin+m.totals("working")), f.cut(margin+f.bar()))
	}
	if most := max(1, size.Height-1); len(lines) > most {
		lines = lines[:most]
	}
	return lines
}

// frame is what the lines of one frame have in common.
type frame struct {
	*Model
	now    time.Time
	width  int
	colour bool
}

func (f *frame) cut(s string) string { return text.Shorten(s, f.width) }

func (f *frame) head() string {
	title := f.title
	if f.interrupted {
		title += ": interrupted"
	}
	return Bold.Paint(f.colour, f.cut(fmt.Sprintf("%7.1fs  %s", f.now.Sub(f.start).Seconds(), title)))
}

// stage describes a stage.
func (f *frame) stage(s Counted) string {
	if s.Until.IsZero() {
		return s.String()
	}
	return s.String() + ", " + clock(s.Until.Sub(f.now)) + " left"
}

// bar returns the share that is done, and what is sent to AWS.
func (f *frame) bar() string {
	share := f.share(f.now)
	after := fmt.Sprintf("%3d %%", int(100*share))
	if traffic := f.traffic(); traffic != "" {
		after += "  " + traffic
	}
	const most, room = 40, 33 // room for what follows, which changes
	cells := min(most, f.width-len(margin)-max(room, text.Width(after))-4)
	if cells < 5 {
		cells = min(most, f.width-len(margin)-text.Width(after)-4)
	}
	if cells < 5 {
		return after
	}
	full := int(share * float64(cells))
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", cells-full) + "]  " + after
}

// table returns the header and at most so many rows; the last one may be a count.
func (f *frame) table(most int) []string {
	shown, hidden := f.choose(most)
	columns := f.columns()
	var lines []string
	if len(shown) > 0 {
		lines = append(lines, Faint.Paint(f.colour, f.cut(columns.line("FUNCTION", "STEP", "TIME"))))
	}
	for _, r := range shown {
		lines = append(lines, styles[r.state].Paint(f.colour, f.cut(columns.line(text.Line(r.name), f.step(r), f.elapsed(r)))))
	}
	if hidden != "" {
		lines = append(lines, Faint.Paint(f.colour, f.cut(margin+hidden)))
	}
	return lines
}

// choose returns the rows to show in so many lines, and a count of the others.
func (f *frame) choose(most int) (shown []*row, hidden string) {
	if len(f.rows) <= most {
		for i := range f.rows {
			shown = append(shown, &f.rows[i])
		}
		return shown, ""
	}
	count := map[state]int{}
	room := most - 1 // for the count
	for _, first := range []func(*row) bool{
		func(r *row) bool { return r.state == active },
		func(r *row) bool { return r.state == failed || r.state == stopped },
		func(r *row) bool { return r.state == settling },
		func(r *row) bool { return r.state == queued },
		func(r *row) bool { return r.state == waiting || r.state == changed || r.state == unchanged },
	} {
		for i := range f.rows {
			r := &f.rows[i]
			switch {
			case !first(r):
			case len(shown) < room:
				shown = append(shown, r)
			default:
				count[r.state]++
			}
		}
	}
	return shown, others(count)
}

// others describes functions that are not shown: "and 180 more: 120 waiting, 60
// done".
func others(count map[state]int) string {
	var parts []string
	all := 0
	for _, c := range []struct {
		n    int
		what string
	}{
		{count[failed], "failed"},
		{count[stopped], "stopped"},
		{count[active] + count[settling] + count[queued], "in progress"},
		{count[waiting], "waiting"},
		{count[changed] + count[unchanged], "done"},
	} {
		if c.n > 0 {
			all += c.n
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(parts) == 1 {
		_, what, _ := strings.Cut(parts[0], " ")
		parts[0] = "all " + what
	}
	return fmt.Sprintf("and %s more: %s", text.Thousands(all), strings.Join(parts, ", "))
}

// step describes what is done to a function.
func (f *frame) step(r *row) string {
	switch r.state {
	case waiting:
		return "waiting"
	case settling:
		return "settle, " + clock(r.ends.Sub(f.now)) + " left"
	}
	return text.Line(r.text)
}

// elapsed returns the time since a step began, or how long the function took.
func (f *frame) elapsed(r *row) string {
	switch {
	case r.state == waiting:
		return ""
	case r.over():
		return clock(r.since.Sub(r.first))
	}
	return clock(f.now.Sub(r.since))
}

// columns are the widths of the columns of a table.
type columns struct{ name, step, time int }

func (f *frame) columns() columns {
	const most, times = 44, len("99m59s")
	c := columns{name: len("FUNCTION"), time: times}
	for i := range f.rows {
		c.name = max(c.name, text.Width(f.rows[i].name))
	}
	room := f.width - len(margin) - 2 - 2 - times
	c.name = max(0, min(c.name, most, room*42/100))
	c.step = max(0, min(most, room-c.name))
	return c
}

// line returns a row without a style.
func (c columns) line(name, step, time string) string {
	return strings.TrimRight(margin+text.Pad(text.ShortenMiddle(name, c.name), c.name+2)+text.Pad(text.Shorten(step, c.step), c.step+2)+fmt.Sprintf("%*s", c.time, time), " ")
}
