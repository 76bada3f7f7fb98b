package emulator

import (
	"errors"
	"fmt"
	"net/http"

	"example.com/dualboot/magefiles/internal/emulator/metrics"
	"example.com/dualboot/magefiles/internal/emulator/runner"
	"example.com/dualboot/magefiles/internal/emulator/zips"
)

type apiError struct {
	status        int
	code, message string
}

// Codes of errors that are formatted in their own way.
const (
	resourceNotFound = "ResourceNotFoundException"
	serviceException = "ServiceException"
	accessDenied     = "AccessDeniedException"
)

func (e *apiError) Error() string { return e.code + ": " + e.message }

func apiErrorf(status int, code, format string, args ...any) error {
	return &apiError{status, code, fmt.Sprintf(format, args...)}
}

// asAPIError returns the answer to an error: a refusal, or else a failure of the
// service.
func asAPIError(err error) *apiError {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*metrics.Error](err); ok {
		return &apiError{http.StatusBadRequest, e.Code, e.Message}
	}
	if e, ok := errors.AsType[zips.Refusal](err); ok {
		return asAPIError(invalidParameter("%s", e))
	}
	if e, ok := errors.AsType[violations](err); ok {
		return &apiError{http.StatusBadRequest, "ValidationException", e.Error()}
	}
	if errors.Is(err, runner.ErrClosed) {
		return asAPIError(errClosing())
	}
	return &apiError{http.StatusInternalServerError, serviceException, err.Error()}
}

// lambdaService is AWS Lambda. The SDKs take the code of its errors from the
// header. The member with the text differs between errors, as in the API's model.
var lambdaService = service{"lambda", func(_ *call, e *apiError) reply {
	body := map[string]any{"Type": "User"}
	switch e.code {
	case resourceNotFound, serviceException:
		body["Message"] = e.message
	case accessDenied:
		body = map[string]any{"Message": nil} // recorded from AWS, for notYours
		if e.message != "" {
			body["Message"] = e.message
		}
	default:
		body["message"] = e.message
	}
	if e.status >= 500 {
		body["Type"] = "Service"
	}
	if e.code == tooManyRequests {
		body["Reason"] = "CallerRateLimitExceeded"
	}
	r, _ := jsonReply(e.status, body)
	r.header["X-Amzn-ErrorType"] = e.code
	return r
}}

func invalidParameter(format string, args ...any) error {
	return apiErrorf(http.StatusBadRequest, "InvalidParameterValueException", format, args...)
}

func notFound(format string, args ...any) error {
	return apiErrorf(http.StatusNotFound, resourceNotFound, format, args...)
}

func functionNotFound(arn string) error { return notFound("Function not found: %s", arn) }

func conflict(format string, args ...any) error {
	return apiErrorf(http.StatusConflict, "ResourceConflictException", format, args...)
}

func notActive(state string) error {
	return conflict("The operation cannot be performed at this time. The function is currently in the following state: %s", state)
}

func staleRevision() error {
	return apiErrorf(http.StatusPreconditionFailed, "PreconditionFailedException",
		"The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
}

func tooLarge(operation string, limit int64) error {
	code := "RequestEntityTooLargeException"
	if operation == "Invoke" {
		operation, code = "InvokeFunction", "RequestTooLargeException"
	}
	return apiErrorf(http.StatusRequestEntityTooLarge, code, "Request must be smaller than %d bytes for the %s operation", limit, operation)
}

// denied refuses an action on a resource, "SERVICE:ACTION on resource: ARN". The
// query protocol has the code AccessDenied.
func denied(c *call, what string) error {
	return forbidden(accessDenied, "User: %s is not authorized to perform: %s", c.key.arn, what)
}

// notYours refuses to touch what is in another account or region.
func notYours() error { return &apiError{http.StatusForbidden, accessDenied, ""} }

func malformed(message string) error {
	return apiErrorf(http.StatusBadRequest, "SerializationException", "%s", message)
}

// notImplemented refuses what AWS does and the emulator does not.
func notImplemented(what string) error {
	return invalidParameter("%s is not implemented by the emulator", what)
}

func errClosing() error {
	return apiErrorf(http.StatusServiceUnavailable, "ServiceUnavailableException", "the emulator is closing")
}
