package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"example.com/dualboot/magefiles/internal/atomicfile"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/progress"
)

// Files are the files that a [Recorder] writes. An empty path writes nothing.
type Files struct {
	Report string // a page, in HTML
	Trace  string // trace events, in JSON
}

// Recorder records what happens during a command. Its methods may be called from
// many goroutines.
type Recorder struct {
	files Files
	start time.Time

	mu       sync.Mutex
	timeline Timeline
	meters   []func() (calls int, bytes int64)
	sheet    *Sheet // instead of the timeline's page
	checked  bool
	written  bool // at the end of the command
}

// NewRecorder returns a recorder of a command that begins now.
func NewRecorder(files Files) *Recorder {
	now := time.Now()
	return &Recorder{files: files, start: now, timeline: Timeline{Began: now}}
}

// record calls do with the timeline and the time since the command began.
func (r *Recorder) record(do func(t *Timeline, at time.Duration)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do(&r.timeline, time.Since(r.start))
}

// Title names the command.
func (r *Recorder) Title(title string) {
	r.record(func(t *Timeline, _ time.Duration) { t.Title = title })
}

// Connected says to which account and region the command has connected. The
// endpoint is "" unless it is not AWS's own.
func (r *Recorder) Connected(account, region, endpoint string) {
	r.record(func(t *Timeline, _ time.Duration) { t.Account, t.Region, t.Endpoint = account, region, endpoint })
}

// Meter adds the requests and bytes of a connection to the totals.
func (r *Recorder) Meter(meter func() (calls int, bytes int64)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.meters = append(r.meters, meter)
}

// Post takes in an event of the progress.
func (r *Recorder) Post(e progress.Event) {
	r.record(func(t *Timeline, at time.Duration) { t.fold(at, e) })
}

// Result takes in the outcome of a function.
func (r *Recorder) Result(f *fleet.Function, outcome progress.Outcome) {
	r.record(func(t *Timeline, at time.Duration) { t.result(at, f, outcome) })
}

// Invoked takes in an invocation by the traffic of a rehearsal.
func (r *Recorder) Invoked(failed bool) {
	r.record(func(t *Timeline, at time.Duration) { t.invoked(at, failed) })
}

// Verdict takes in the verdict on the command.
func (r *Recorder) Verdict(line string) {
	r.record(func(t *Timeline, _ time.Duration) { t.Verdict = line })
}

// Show makes a sheet the report.
func (r *Recorder) Show(s Sheet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sheet = &s
}

// Both files begin with a mark, by which a later command knows that it may replace
// them.
const (
	reportMark = `<meta name="generator" content="dualboot"/>`
	traceMark  = `[{"name":"dualboot"`
)

// Check returns an error if a file could not be written. Only after a successful
// check does [Recorder.Write] write.
func (r *Recorder) Check() error {
	for _, f := range []struct{ flag, path, extension, mark string }{
		{"-report", r.files.Report, ".html", reportMark},
		{"-trace", r.files.Trace, ".json", traceMark},
	} {
		if f.path == "" {
			continue
		}
		if filepath.Ext(f.path) != f.extension {
			return fmt.Errorf("%s is %q; pass a file name that ends with %s", f.flag, f.path, f.extension)
		}
		if err := atomicfile.Check(f.path); err != nil {
			return fmt.Errorf("%s: the file could not be written: %w", f.flag, err)
		}
		if !replaceable(f.path, f.mark) {
			return fmt.Errorf("%s: %s exists, and dualboot has not written it; remove it or pass another name", f.flag, f.path)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checked = true
	return nil
}

// replaceable reports whether there is nothing at path, an empty file, or one that
// dualboot has written.
func replaceable(path, mark string) bool {
	f, err := os.Open(path)
	if err != nil {
		_, err := os.Lstat(path) // finds a link that leads nowhere
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 512))
	return err == nil && (len(head) == 0 || bytes.Contains(head, []byte(mark)))
}

// Interrupted writes the files as soon as a command is interrupted: the program may
// be ended before the command is. It leaves errors to [Recorder.Write], and does
// nothing after it.
func (r *Recorder) Interrupted(failure error) {
	r.record(func(_ *Timeline, at time.Duration) {
		if !r.written {
			_, _ = r.write(at, failure)
		}
	})
}

// Write writes the files at the end of a command, with its error. It says what was
// written: "report written to a.html".
func (r *Recorder) Write(failure error) (written []string, err error) {
	r.record(func(_ *Timeline, at time.Duration) {
		r.written = true
		written, err = r.write(at, failure)
	})
	return written, err
}

// write writes the files as if the command ended now. The caller holds r.mu.
func (r *Recorder) write(at time.Duration, failure error) (written []string, err error) {
	if !r.checked {
		return nil, nil
	}
	t := r.timeline.clone()
	for _, meter := range r.meters {
		calls, bytes := meter()
		t.Calls, t.Bytes = t.Calls+calls, t.Bytes+bytes
	}
	t.end(at, failure)
	for _, f := range []struct {
		name, path string
		content    func(io.Writer, Timeline) error
	}{
		{"report", r.files.Report, r.page},
		{"trace", r.files.Trace, WriteTrace},
	} {
		if f.path == "" {
			continue
		}
		if broken := write("-"+f.name, f.path, func(w io.Writer) error { return f.content(w, t) }); broken != nil {
			err = errors.Join(err, broken)
		} else {
			written = append(written, f.name+" written to "+f.path)
		}
	}
	return written, err
}

// page writes the report. The caller holds r.mu.
func (r *Recorder) page(w io.Writer, t Timeline) error {
	if r.sheet != nil {
		return WriteSheet(w, *r.sheet)
	}
	return WritePage(w, t)
}

func write(flag, path string, content func(io.Writer) error) error {
	var b bytes.Buffer
	err := content(&b)
	if err == nil {
		err = atomicfile.Replace(path, b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("%s: writing %s: %w", flag, path, err)
	}
	return nil
}
