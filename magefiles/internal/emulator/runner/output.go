package runner

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"log"
	"os"
	"sync"
)

const (
	// tailSize is the maximum size in bytes of the log in an answer.
	//
	// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
	tailSize = 4096

	// maxLine is the length in bytes at which a line is cut: Lambda's limit of
	// a log event.
	maxLine = 256 << 10
)

// output collects what one process writes to stdout and stderr, which are one
// pipe.
//
// To know that everything written so far is read, sync writes a mark into the
// pipe, on a line of its own, and waits until it comes out. No process can know
// the mark, as none reads from the pipe.
type output struct {
	function string
	logs     *log.Logger
	r, w     *os.File
	mark     string
	marks    chan struct{} // receives once for each mark that comes out
	finished chan struct{} // closed at the end of the pipe
	syncing  sync.Mutex

	mu   sync.Mutex
	tail []byte // the end of the log since takeTail
}

func newOutput(function string, logs *log.Logger) (*output, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o := &output{
		function: function,
		logs:     logs,
		r:        r,
		w:        w,
		mark:     "\x00" + rand.Text(),
		marks:    make(chan struct{}, 1),
		finished: make(chan struct{}),
	}
	go o.read()
	return o, nil
}

func (o *output) read() {
	defer close(o.finished)
	lines := bufio.NewScanner(o.r)
	lines.Buffer(nil, 2*maxLine)
	lines.Split(splitLines)
	empty := false // the last line is empty, and belongs to the mark if that follows
	for lines.Scan() {
		line := lines.Text()
		if empty && line != o.mark {
			o.println("")
		}
		empty = line == ""
		switch line {
		case "":
		case o.mark:
			o.marks <- struct{}{}
		default:
			o.println(line)
		}
	}
}

// splitLines is a [bufio.SplitFunc] that cuts long lines.
func splitLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	i := bytes.IndexByte(data[:min(len(data), maxLine)], '\n')
	switch {
	case i >= 0:
		return i + 1, data[:i], nil
	case len(data) >= maxLine:
		return maxLine, data[:maxLine], nil
	case atEOF && len(data) > 0:
		return len(data), data, nil
	}
	return 0, nil, nil
}

func (o *output) println(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.logs.Print(o.function, ": ", line)
	o.tail = append(append(o.tail, line...), '\n')
	if extra := len(o.tail) - tailSize; extra > 0 {
		o.tail = append(o.tail[:0], o.tail[extra:]...)
	}
}

// sync returns once everything that was written to the pipe is in the log.
func (o *output) sync() {
	o.syncing.Lock()
	defer o.syncing.Unlock()
	if _, err := o.w.WriteString("\n" + o.mark + "\n"); err != nil {
		return // the pipe is closed, and so read to its end
	}
	select {
	case <-o.marks:
	case <-o.finished:
	}
}

func (o *output) contains(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Contains(o.tail, []byte(text))
}

// takeTail returns the end of the log since the last call.
func (o *output) takeTail() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	tail := o.tail
	o.tail = nil
	return tail
}

// close reads the rest and closes the pipe.
func (o *output) close() {
	o.sync()
	o.syncing.Lock()
	defer o.syncing.Unlock()
	o.w.Close()
	o.r.Close()
	<-o.finished
}
