package emulator

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"sync"
)

const (
	// tailSize is how much of an invocation's log LogType Tail gives, in bytes.
	//
	// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
	tailSize = 4096

	// maxLine is where a line that does not end is cut, in bytes: Lambda's
	// limit of a log event.
	maxLine = 256 << 10
)

// lineWriter writes whole lines from many functions to one writer.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) line(function string, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w.Write(append(append([]byte(function+": "), text...), '\n'))
}

// output collects what one process writes to stdout and stderr.
//
// Both are one pipe. To know that everything written so far has been read, the
// server itself writes a mark into the pipe and waits for it to come out; no
// process knows the mark, as none reads from the pipe.
type output struct {
	function string
	logs     *lineWriter
	r, w     *os.File
	mark     []byte
	marks    chan struct{} // one for each mark that came out
	finished chan struct{} // closed when reading has ended
	syncing  sync.Mutex

	mu   sync.Mutex
	line []byte // begun and not ended
	tail []byte // the last of the log since it was taken
}

func newOutput(function string, logs *lineWriter) (*output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o := &output{
		function: function,
		logs:     logs,
		r:        r,
		w:        w,
		mark:     []byte("\x00" + rand.Text() + "\x00"),
		marks:    make(chan struct{}, 1),
		finished: make(chan struct{}),
	}
	go o.read()
	return o, nil
}

// read takes in what comes, until the pipe is closed.
func (o *output) read() {
	defer close(o.finished)
	buffer := make([]byte, 32<<10)
	var pending []byte // what is read and not yet known to hold no mark
	for {
		n, err := o.r.Read(buffer)
		pending = append(pending, buffer[:n]...)
		for {
			before, after, found := bytes.Cut(pending, o.mark)
			if !found {
				break
			}
			o.take(before)
			pending = bytes.Clone(after)
			o.marks <- struct{}{}
		}
		// Only the end of pending can be the beginning of a mark.
		if i := bytes.LastIndexByte(pending, 0); i < 0 || len(pending)-i >= len(o.mark) {
			o.take(pending)
			pending = pending[:0]
		} else {
			o.take(pending[:i])
			pending = append(pending[:0], pending[i:]...)
		}
		if err != nil {
			o.take(pending)
			return
		}
	}
}

// take splits what was read into lines.
func (o *output) take(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			o.line = append(o.line, p...)
			if len(o.line) >= maxLine {
				o.endLine()
			}
			return
		}
		o.line = append(o.line, p[:i]...)
		o.endLine()
		p = p[i+1:]
	}
}

// endLine passes on the line begun.
func (o *output) endLine() {
	o.logs.line(o.function, o.line)
	o.tail = append(append(o.tail, o.line...), '\n')
	if extra := len(o.tail) - tailSize; extra > 0 {
		o.tail = append(o.tail[:0], o.tail[extra:]...)
	}
	o.line = o.line[:0]
}

// println adds a line of the server's own, after what came so far.
func (o *output) println(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.line) > 0 {
		o.endLine()
	}
	o.line = append(o.line, text...)
	o.endLine()
}

// sync returns once everything written to the pipe so far is taken in.
func (o *output) sync() {
	o.syncing.Lock()
	defer o.syncing.Unlock()
	if _, err := o.w.Write(o.mark); err != nil {
		return // closed, and so read to its end
	}
	select {
	case <-o.marks:
	case <-o.finished:
	}
}

// holds says whether the last of the log has a text in it.
func (o *output) holds(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Contains(o.tail, []byte(text))
}

// takeTail is the last of the log since it was last taken.
func (o *output) takeTail() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	tail := bytes.Clone(o.tail)
	o.tail = o.tail[:0]
	return tail
}

// close takes in the rest and ends the reading.
func (o *output) close() {
	o.sync()
	o.syncing.Lock()
	defer o.syncing.Unlock()
	o.w.Close()
	o.r.Close()
	<-o.finished
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.line) > 0 {
		o.endLine()
	}
}
