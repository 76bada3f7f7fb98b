package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// protocol is the host's side of the communication with one process.
type protocol interface {
	// variables tell the process how to communicate.
	variables() []string

	// ready returns nil once the process can take an invocation.
	ready(context.Context) error

	// invoke has the process handle one invocation. Without an answer it
	// returns, like ready, the cause of the context's end.
	invoke(context.Context, *Invocation) (*answer, error)

	// failed words such a cause, or an unstartable, as the runtime does.
	failed(requestID string, cause error) *answer

	close()
}

// unstartable is why an entry point cannot be started.
type unstartable struct {
	entryPoint string
	error
}

func (u unstartable) Error() string {
	return "fork/exec " + u.entryPoint + ": " + u.error.Error()
}

func (u unstartable) Unwrap() error { return u.error }

type exited struct{ *os.ProcessState }

func (e exited) Error() string { return "process exited: " + e.String() }

// timedOut is the end of a function's time. AWS was recorded to answer with this
// message and the type Sandbox.Timedout on python3.12 in November 2025, and in April
// 2024 with the message alone, after the time and the request ID. Assumption:
// provided.* and go1.x, of which there is no recording, answer like the former.
type timedOut time.Duration

func (t timedOut) Error() string {
	return fmt.Sprintf("Task timed out after %.2f seconds", time.Duration(t).Seconds())
}

// answer is the outcome of an invocation.
type answer struct {
	payload []byte
	failed  bool   // the payload is an error
	discard bool   // the process must not be used again
	log     string // lines about a failure that the process cannot log
}

type functionError struct {
	Type    string `json:"errorType,omitempty"`
	Message string `json:"errorMessage"`
}

// answer returns the answer to an invocation that ends the environment.
func (e functionError) answer() *answer {
	payload, _ := json.Marshal(e)
	return &answer{payload: payload, failed: true, discard: true, log: e.Message + "\n" + e.Type}
}

// maxResponse is the maximum size of a response in bytes: 6 MB, as Lambda's own
// error counts them.
const maxResponse = 6291556

func responseTooLarge() *answer {
	return functionError{"Function.ResponseSizeTooLarge", fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse)}.answer()
}
