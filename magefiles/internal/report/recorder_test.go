package report

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/progress"
)

func TestRecorder(t *testing.T) {
	dir := t.TempDir()
	files := Files{Report: filepath.Join(dir, "a.html"), Trace: filepath.Join(dir, "a.json")}
	var r *Recorder
	for _, title := range []string{"first", "second"} { // replaces the files of the first
		r = NewRecorder(files)
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		r.Title(title)
		r.Meter(func() (int, int64) { return 3, 1 << 20 })
		r.Meter(func() (int, int64) { return 4, 1 << 20 })
		r.Post(progress.Began{Functions: []string{"a"}})
		r.Post(progress.Counted{Stage: "building"})
		r.Post(progress.Stepped{Function: "a", Step: fleet.Step{Kind: fleet.Wait}})
		r.Invoked(true)
		r.Interrupted(errors.New("interrupted"))
		if page, err := os.ReadFile(files.Report); !strings.Contains(string(page), "<title>FAIL: "+title+"</title>") || !strings.Contains(string(page), ": interrupted</p>") {
			t.Errorf("the page after an interrupt is %v\n%s", err, page)
		}
		written, err := r.Write(errors.New("no credentials\nat all"))
		if want := []string{"report written to " + files.Report, "trace written to " + files.Trace}; err != nil || !slices.Equal(written, want) {
			t.Fatalf("written %q, %v", written, err)
		}
	}
	r.Interrupted(errors.New("too late"))
	page, err := os.ReadFile(files.Report)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<title>FAIL: second</title>", "</strong>: no credentials</p>", "<li>no credentials\nat all</li>", "<dd>7 calls, 2.0 MB</dd>",
		"<dd>1: 0 changed, 0 unchanged, 0 failed, 1 not finished</dd>", "<span>1 error, at most 10 a second</span>",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	trace, err := os.ReadFile(files.Trace)
	if err != nil || !strings.Contains(string(trace), `"verdict":"FAIL: no credentials"`) {
		t.Errorf("the trace is %s, %v", trace, err)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	own, empty := filepath.Join(dir, "own.html"), filepath.Join(dir, "empty.html")
	for path, content := range map[string]string{own: "<!DOCTYPE html><p>mine", empty: ""} {
		writeFile(t, path, content)
	}
	dangling := filepath.Join(dir, "dangling.html")
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Logf("no symbolic links: %v", err)
		dangling = own
	}
	for _, test := range []struct {
		files Files
		want  string // of the error
	}{
		{Files{}, ""},
		{Files{Report: dangling}, "-report: " + dangling + " exists, and dualboot has not written it"},
		{Files{Report: empty}, ""},
		{Files{Report: own}, "-report: " + own + " exists, and dualboot has not written it; remove it or pass another name"},
		{Files{Report: "a.htm"}, `-report is "a.htm"; pass a file name that ends with .html`},
		{Files{Trace: "a.html"}, `-trace is "a.html"; pass a file name that ends with .json`},
		{Files{Trace: filepath.Join(dir, "none", "a.json")}, "-trace: the file could not be written: "},
	} {
		r := NewRecorder(test.files)
		err := r.Check()
		switch {
		case err == nil && test.want != "", err != nil && (test.want == "" || !strings.HasPrefix(err.Error(), test.want)):
			t.Errorf("%+v: error %v, want %q", test.files, err, test.want)
		case err == nil:
			continue
		}
		if written, err := r.Write(nil); err != nil || len(written) > 0 {
			t.Errorf("%+v: after a failed check, Write writes %q, %v", test.files, written, err)
		}
	}
	if content, err := os.ReadFile(own); err != nil || string(content) != "<!DOCTYPE html><p>mine" {
		t.Errorf("the file of somebody else is %q, %v", content, err)
	}
}
