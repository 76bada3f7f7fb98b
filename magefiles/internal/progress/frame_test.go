package progress

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/text"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	epoch = time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)

	code   = fleet.Step{Kind: fleet.UpdateCode, Package: &lambda.Package{Size: 6 << 20}}
	wait   = fleet.Step{Kind: fleet.Wait}
	settle = fleet.Step{Kind: fleet.Settle, Delay: time.Minute}
	change = fleet.Step{Kind: fleet.UpdateConfiguration, Runtime: "provided.al2023"}
)

// script makes a model of what happens at times in seconds.
type script struct {
	model *Model
	now   time.Time
}

func begin(names ...string) *script {
	s := &script{NewModel(epoch), epoch}
	s.post(0, Titled("deploy prod"))
	s.post(0, Began{Functions: names})
	return s
}

func (s *script) post(second float64, e Event) {
	s.now = epoch.Add(time.Duration(second * float64(time.Second)))
	s.model.Fold(s.now, e)
}

// step begins a step of a function.
func (s *script) step(second float64, name string, step fleet.Step) {
	e := Stepped{Function: name, Step: step}
	if step.Kind == fleet.Settle {
		e.Ends = epoch.Add(time.Duration(second*float64(time.Second)) + step.Delay)
	}
	s.post(second, e)
}

func (s *script) end(second float64, name string, o Outcome, text string) {
	s.post(second, Finished{Function: name, Outcome: o, Text: text})
}

// names returns names of so many functions.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("prod-function-%03d", i+1)
	}
	return list
}

const moved = "go1.x → provided.al2023"

// scenes are moments of commands.
var scenes = map[string]func() *script{
	"nothing goes on": func() *script { return &script{NewModel(epoch), epoch} },
	"preparing": func() *script {
		s := begin("prod-example-api", "prod-order-stream")
		s.post(1, Counted{Stage: "connecting to AWS"})
		s.post(1, Counted{Stage: "reading", Noun: "function", Done: 1, Total: 2})
		s.post(2, Counted{Stage: "connecting to AWS", Over: true})
		s.post(2.5, Counted{Stage: "building", Noun: "binary", Done: 3, Total: 8})
		return s
	},
	"four functions": func() *script {
		s := begin("prod-example-api", "prod-order-stream", "prod-inventory-table", "prod-nightly-report")
		for i := range 40 {
			s.post(float64(i)/10, Metered{Calls: i, Bytes: int64(i) << 20})
		}
		s.step(1, "prod-example-api", code)
		s.step(2, "prod-example-api", wait)
		s.step(3, "prod-example-api", settle)
		s.step(4, "prod-order-stream", code)
		s.post(4, Stepped{Function: "prod-inventory-table", Step: code, Queued: true})
		s.end(20, "prod-nightly-report", Unchanged, "provided.al2023")
		return s
	},
	"settling": func() *script {
		s := begin("prod-example-api", "prod-order-stream")
		s.step(0, "prod-example-api", settle)
		s.step(10, "prod-order-stream", settle)
		return s
	},
	"updating": func() *script {
		s := begin("prod-example-api", "prod-order-stream", "prod-nightly-report")
		s.step(1, "prod-example-api", wait)
		s.step(3, "prod-order-stream", wait)
		s.now = epoch.Add(13 * time.Second)
		return s
	},
	"working": func() *script {
		s := begin("prod-example-api", "prod-order-stream")
		s.step(1, "prod-example-api", wait)
		s.step(10, "prod-order-stream", change)
		return s
	},
	"almost settled": func() *script {
		s := begin("prod-example-api")
		s.step(0, "prod-example-api", settle)
		s.now = epoch.Add(59950 * time.Millisecond)
		return s
	},
	"sending": func() *script {
		s := &script{NewModel(epoch), epoch}
		s.post(0, Titled("local prod"))
		s.post(10, Counted{Stage: "sending events", Until: epoch.Add(30 * time.Second)})
		return s
	},
	"a failure": func() *script {
		s := begin("prod-example-api", "prod-order-stream")
		s.step(1, "prod-example-api", code)
		s.end(9, "prod-example-api", Failed, "updating the code of \"prod-example-api\": AccessDeniedException:\n\x1b[31mno")
		s.step(2, "prod-order-stream", change)
		s.step(3, "prod-order-stream", wait)
		s.end(75, "prod-order-stream", Changed, moved)
		return s
	},
	"wide names": func() *script {
		s := begin("prod-注文を受け付ける関数", "prod-한국어-함수", "prod-api")
		s.step(1, "prod-注文を受け付ける関数", settle)
		s.step(1, "prod-한국어-함수", change)
		s.end(31, "prod-api", Failed, "読み込み中にエラーが発生しました。もう一度やり直してください")
		return s
	},
	"200 functions": func() *script {
		all := names(200)
		s := begin(all...)
		for i, name := range all[:120] {
			s.step(1, name, code)
			switch {
			case i < 60:
				s.end(30, name, Changed, moved)
			case i == 70:
				s.end(30, name, Failed, "settling: interrupted")
			case i < 112:
				s.step(29, name, settle)
			}
		}
		s.post(30, Metered{Calls: 100})
		s.post(32, Metered{Calls: 129, Bytes: 700 << 20})
		return s
	},
	"200 functions at the end": func() *script {
		all := names(200)
		s := begin(all...)
		for i, name := range all {
			s.step(1, name, code)
			if i%50 == 7 {
				s.end(90, name, Failed, "waiting for the update: InternalError")
			} else {
				s.end(90, name, Changed, moved)
			}
		}
		return s
	},
	"interrupted": func() *script {
		s := begin("prod-example-api", "prod-order-stream")
		s.step(1, "prod-example-api", settle)
		s.post(12, Interrupted{})
		return s
	},
	"the end after an interrupt": func() *script {
		s := begin("prod-example-api", "prod-order-stream")
		s.post(11, Interrupted{})
		s.step(1, "prod-example-api", settle)
		s.end(12, "prod-example-api", Stopped, "while settling")
		s.end(12, "prod-order-stream", Stopped, "before updating the code")
		s.post(12, Ended{})
		return s
	},
}

// TestFrame compares the frames of each scene with the golden file. The name of a
// part of the file is a scene and a size, and "colour" if there is any.
func TestFrame(t *testing.T) {
	const golden = "testdata/frames.txtar"
	archive, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for i, file := range archive.Files {
		t.Run(file.Name, func(t *testing.T) {
			scene, format, _ := strings.Cut(file.Name, ": ")
			var size Size
			if _, err := fmt.Sscanf(format, "%dx%d", &size.Width, &size.Height); err != nil || scenes[scene] == nil {
				t.Fatalf("no scene and size: %v", err)
			}
			shown[scene] = true
			s := scenes[scene]()
			lines := Frame(s.model, s.now, size, strings.HasSuffix(format, "colour"))
			got := strings.ReplaceAll(strings.Join(append(lines, ""), "\n"), "\x1b", "ESC")
			if *update {
				archive.Files[i].Data = []byte(got)
			} else if d := cmp.Diff(string(file.Data), got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	for scene := range scenes {
		if !shown[scene] {
			t.Errorf("no frame of %q", scene)
		}
	}
	if *update {
		if err := os.WriteFile(golden, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFramesFit draws each scene at all sizes of a terminal. With colour it has
// the same words.
func TestFramesFit(t *testing.T) {
	for name, scene := range scenes {
		s := scene()
		for width := 1; width <= 140; width += 9 {
			for height := 1; height <= 50; height += 7 {
				size := Size{width, height}
				lines := Frame(s.model, s.now, size, false)
				if len(lines) > max(1, height-1) {
					t.Fatalf("%s: %d lines at %dx%d", name, len(lines), width, height)
				}
				painted := Frame(s.model, s.now, size, true)
				for i, line := range lines {
					if w := text.Width(line); w >= width && width > 1 {
						t.Fatalf("%s: a line of %d columns at %dx%d: %s", name, w, width, height, line)
					}
					if strip(painted[i]) != line {
						t.Errorf("%s: %q is %q with colour", name, line, painted[i])
					}
				}
			}
		}
	}
}

// strip removes styles.
func strip(s string) string {
	for _, st := range []Style{"", Bold, Faint, Red, Green, Yellow} {
		s = strings.ReplaceAll(s, "\x1b["+string(st)+"m", "")
	}
	return s
}

// TestShare follows a function on its way: it never goes back.
func TestShare(t *testing.T) {
	for name, steps := range map[string][]fleet.Step{
		"code first":      {code, wait, settle, change, wait},
		"over the bridge": {{Kind: fleet.Check}, {Kind: fleet.Attach}, wait, settle, change, wait, code, wait, settle, {Kind: fleet.Detach}, wait},
	} {
		t.Run(name, func(t *testing.T) { follow(t, steps) })
	}
}

func follow(t *testing.T, steps []fleet.Step) {
	s := begin("a")
	last := -1.0
	for i, step := range steps {
		s.step(float64(100*i), "a", step)
		for _, later := range []time.Duration{0, 30 * time.Second, 59 * time.Second} {
			if share := s.model.share(s.now.Add(later)); share < last || share >= 1 {
				t.Errorf("step %d, %v later: %v after %v", i, later, share, last)
			} else {
				last = share
			}
		}
	}
	s.end(999, "a", Changed, moved)
	if share := s.model.share(s.now); share != 1 {
		t.Errorf("%v at the end", share)
	}
}

func TestLine(t *testing.T) {
	for scene, want := range map[string]string{
		"nothing goes on": "working on ",
		"preparing":       "reading (1 of 2 functions), building (3 of 8 binaries)",
		"four functions":  "1 of 4 functions done, 1 settling, 1 sending code for 16s, 1 queued, 39.0 MB sent",
		"a failure":       "working on deploy prod",
		"updating":        "0 of 3 functions done, 2 updating for 12s, 1 waiting",
		"working":         "0 of 2 functions done, 2 working for 9.0s",
		"almost settled":  "0 of 1 function done, 1 settling",
		"settling":        "0 of 2 functions done, 2 settling; next step at 08:01:00, in 50s",
		"sending":         "sending events; next step at 08:00:30, in 20s",
		"interrupted":     "waiting for the answers to calls in flight",
	} {
		s := scenes[scene]()
		got, quiet := s.model.Line(s.now)
		if got != want {
			t.Errorf("%s: %q, want %q", scene, got, want)
		}
		if announced := strings.Contains(got, "next step at "+quiet.Format(time.TimeOnly)); announced == quiet.IsZero() {
			t.Errorf("%s: %q, and quiet until %v", scene, got, quiet)
		}
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0.0s", 9990 * time.Millisecond: "9.9s", 940 * time.Millisecond: "0.9s", 42900 * time.Millisecond: "42s", 65 * time.Second: "1m05s", 15 * time.Minute: "15m00s",
	} {
		if got := clock(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}
