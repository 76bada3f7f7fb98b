package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Answer is one call to Lambda's API and what it answered, which may be a
// refusal.
type Answer struct {
	Operation      string
	Sent, Received time.Time // by the clock of this machine

	// Status, Code and Message are those of a refusal.
	Status  int    `json:",omitempty"`
	Code    string `json:",omitempty"`
	Message string `json:",omitempty"`

	// Function is what the answer says about the function.
	Function State `json:",omitzero"`
}

// State is the part of an answer about a function that experiments look at, under
// the names of the API.
type State struct {
	State                      string   `json:",omitempty"`
	StateReasonCode            string   `json:",omitempty"`
	LastUpdateStatus           string   `json:",omitempty"`
	LastUpdateStatusReason     string   `json:",omitempty"`
	LastUpdateStatusReasonCode string   `json:",omitempty"`
	RevisionId                 string   `json:",omitempty"`
	LastModified               string   `json:",omitempty"`
	Runtime                    string   `json:",omitempty"`
	Handler                    string   `json:",omitempty"`
	Architectures              []string `json:",omitempty"`
	CodeSha256                 string   `json:",omitempty"`
	CodeSize                   int64    `json:",omitempty"`
}

// busy reports whether a creation or an update is in progress.
func (s State) busy() bool { return s.State == "Pending" || s.LastUpdateStatus == "InProgress" }

// Refused reports whether Lambda refused the call.
func (a Answer) Refused() bool { return a.Code != "" }

// Err returns a *Refusal if Lambda refused the call.
func (a Answer) Err() error {
	if a.Refused() {
		return &Refusal{a}
	}
	return nil
}

// Refusal is the error of a call that Lambda refused.
type Refusal struct{ Answer Answer }

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: %s: %s", r.Answer.Operation, r.Answer.Code, r.Answer.Message)
}

// Unsupported returns the text of the refusal if an error is one by dualboot's
// emulator, of what it does not implement.
func Unsupported(err error) (text string, ok bool) {
	r, ok := errors.AsType[*Refusal](err)
	if !ok || !strings.Contains(r.Answer.Message, "implemented by the emulator") && !strings.Contains(r.Answer.Message, "emulator does not implement") {
		return "", false
	}
	return r.Answer.Message, true
}

// answer calls Lambda's API once. A refusal is an answer; the error says that
// there is none.
func answer[Out any](operation string, call func() (Out, error), configuration func(Out) any) (Answer, error) {
	a := Answer{Operation: operation, Sent: time.Now()}
	out, err := call()
	a.Received = time.Now()
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		a.Code, a.Message = api.ErrorCode(), api.ErrorMessage()
		if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
			a.Status = response.HTTPStatusCode()
		}
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("%s: %w", operation, err)
	}
	// The outputs of the SDK are different types with the same members.
	text, err := json.Marshal(configuration(out))
	if err == nil {
		err = json.Unmarshal(text, &a.Function)
	}
	return a, err
}
