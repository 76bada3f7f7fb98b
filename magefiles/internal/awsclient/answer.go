package awsclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// patience is how long each attempt of a call may take: base, and as long as the
// request takes at a rate of bytes a second. Invocations take as long as functions
// do. AWS CLI waits a minute for an answer. Source:
// https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-options.html
const (
	base = time.Minute
	slow = 100_000 // bytes a second; about 0.8 Mbit/s
)

// identifying is the limit of GetCallerIdentity, the first call of a command.
const identifying = 10 * time.Second

// silentError reports that an attempt took too long.
type silentError struct {
	host  string
	limit time.Duration
}

func (e *silentError) Error() string {
	return fmt.Sprintf("%s gives no answer within %v", e.host, e.limit)
}

// portalError reports an answer that is not AWS's: a web page or a redirection.
type portalError struct{ host, answer string }

func (e *portalError) Error() string {
	return fmt.Sprintf("a login page or a proxy answers for %s, not AWS (%s)", e.host, e.answer)
}

// guard limits the time of each attempt of the calls of cfg, and refuses answers
// that are not AWS's. The time in which a call waits for its turn does not count.
func guard(cfg *aws.Config) {
	limit := middleware.FinalizeMiddlewareFunc("TimeLimit", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		request, ok := in.Request.(*smithyhttp.Request)
		limit := limitOf(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx), request)
		if !ok || limit == 0 {
			return next.HandleFinalize(ctx, in)
		}
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		out, metadata, err := next.HandleFinalize(limited, in)
		if err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
			err = &aws.RequestCanceledError{Err: &silentError{request.URL.Host, limit}} // not retried
		}
		return out, metadata, err
	})
	check := middleware.DeserializeMiddlewareFunc("CheckAnswer", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		request, _ := in.Request.(*smithyhttp.Request)
		response, _ := out.RawResponse.(*smithyhttp.Response)
		if answer := foreign(awsmiddleware.GetServiceID(ctx), response); err == nil && answer != "" && request != nil {
			response.Body.Close()
			err = &portalError{request.URL.Host, answer}
		}
		return out, metadata, err
	})
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return errors.Join(stack.Finalize.Insert(limit, "Retry", middleware.After), stack.Deserialize.Add(check, middleware.After))
	})
}

// limitOf returns the limit of an attempt, or 0 if there is none.
func limitOf(service, operation string, request *smithyhttp.Request) time.Duration {
	switch {
	case service == "Lambda" && strings.HasPrefix(operation, "Invoke"), request == nil:
		return 0
	case operation == "GetCallerIdentity":
		return identifying
	}
	length, _, _ := request.StreamLength() // 0 if it is unknown, which it is for no operation here
	return base + time.Duration(max(0, length))*time.Second/slow
}

// foreign describes an answer that is not AWS's, or returns "". S3 redirects to
// the region of a bucket, and load balancers of AWS may answer 5xx with a page.
func foreign(service string, response *smithyhttp.Response) string {
	if response == nil || service == "S3" {
		return ""
	}
	kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	switch status := response.StatusCode; {
	case status >= 300 && status < 400:
		return fmt.Sprintf("status %d, redirecting to %s", status, cmp.Or(origin(response), "another page"))
	case status < http.StatusInternalServerError && strings.TrimSpace(kind) == "text/html":
		return fmt.Sprintf("status %d with a web page", status)
	}
	return ""
}

// origin returns the scheme and host to which an answer redirects, or "".
func origin(response *smithyhttp.Response) string {
	location, err := response.Location()
	if err != nil {
		return ""
	}
	return location.Scheme + "://" + location.Host
}
