package report

import (
	"fmt"
	"strconv"
	"time"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/progress"
	"example.com/dualboot/magefiles/internal/text"
)

// chart is the timeline as it is drawn. Horizontal positions are in percent of the
// width, so that it fits every screen and text keeps its size. Vertical ones are in
// pixels.
type chart struct {
	Ticks  []tick
	Stages []lane
	Lanes  []lane // a function each, or many if there are many functions
	Calls  *plot  // invocations a second, or nil
	Errors *plot
}

// tick is a line of the time axis.
type tick struct {
	X, Label string
	Anchor   string // where the label is: start, middle or end
}

// lane is a drawing on the time axis, with words above it.
type lane struct {
	Name, Outcome string
	Failed        bool
	Height        int
	Rows          []lines
	Ticks         []tick
}

// lines is what one function, or one stage, has on a lane.
type lines struct {
	Title string
	Bars  []bar
	Fail  *mark
}

// bar is a segment.
type bar struct {
	Class, X, Width string
	Y, Height       int
	Label, Middle   string // in the segment, if it is wide enough
	Baseline        int
}

// mark is the sign of a failure.
type mark struct {
	X, Anchor string
	Y         int
}

// plot is a bar chart over time.
type plot struct {
	Name   string
	Height int
	Bars   []bar
	Ticks  []tick
}

const (
	barHeight   = 14
	stageHeight = 6
	rowHeight   = 4     // of a function without a name
	few         = 40    // how many functions have their names in the chart
	together    = 50    // how many functions share a lane otherwise
	least       = 0.004 // the share of a bar that is still visible
	wide        = 0.22  // the share of a bar that has room for words
	plotHeight  = 56
	points      = 120 // bars of a plot, at most
)

func newChart(t *Timeline) chart {
	a := axis{max(t.Took, Tick)}
	c := chart{Ticks: a.ticks()}
	for _, s := range t.Stages {
		l := lane{Name: s.Name, Height: stageHeight, Rows: []lines{{}}, Ticks: c.Ticks}
		took := time.Duration(0)
		for _, span := range s.Spans {
			took += span.Took()
			l.Rows[0].Bars = append(l.Rows[0].Bars, a.bar("stage", span, 0, stageHeight))
		}
		l.Outcome = seconds(took)
		c.Stages = append(c.Stages, l)
	}
	if len(t.Functions) <= few {
		for _, f := range t.Functions {
			c.Lanes = append(c.Lanes, lane{
				Name: f.Name, Outcome: f.words(), Failed: f.failed(),
				Height: barHeight, Rows: []lines{a.function(f, 0, barHeight, true)}, Ticks: c.Ticks,
			})
		}
	} else {
		c.Lanes = a.crowd(t.Functions)
	}
	if t.Traffic != nil {
		c.Calls, c.Errors = a.plots(t.Traffic)
	}
	return c
}

// axis is the time axis.
type axis struct{ length time.Duration }

// share returns where a time is on the axis, from 0 to 1.
func (a axis) share(d time.Duration) float64 {
	return min(1, max(0, float64(d)/float64(a.length)))
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 2, 64) + "%" }

// ticks returns at most seven ticks, which fit a phone.
func (a axis) ticks() (ticks []tick) {
	step := 100 * time.Millisecond
	for _, factor := range []time.Duration{2, 5, 10, 20, 50, 100, 200, 300, 600, 1200, 3000, 6000, 12000, 18000, 36000} {
		if a.length <= 6*step {
			break
		}
		step = factor * 100 * time.Millisecond
	}
	for step*6 < a.length {
		step *= 2
	}
	for at := time.Duration(0); at <= a.length; at += step {
		t := tick{X: percent(a.share(at)), Label: moment(at), Anchor: "middle"}
		switch share := a.share(at); {
		case at == 0:
			t.Anchor = "start"
		case share > 0.95:
			t.Anchor = "end"
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// moment returns a time on the axis: "0", "0.5 s", "90 s", "10 min".
func moment(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d >= 2*time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
}

// seconds returns a duration: "12 ms", "4.2 s", "1 min 5.0 s".
func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	d = d.Round(100 * time.Millisecond)
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %.1f s", d/time.Minute, (d % time.Minute).Seconds())
}

func (a axis) bar(class string, s Span, y, height int) bar {
	begin := a.share(s.Begin)
	width := max(least, a.share(s.End)-begin)
	begin = min(begin, 1-width)
	return bar{
		Class: class, X: percent(begin), Width: percent(width), Y: y, Height: height,
		Middle: percent(begin + width/2), Baseline: y + height - 3,
	}
}

// function draws a function at a height. Wide segments get labels if there is room.
func (a axis) function(f *Function, y, height int, labels bool) lines {
	l := lines{Title: f.Name + ": " + f.words()}
	var short []bar // above the others, which would hide them
	for _, s := range f.Segments {
		b := a.bar(s.class(), s.Span, y, height)
		switch share := a.share(s.Took()); {
		case share < least:
			short = append(short, b)
			continue
		case labels && share > wide:
			b.Label = s.short()
		}
		l.Bars = append(l.Bars, b)
	}
	l.Bars = append(l.Bars, short...)
	if n := len(f.Segments); f.failed() {
		end := 0.0
		if n > 0 {
			end = a.share(f.Segments[n-1].End)
		}
		l.Fail = &mark{X: percent(end), Anchor: "start", Y: max(9, y+height-2)}
		if end > 0.5 {
			l.Fail.Anchor = "end"
		}
	}
	return l
}

// crowd draws many functions, some of them on each lane.
func (a axis) crowd(functions []*Function) (lanes []lane) {
	for from := 0; from < len(functions); from += together {
		part := functions[from:min(from+together, len(functions))]
		l := lane{
			Name:   fmt.Sprintf("%d–%d: %s to %s", from+1, from+len(part), part[0].Name, part[len(part)-1].Name),
			Height: rowHeight * len(part), Ticks: a.ticks(),
		}
		failed := 0
		for i, f := range part {
			l.Rows = append(l.Rows, a.function(f, i*rowHeight, rowHeight-1, false))
			if f.failed() {
				failed++
			}
		}
		if failed > 0 {
			l.Failed, l.Outcome = true, fmt.Sprintf("✗ %d failed", failed)
		}
		lanes = append(lanes, l)
	}
	return lanes
}

// plots returns the plots of invocations and errors.
func (a axis) plots(traffic []Count) (calls, errors *plot) {
	per := max(1, (len(traffic)+points-1)/points) // ticks in a bar
	width := time.Duration(per) * Tick
	var sums []Count
	var total, most Count
	for i, c := range traffic {
		if i%per == 0 {
			sums = append(sums, Count{})
		}
		last := &sums[len(sums)-1]
		last.Invocations += c.Invocations
		last.Errors += c.Errors
		total.Invocations += c.Invocations
		total.Errors += c.Errors
		most = Count{max(most.Invocations, last.Invocations), max(most.Errors, last.Errors)}
	}
	draw := func(noun, class string, total, most int, of func(Count) int) *plot {
		p := &plot{Height: plotHeight, Name: text.Count(total, noun), Ticks: a.ticks()}
		if total == 0 {
			p.Height = 1
			return p
		}
		p.Name += ", at most " + text.Digits(float64(most)/width.Seconds()) + " a second"
		for i, c := range sums {
			if height := plotHeight * of(c) / max(1, most); of(c) > 0 {
				begin := time.Duration(i) * width
				height = max(2, height)
				overlap := a.length / 1000 // leaves no gap where pixels are rounded
				p.Bars = append(p.Bars, a.bar(class, Span{begin, begin + width + overlap}, plotHeight-height, height))
			}
		}
		return p
	}
	return draw("invocation", "calls", total.Invocations, most.Invocations, func(c Count) int { return c.Invocations }),
		draw("error", "errors", total.Errors, most.Errors, func(c Count) int { return c.Errors })
}

// kinds are the segments that there may be, in the order of the legend, which names
// the first one of a class.
var kinds = []struct {
	kind        fleet.Kind
	class, name string
}{
	{fleet.UpdateCode, "code", "update the code"},
	{fleet.Wait, "wait", "wait for the update"},
	{fleet.Settle, "settle", "settle"},
	{fleet.UpdateConfiguration, "switch", "switch the runtime"},
	{fleet.Inspect, "inspect", "read the zip"},
	{fleet.Look, "insure", "look for the snapshot"},
	{fleet.Publish, "insure", "publish a version"},
	{fleet.Point, "insure", "move an event source mapping"},
	{fleet.Attach, "switch", "attach the layer"},
	{fleet.Detach, "switch", "detach the layer"},
	{fleet.Check, "inspect", "check the program"},
}

func (s Segment) class() string {
	for _, k := range kinds {
		if k.kind == s.Kind && !s.Queued {
			return k.class
		}
	}
	return "queued"
}

// short names a segment: "settle", "queued".
func (s Segment) short() string {
	for _, k := range kinds {
		if k.kind == s.Kind && !s.Queued {
			return k.name
		}
	}
	return "queued"
}

func (f *Function) failed() bool {
	return f.Over && (f.Outcome == progress.Failed || f.Outcome == progress.Stopped)
}

// outcome says how it ended, with a sign: "✓ changed".
func (f *Function) outcome() string {
	switch {
	case !f.Over:
		return "– not finished"
	case f.Outcome == progress.Failed:
		return "✗ failed"
	case f.Outcome == progress.Stopped:
		return "✗ stopped"
	case f.Outcome == progress.Unchanged:
		return "– unchanged"
	}
	return "✓ changed"
}

// words says how it ended and how long that took: "✓ changed · 4.2 s".
func (f *Function) words() string {
	if len(f.Segments) == 0 {
		return f.outcome()
	}
	return f.outcome() + " · " + seconds(f.Took())
}
