//go:build unix

package targets_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/text"
)

// pictureFile is the picture of the live table in the README.
const pictureFile = "../docs/deploy.svg"

// checkPicture compares a frame of the live table with the picture in the README,
// or draws that with -update. Times, sizes and the bar may differ.
func checkPicture(t *testing.T, frame []string) {
	t.Helper()
	picture := draw(append([]string{"$ mage deployProd", ""}, frame...))
	if *update {
		if err := os.WriteFile(pictureFile, []byte(picture), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(pictureFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(structure(string(committed)), structure(picture)); diff != "" {
		t.Errorf("the program draws something else than %s shows (-picture +program), see -update:\n%s", pictureFile, diff)
	}
}

// lastFrame returns the lines that a program has drawn last on a terminal, with
// their styles.
func lastFrame(written string) []string {
	const begin, end, eraseLine = "\x1b[?2026h", "\x1b[?2026l", "\x1b[K"
	frame := written[strings.LastIndex(written[:strings.LastIndex(written, end)], begin):]
	lines := strings.Split(strings.ReplaceAll(frame, "\r", ""), eraseLine+"\n")[1:]
	last := len(lines) - 1
	lines[last], _, _ = strings.Cut(lines[last], eraseLine)
	return lines
}

// structure is what two pictures of the same table share.
func structure(picture string) []string {
	for _, r := range []struct{ pattern, with string }{
		{`textLength="[\d.]+"`, `textLength="N"`},
		{`\b(\d+m)?\d+(\.\d)?s\b`, "TIME"},
		{`\d+(\.\d)? (%|calls/s|MB)`, "N $2"},
		{`\[#*-*\]`, "BAR"},
		{` +`, " "},
	} {
		picture = regexp.MustCompile(r.pattern).ReplaceAllString(picture, r.with)
	}
	return strings.Split(picture, "\n")
}

// The size of a character of the picture, and of the margin around all.
const (
	cellWidth, cellHeight = 8.4, 20.0
	border                = 16.0
)

// draw returns an SVG of lines with styles, as wide as a terminal of 80 columns.
// Text stays text. It is readable where the reader prefers light or dark colours.
func draw(lines []string) string {
	width, height := 80*cellWidth+2*border, float64(len(lines))*cellHeight+2*border
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" viewBox="0 0 %[1]g %[2]g" width="%[1]g" height="%[2]g">
<title id="title">mage deployProd on a terminal</title>
<desc id="desc">A table with a row for each function, its step, and how long that takes. One function is done, and three wait for the end of their settle delay, with the time that is left. Below are the totals and a progress bar.</desc>
<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; fill: #1f2328 }
rect { fill: #f6f8fa; stroke: #d1d9e0 }
.s1 { font-weight: bold } .s2 { fill: #59636e } .s31 { fill: #b3121d } .s32 { fill: #116329 } .s33 { fill: #7d4e00 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } rect { fill: #0d1117; stroke: #3d444d }
.s2 { fill: #9198a1 } .s31 { fill: #ff7b72 } .s32 { fill: #3fb950 } .s33 { fill: #d29922 }
}
</style>
<rect x="0.5" y="0.5" width="%g" height="%g" rx="8"/>
`, width, height, width-1, height-1)
	for i, line := range lines {
		if line == "" {
			continue
		}
		style, words := styled(line)
		fmt.Fprintf(&b, `<text x="%g" y="%g" textLength="%.1f" xml:space="preserve"%s>`, border, border+float64(i)*cellHeight+14, float64(text.Width(words))*cellWidth, style)
		xml.EscapeText(&b, []byte(words))
		b.WriteString("</text>\n")
	}
	return b.String() + "</svg>\n"
}

// styled returns the class of a line that has a style, and its words.
func styled(line string) (class, words string) {
	sgr := regexp.MustCompile(`\x1b\[(\d*)m`)
	if m := sgr.FindStringSubmatch(line); m != nil {
		class = fmt.Sprintf(` class="s%s"`, m[1])
	}
	return class, sgr.ReplaceAllString(line, "")
}
