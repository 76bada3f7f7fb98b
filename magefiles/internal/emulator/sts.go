package emulator

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// stsService is AWS STS. Its answers are XML.
var stsService = service{"sts", func(c *call, e *apiError) reply {
	const format = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`
	r := xmlReply(e.status, format, e.fault(), e.queryCode(), html.EscapeString(e.message), c.id)
	r.header["X-Amzn-ErrorType"] = e.queryCode()
	return r
}}

func xmlReply(status int, format string, values ...any) reply {
	return reply{status, map[string]string{"Content-Type": "text/xml"}, fmt.Appendf(nil, format, values...)}
}

// stsOperation returns the operation that the body of a request for STS names, which
// is GetCallerIdentity for a body that was not read.
func stsOperation(body []byte) operation {
	op := operation{"GetCallerIdentity", stsService, maxOtherRequest, (*Server).getCallerIdentity}
	if body == nil {
		return op
	}
	form, err := url.ParseQuery(string(body))
	switch action := form.Get("Action"); {
	case err != nil:
		op.run = func(*Server, *call) (reply, error) {
			return reply{}, apiErrorf(http.StatusBadRequest, "MalformedQueryString", "%v", err)
		}
	case action == "AssumeRole":
		op.name, op.run = action, func(s *Server, c *call) (reply, error) { return s.assumeRole(c, form) }
	case action != op.name:
		op.run = func(*Server, *call) (reply, error) {
			return reply{}, apiErrorf(http.StatusBadRequest, "InvalidAction", "the emulator's STS does not implement action %s, only GetCallerIdentity and AssumeRole", action)
		}
	}
	return op
}

func (s *Server) getCallerIdentity(c *call) (reply, error) {
	const format = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>%s</Arn><UserId>%s</UserId><Account>%s</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
	return xmlReply(http.StatusOK, format, html.EscapeString(c.key.arn), html.EscapeString(c.key.id), c.key.account, c.id), nil
}

// assumeRole answers with the keys of a session of a role of the cloud. A server that
// belongs to no cloud has no roles.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (s *Server) assumeRole(c *call, form url.Values) (reply, error) {
	for name := range form {
		if !slices.Contains([]string{"Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds"}, name) {
			return reply{}, notImplemented("request parameter " + name)
		}
	}
	role, session := form.Get("RoleArn"), form.Get("RoleSessionName")
	if !s.cloud.assumable(role) {
		return reply{}, denied(c, "sts:AssumeRole on resource: "+role)
	}
	seconds, err := strconv.Atoi(cmp.Or(form.Get("DurationSeconds"), "3600"))
	if err != nil || seconds < 900 || seconds > 43200 || session == "" {
		return reply{}, apiErrorf(http.StatusBadRequest, "ValidationError", "DurationSeconds must be between 900 and 43200, and RoleSessionName must be set")
	}
	parsed, err := arn.Parse(role)
	if err != nil {
		return reply{}, apiErrorf(http.StatusBadRequest, "ValidationError", "%s is invalid", role)
	}
	k := key{Credentials: randomCredentials("ASIA"), account: parsed.AccountID}
	k.SessionToken, k.CanExpire, k.Expires = rand.Text()+rand.Text(), true, time.Now().Add(time.Duration(seconds)*time.Second).UTC()
	k.arn = fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", parsed.Partition, k.account, path.Base(parsed.Resource), session)
	k.id = "AROA" + k.AccessKeyID[4:] + ":" + session
	s.keys.add(k)
	const format = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser><Arn>%s</Arn><AssumedRoleId>%s</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></AssumeRoleResponse>`
	return xmlReply(http.StatusOK, format, html.EscapeString(k.arn), html.EscapeString(k.id), k.AccessKeyID, k.SecretAccessKey, k.SessionToken, k.Expires.Format(time.RFC3339), c.id), nil
}

// queryCode returns the code of an error in the query protocol, which has other
// codes for signatures than Lambda.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
func (e *apiError) queryCode() string {
	switch e.code {
	case "MissingAuthenticationTokenException":
		return "MissingAuthenticationToken"
	case "IncompleteSignatureException":
		return "IncompleteSignature"
	case "UnrecognizedClientException":
		return "InvalidClientTokenId"
	case "InvalidSignatureException":
		return "SignatureDoesNotMatch"
	case "ExpiredTokenException":
		return "ExpiredToken"
	case accessDenied:
		return "AccessDenied"
	}
	return e.code
}

// fault returns whose fault an error is, in the words of the query protocol.
func (e *apiError) fault() string {
	if e.status >= 500 {
		return "Receiver"
	}
	return "Sender"
}
