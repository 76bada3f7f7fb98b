package emulator

import (
	"encoding/xml"
	"net/http"
	"net/url"
)

// stsNamespace is the XML namespace of STS's query protocol.
const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// stsService is AWS STS. Its errors are XML.
var stsService = service{"sts", func(c *call, e *apiError) reply {
	type detail struct{ Type, Code, Message string }
	r, _ := xmlReply(e.status, struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Xmlns     string   `xml:"xmlns,attr"`
		Error     detail
		RequestId string
	}{
		Xmlns:     stsNamespace,
		Error:     detail{e.fault(), e.queryCode(), e.message},
		RequestId: c.id,
	})
	r.header["X-Amzn-ErrorType"] = e.queryCode()
	return r
}}

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

// fault returns whose fault an error is, as the query protocol words it.
func (e *apiError) fault() string {
	if e.status >= 500 {
		return "Receiver"
	}
	return "Sender"
}

// getCallerIdentity is the only operation of STS.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (s *Server) getCallerIdentity(c *call) (reply, error) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return reply{}, apiErrorf(http.StatusBadRequest, "MalformedQueryString", "%v", err)
	}
	if action := form.Get("Action"); action != "GetCallerIdentity" {
		return reply{}, apiErrorf(http.StatusBadRequest, "InvalidAction", "the emulator's STS does not implement action %s, only GetCallerIdentity", action)
	}
	type result struct{ Arn, UserId, Account string }
	type metadata struct{ RequestId string }
	return xmlReply(http.StatusOK, struct {
		XMLName                 xml.Name `xml:"GetCallerIdentityResponse"`
		Xmlns                   string   `xml:"xmlns,attr"`
		GetCallerIdentityResult result
		ResponseMetadata        metadata
	}{
		Xmlns: stsNamespace,
		GetCallerIdentityResult: result{
			Arn:     "arn:" + s.partition() + ":iam::" + s.options.Account + ":user/emulator",
			UserId:  "AIDA" + s.credentials.AccessKeyID[4:],
			Account: s.options.Account,
		},
		ResponseMetadata: metadata{c.id},
	})
}

func xmlReply(status int, v any) (reply, error) {
	body, err := xml.Marshal(v)
	return reply{status, map[string]string{"Content-Type": "text/xml"}, body}, err
}
