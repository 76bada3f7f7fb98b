package awsclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// explained is an error of a call to AWS in plain words.
type explained struct {
	err  error
	text string // without the hint and the request ID
	hint string
}

func (e *explained) Error() string {
	text := e.text
	if e.hint != "" {
		text += "; " + e.hint
	}
	if id := requestID(e.err); id != "" {
		text += " (request " + id + ")"
	}
	return text
}

func (e *explained) Unwrap() error { return e.err }

// requestID returns the ID of a request that AWS has answered, or "".
func requestID(err error) string {
	if Code(err) == "" {
		return ""
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.RequestID
	}
	return ""
}

// Explain shortens the text of an error of a call to AWS to "Code: message; hint
// (request ID)". A client of a [Client]'s Config has explained some errors
// already; Explain adds the hint to those. It returns other errors unchanged.
func Explain(err error, hint string) error {
	if e, ok := errors.AsType[*explained](err); ok {
		return &explained{err: err, text: e.text, hint: join(hint, e.hint)}
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err
	}
	return &explained{err: err, text: api.ErrorCode() + ": " + api.ErrorMessage(), hint: hint}
}

// join joins the hints that are not empty.
func join(hints ...string) string {
	return strings.Join(slices.DeleteFunc(hints, func(hint string) bool { return hint == "" }), "; ")
}

// Code returns the code of an error that AWS answered with, or "".
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// Refused reports whether AWS refuses a call, and will do so again unless somebody
// changes something: permissions, credentials, or what the call asks for. It does
// not refuse what it throttles, or what another update is in the way of.
func Refused(err error) bool {
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	_, throttled := retry.DefaultThrottleErrorCodes[Code(err)] // some of them with the status 400
	if !ok || throttled {
		return false
	}
	switch status := response.HTTPStatusCode(); status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusPreconditionFailed, http.StatusTooManyRequests:
		return false
	default:
		return status/100 == 4
	}
}

// explainer explains the errors of the calls of one configuration.
type explainer struct {
	renewal      string // how to renew the credentials
	region       string
	regionSource string // where the region comes from
	endpoint     string // that was configured, or ""
}

func newExplainer(cfg aws.Config, a Access) explainer {
	return explainer{renewal: renewal(cfg, a), region: cfg.Region, regionSource: regionSource(cfg, a), endpoint: aws.ToString(cfg.BaseEndpoint)}
}

// watch makes the clients of cfg explain their errors.
func (e explainer) watch(cfg *aws.Config) {
	explain := middleware.InitializeMiddlewareFunc("Explain", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		if err != nil {
			err = e.explain(err, awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx))
		}
		return out, metadata, err
	})
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(explain, middleware.After)
	})
}

// explain returns an error of an operation with the fix, if it is known.
func (e explainer) explain(err error, service, operation string) error {
	text := e.unreachable(err)
	switch {
	case unlike(err, service) != "":
		text = unlike(err, service) + "; " + e.check()
	case wrongRegion(err):
		text = e.refusedRegion()
	case Code(err) != "":
		if hint := e.hint(err, service, operation); hint != "" {
			return Explain(err, hint)
		}
		return err
	}
	if text != "" {
		return &explained{err: err, text: text}
	}
	return err
}

// wrongRegion reports whether the endpoint belongs to another region than the one
// that the request is signed for.
func wrongRegion(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && strings.Contains(strings.ToLower(api.ErrorMessage()), "credential should be scoped to a valid region")
}

// refusedRegion says that the endpoint does not accept the region, and what to
// correct.
func (e explainer) refusedRegion() string {
	fix := "correct it"
	if e.regionSource == ofManifest {
		fix = `correct "region"`
	}
	return fmt.Sprintf("the endpoint does not accept region %s, which comes from %s; %s", e.region, e.source(), fix)
}

// source says where the region comes from.
func (e explainer) source() string { return cmp.Or(e.regionSource, "the AWS configuration") }

// permissions says where the permissions of each target are documented.
const permissions = "see Permissions in magefiles/docs/reference.md#permissions"

// hint returns the fix of an error that AWS answered with, or "".
func (e explainer) hint(err error, service, operation string) string {
	code := Code(err)
	switch {
	case strings.HasPrefix(code, "AccessDenied") && service == "S3": // package upload names the action
		return permissions
	case strings.HasPrefix(code, "AccessDenied"): // AccessDeniedException in some protocols
		return fmt.Sprintf("allow the action %s; %s", action(err, service, operation), permissions)
	case strings.Contains(err.Error(), "Signature expired"), strings.Contains(err.Error(), "Signature not yet current"), code == "RequestTimeTooSkewed", code == "RequestExpired":
		return "set the clock of this machine"
	case service != "STS" && Expired(err): // Identify says it first
		return cmp.Or(e.renewal, ofMachine)
	case code == "ResourceNotFoundException" && service == "Lambda" && e.regionSource != "":
		return fmt.Sprintf("the region %s comes from %s", e.region, e.regionSource)
	}
	return ""
}

// Expired reports whether AWS refuses the credentials, which need to be renewed.
func Expired(err error) bool {
	return slices.Contains([]string{
		"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired",
		"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken",
		"SignatureDoesNotMatch", "InvalidSignatureException",
	}, Code(err))
}

// performed finds the action in AWS's message, which need not be the operation:
// to read a zip from S3, Lambda needs s3:GetObject.
var performed = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z0-9]+)`)

// action returns the action that credentials lack.
func action(err error, service, operation string) string {
	if m := performed.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return strings.ToLower(service) + ":" + operation
}
