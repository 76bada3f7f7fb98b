package rehearsal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// answer is the answer of a function to an event.
type answer struct {
	text    string  // for people
	status  int     // of an HTTP response, or 0
	failure failure // zero if there is none
}

// failure is how an invocation failed, without what differs between runtimes and
// between two invocations. Failures that are equal are alike.
type failure struct {
	manner manner
	reason string // masked
	ready  bool   // the process had got ready for invocations before it ended
}

// manner is the manner of a failure.
type manner string

const (
	unreachable manner = "could not be invoked"
	unstartable manner = "could not be started"
	exited      manner = "exited"
	timedOut    manner = "timed out"
	returned    manner = "returned an error" // or panicked
	serverError manner = "answered with a server error"
	records     manner = "reported records as failed"
)

func (a answer) failed() bool { return a.failure != failure{} }

// worseThan reports whether the answer fails and the one before did not, or failed
// in another way; or whether it has the status of an error and the one before
// another status.
func (a answer) worseThan(before answer) bool {
	switch {
	case before.failed():
		return a.failed() && a.failure != before.failure
	case a.failed():
		return true
	}
	return a.status != before.status && a.status >= http.StatusBadRequest
}

// String returns the answer in a few words.
func (a answer) String() string {
	const most = 72
	words := []rune(strings.Join(strings.Fields(a.text), " "))
	if len(words) > most {
		words = append(words[:most-1], '…')
	}
	return string(words)
}

// noAnswer returns the answer of a function that could not be invoked.
func noAnswer(err error) answer {
	return answer{text: err.Error(), failure: failure{manner: unreachable, reason: mask(err.Error())}}
}

// newAnswer returns the answer in the payload of an invocation without an error. It
// may be an HTTP response for API Gateway, and may report records of a batch as
// failed.
func newAnswer(payload []byte) answer {
	var response struct {
		StatusCode        int               `json:"statusCode"`
		Body              string            `json:"body"`
		BatchItemFailures []json.RawMessage `json:"batchItemFailures"`
	}
	a := answer{text: string(payload)}
	if json.Unmarshal(payload, &response) != nil {
		return a
	}
	if a.status = response.StatusCode; a.status > 0 {
		a.text = fmt.Sprintf("%d %s", a.status, response.Body)
	}
	switch {
	case a.status >= http.StatusInternalServerError:
		a.failure = failure{manner: serverError, reason: mask(a.text)}
	case len(response.BatchItemFailures) > 0:
		a.failure = failure{manner: records}
	}
	return a
}

// newFailure returns the answer of an invocation with a function error: its
// payload, the end of its log, the entry point of the deployment, and whether its
// processes get ready. The two runtimes have different words for the same failure
// of a process. Source: https://docs.aws.amazon.com/lambda/latest/dg/golang-exceptions.html
func newFailure(payload []byte, log, entryPoint string, ready bool) answer {
	var e struct{ ErrorType, ErrorMessage string }
	if json.Unmarshal(payload, &e) != nil || e.ErrorType == "" && e.ErrorMessage == "" {
		e.ErrorMessage = string(payload)
	}
	init := ""
	if !ready {
		init = " before it was ready"
	}
	switch {
	case e.ErrorType == "Runtime.InvalidEntrypoint", e.ErrorType == "PathError" && strings.HasPrefix(e.ErrorMessage, "fork/exec /var/task/"+entryPoint+":"):
		reason := e.ErrorMessage[strings.LastIndex(e.ErrorMessage, ": ")+1:]
		if strings.Contains(e.ErrorMessage, "Couldn't find valid bootstrap") {
			reason = "no such file or directory"
		}
		reason = strings.TrimSpace(reason)
		return answer{text: entryPoint + " could not be started: " + reason, failure: failure{manner: unstartable, reason: reason}}
	case e.ErrorType == "Runtime.ExitError", e.ErrorType == "" && strings.HasSuffix(e.ErrorMessage, "Process exited before completing request"):
		reason := lastWords(log)
		return answer{text: "exited" + init + ": " + cmp.Or(reason, "it wrote nothing"), failure: failure{exited, mask(reason), ready}}
	case e.ErrorType == "Sandbox.Timedout", e.ErrorType == "" && strings.Contains(e.ErrorMessage, "Task timed out after "):
		return answer{text: "timed out" + init, failure: failure{manner: timedOut, ready: ready}}
	}
	text := strings.TrimPrefix(e.ErrorType+": "+e.ErrorMessage, ": ")
	return answer{text: text, failure: failure{manner: returned, reason: mask(text)}}
}

// initialized reports whether the log of an invocation says that it began with an
// init that succeeded.
func initialized(log string) bool {
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "REPORT RequestId: ") && strings.Contains(line, "\tInit Duration: ") {
			return true
		}
	}
	return false
}

// lastWords returns why a process says that it exits: the first line of a crash of
// the Go runtime, or else the last line that it wrote.
func lastWords(log string) (words string) {
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || ofLambda.MatchString(line):
		case strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: "):
			return line
		default:
			words = line
		}
	}
	return words
}

// ofLambda matches the lines of a log that Lambda writes, not the function.
var ofLambda = regexp.MustCompile(`^((START|END|REPORT) )?RequestId: |^INIT_(START|REPORT) |^Runtime\.\w+$|^Sandbox\.\w+$`)

// mask replaces what differs between two invocations with the same outcome:
// directories of the emulator, times, durations, IDs, addresses, and numbers of
// four and more digits, such as ports. It keeps shorter numbers, such as an HTTP
// status.
func mask(text string) string {
	text = taskRoot.ReplaceAllString(text, "/var/task")
	return volatile.ReplaceAllString(text, "#")
}

var (
	// taskRoot matches where the emulator unpacks a deployment package.
	taskRoot = regexp.MustCompile(`[^\s"'=:]*/dualboot-emulator-[^/\s]+/package-\d+`)

	volatile = regexp.MustCompile(strings.Join([]string{
		`\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?`,            // 2024-02-01T03:04:05Z
		`\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b`, // UUID
		`\b0x[0-9a-f]+\b`,
		`\b[0-9a-f]{16,}\b`,                     // digests and IDs
		`\b(\d+(\.\d+)?(ns|µs|us|ms|s|m|h))+\b`, // durations of Go
		`\d{4,}`,
	}, "|"))
)
