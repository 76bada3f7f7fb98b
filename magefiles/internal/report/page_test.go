package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/progress"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func rendered(t *testing.T, line Timeline) string {
	t.Helper()
	var b strings.Builder
	if err := WritePage(&b, line); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestGolden compares the page and the trace of three functions with golden files.
func TestGolden(t *testing.T) {
	var trace strings.Builder
	line := rehearsed(3)
	for i := range line.Traffic {
		line.Traffic[i].Invocations += i % 3
	}
	line.Traffic = line.Traffic[:50]
	if err := WriteTrace(&trace, line); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"page.html": rendered(t, line), "trace.json": trace.String()} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
			t.Errorf("%s differs; -want +got:\n%s", name, diff)
		}
	}
}

// TestPage checks that pages of all sizes are well-formed, refer to nothing, run
// nothing, draw within the width, and show names and errors as text.
func TestPage(t *testing.T) {
	odd := deployed(2)
	odd.Title = "deploy </title><script>alert(1)</script>"
	odd.Functions[0].Name = `"><img src=x onerror=alert(1)>`
	odd.Failures = []string{"a\x1b[31m\x00\xff\ufffe\nb", "https://docs.aws.amazon.com/lambda"}
	for name, line := range map[string]Timeline{
		"nothing": {Verdict: "FAIL: no credentials"}, "odd": odd,
		"1": deployed(1), "3": rehearsed(3), "40": deployed(40), "41": rehearsed(41), "300": rehearsed(300),
	} {
		t.Run(name, func(t *testing.T) {
			page := rendered(t, line)
			cells := wellFormed(t, page)
			if len(cells) != len(line.Functions) {
				t.Errorf("%d functions are in the table, want %d", len(cells), len(line.Functions))
			}
			for _, f := range line.Functions {
				if !cells[f.Name] {
					t.Errorf("%q is not in the table", f.Name)
				}
			}
		})
	}
}

// attribute is what an attribute may be; others load or run something.
var attribute = regexp.MustCompile(`^(aria-|data-name$|class$|id$|lang$|charset$|name$|content$|http-equiv$|role$|style$|width$|height$|[xyrd]$|[xy][12]$|c[xy]$|text-anchor$|pattern)`)

// wellFormed checks a page and returns the names in its table.
func wellFormed(t *testing.T, page string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	d := xml.NewDecoder(strings.NewReader(page))
	for inName := false; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			inName = false
			switch e.Name.Local {
			case "script", "link", "img", "iframe", "object", "a", "image", "use":
				t.Errorf("the page has the element %s", e.Name.Local)
			}
			for _, a := range e.Attr {
				if !attribute.MatchString(a.Name.Local) || strings.Contains(a.Value, "//") {
					t.Errorf("the page has the attribute %s=%q", a.Name.Local, a.Value)
				}
				if n, ok := strings.CutSuffix(a.Value, "%"); ok {
					if v, err := strconv.ParseFloat(n, 64); err != nil || v < 0 || v > 100 {
						t.Errorf("%s of a %s is %q", a.Name.Local, e.Name.Local, a.Value)
					}
				}
				inName = inName || e.Name.Local == "td" && a.Name.Local == "class" && a.Value == "name"
			}
		case xml.CharData:
			if inName {
				names[string(e)] = true
			}
		case xml.EndElement:
			inName = false
		}
	}
	style, _, _ := strings.Cut(page, "</style>")
	if strings.Contains(style, "@import") || strings.Contains(strings.ReplaceAll(style, "url(#", ""), "url(") {
		t.Error("the styles refer to something else")
	}
	return names
}

// TestContrast checks the colours against WCAG 2.1: 4.5 for text and 3 for what is
// drawn. Source: https://www.w3.org/TR/WCAG21/#contrast-minimum
func TestContrast(t *testing.T) {
	declaration := regexp.MustCompile(`--([a-z]+): #([0-9a-f]+);`)
	style, err := sources.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	schemes := strings.Split(string(style), ":root {")[1:]
	if len(schemes) != 2 {
		t.Fatalf("%d colour schemes, want light and dark", len(schemes))
	}
	for i, scheme := range schemes {
		scheme, _, _ = strings.Cut(scheme, "}")
		colours := map[string]float64{}
		for _, m := range declaration.FindAllStringSubmatch(scheme, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for name, least := range map[string]float64{
			"text": 4.5, "faint": 4.5, "good": 4.5, "bad": 4.5, "code": 3, "wait": 3, "settle": 3, "switch": 3, "inspect": 3,
		} {
			for _, ground := range []string{"page", "tint"} {
				a, b := colours[name], colours[ground]
				if contrast := (max(a, b) + 0.05) / (min(a, b) + 0.05); contrast < least {
					t.Errorf("scheme %d: the contrast of %s to %s is %.2f, want at least %.1f", i, name, ground, contrast, least)
				}
			}
		}
	}
}

// luminance returns the relative luminance of a colour: "fff", "1b1f24".
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = fmt.Sprintf("%c%[1]c%c%[2]c%c%[3]c", hex[0], hex[1], hex[2])
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestTicks(t *testing.T) {
	for seconds, want := range map[float64]string{
		0.3: "0 0.1 s 0.2 s 0.3 s", 1: "0 0.2 s 0.4 s 0.6 s 0.8 s 1 s", 75: "0 20 s 40 s 60 s",
		700: "0 2 min 4 min 6 min 8 min 10 min", 4000: "0 20 min 40 min 60 min", 1e6: "",
	} {
		ticks := axis{ago(seconds)}.ticks()
		var labels []string
		for _, tick := range ticks {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); want != "" && got != want || len(ticks) < 3 || len(ticks) > 7 {
			t.Errorf("%v s: %q, want %q", seconds, got, want)
		}
	}
}

// TestTrace checks that each track holds its slices one after the other, as
// Perfetto wants them.
func TestTrace(t *testing.T) {
	var b strings.Builder
	line := rehearsed(20)
	if err := WriteTrace(&b, line); err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name, Ph string
		Ts       int64
		Dur      *int64
		Pid, Tid int
		Args     map[string]any
	}
	if err := json.Unmarshal([]byte(b.String()), &events); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), traceMark) {
		t.Errorf("it begins with %.40q", b.String())
	}
	type track struct{ process, thread int }
	ends, names, slices, invocations := map[track]int64{}, map[track]any{}, map[track]int{}, 0.0
	for _, e := range events {
		at := track{e.Pid, e.Tid}
		switch e.Ph {
		case "M":
			if e.Name == "thread_name" {
				names[at] = e.Args["name"]
			}
		case "X":
			if e.Dur == nil || e.Ts < ends[at] {
				t.Errorf("%s of %v begins at %d, before the end of another slice at %d", e.Name, names[at], e.Ts, ends[at])
				continue
			}
			ends[at] = e.Ts + *e.Dur
			slices[at]++
		case "C":
			invocations += e.Args["invocations"].(float64)
		}
	}
	for i, f := range line.Functions {
		at := track{functionGroup, i + 1}
		if names[at] != f.Name || slices[at] != len(f.Segments) {
			t.Errorf("track %v is of %v and has %d slices; want %s and %d", at, names[at], slices[at], f.Name, len(f.Segments))
		}
	}
	want := 0
	for _, c := range line.Traffic {
		want += c.Invocations
	}
	if int(invocations) != want {
		t.Errorf("%v invocations, want %d", invocations, want)
	}
}

func TestOutcomes(t *testing.T) {
	functions := []*Function{
		{Over: true}, {Over: true, Outcome: progress.Unchanged}, {Over: true, Outcome: progress.Failed}, {Over: true, Outcome: progress.Stopped}, {},
	}
	if got, want := outcomes(functions), "5: 1 changed, 1 unchanged, 1 failed, 1 stopped, 1 not finished"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
