package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// apiError is an answer of the API that is not a success.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return fmt.Sprintf("%s: %s", e.code, e.message) }

// asAPIError makes what is not an answer of the API the service's own failure.
func asAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return &apiError{http.StatusInternalServerError, "ServiceException", err.Error()}
}

// reply is Lambda's JSON form of an error; the SDKs take the code from the header.
func (e *apiError) reply() reply {
	kind := "User"
	if e.status >= 500 {
		kind = "Service"
	}
	reason := ""
	if e.code == tooManyRequests {
		reason = "CallerRateLimitExceeded"
	}
	body, _ := json.Marshal(struct {
		Type, Message string
		Reason        string `json:",omitempty"`
	}{kind, e.message, reason})
	return reply{
		status: e.status,
		header: map[string]string{
			"Content-Type":     "application/json",
			"X-Amzn-ErrorType": e.code,
		},
		body: body,
	}
}

// invalidParameter is Lambda's answer to a value that it cannot take.
func invalidParameter(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf(format, args...)}
}

// invalid is the answer to a value that breaks a constraint of the API's model.
func invalid(value any, member, constraint string) *apiError {
	shown := "null"
	if value != nil {
		shown = fmt.Sprintf("'%v'", value)
	}
	return &apiError{http.StatusBadRequest, "ValidationException",
		fmt.Sprintf("1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", shown, member, constraint)}
}

func notFound(arn string) *apiError {
	return &apiError{http.StatusNotFound, "ResourceNotFoundException", "Function not found: " + arn}
}

func conflict(format string, args ...any) *apiError {
	return &apiError{http.StatusConflict, "ResourceConflictException", fmt.Sprintf(format, args...)}
}

// updateInProgress is what a second update meets.
//
// https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
func updateInProgress(arn string) *apiError {
	return conflict("The operation cannot be performed at this time. An update is in progress for resource: %s", arn)
}

// functionPending is what updates and invocations of a function meet that is still being created.
func functionPending() *apiError { return notActive("Pending") }

func notActive(state string) *apiError {
	return conflict("The operation cannot be performed at this time. The function is currently in the following state: %s", state)
}

func staleRevision() *apiError {
	return &apiError{http.StatusPreconditionFailed, "PreconditionFailedException",
		"The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"}
}

// notImplemented refuses what AWS would do and the emulator does not.
func notImplemented(what string) *apiError {
	return invalidParameter("%s is not implemented by the emulator", what)
}

// unparsable is the answer to a body that is not the JSON that it should be.
func unparsable(err error) *apiError {
	return &apiError{http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json: " + err.Error()}
}

// serverClosing is what requests meet that the server's end cuts short.
func serverClosing() *apiError {
	return &apiError{http.StatusServiceUnavailable, "ServiceUnavailableException", "the emulator is closing"}
}
