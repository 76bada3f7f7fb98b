package emulator

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
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

func (s *Server) getCallerIdentity(c *call) (reply, error) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return reply{}, apiErrorf(http.StatusBadRequest, "MalformedQueryString", "%v", err)
	}
	if action := form.Get("Action"); action != "GetCallerIdentity" {
		return reply{}, apiErrorf(http.StatusBadRequest, "InvalidAction", "the emulator's STS does not implement action %s, only GetCallerIdentity", action)
	}
	const format = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:%s:iam::%[2]s:user/emulator</Arn><UserId>AIDA%s</UserId><Account>%[2]s</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>%[4]s</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
	return xmlReply(http.StatusOK, format, s.partition(), s.options.Account, s.credentials.AccessKeyID[4:], c.id), nil
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
