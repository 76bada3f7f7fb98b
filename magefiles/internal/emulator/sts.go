package emulator

import (
	"encoding/xml"
	"net/http"
	"net/url"
)

// xmlNamespace is that of STS's query protocol.
const xmlNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// stsCode is STS's name for an error that Lambda calls otherwise.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
func stsCode(code string) string {
	switch code {
	case "MissingAuthenticationTokenException":
		return "MissingAuthenticationToken"
	case "IncompleteSignatureException":
		return "IncompleteSignature"
	case "UnrecognizedClientException":
		return "InvalidClientTokenId"
	case "InvalidSignatureException":
		return "SignatureDoesNotMatch"
	}
	return code
}

// getCallerIdentity answers the one operation of STS that is played.
//
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (s *Server) getCallerIdentity(c *call) (reply, error) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return reply{}, &apiError{http.StatusBadRequest, "MalformedQueryString", err.Error()}
	}
	if action := form.Get("Action"); action != "GetCallerIdentity" {
		return reply{}, &apiError{http.StatusBadRequest, "InvalidAction", "the emulator's STS does not implement action " + action + ", only GetCallerIdentity"}
	}
	type result struct{ Arn, UserId, Account string }
	type metadata struct{ RequestId string }
	return xmlReply(http.StatusOK, struct {
		XMLName                 xml.Name `xml:"GetCallerIdentityResponse"`
		Xmlns                   string   `xml:"xmlns,attr"`
		GetCallerIdentityResult result
		ResponseMetadata        metadata
	}{
		Xmlns: xmlNamespace,
		GetCallerIdentityResult: result{
			Arn:     "arn:" + partition(s.options.Region) + ":iam::" + s.options.Account + ":user/emulator",
			UserId:  "AIDA" + s.credentials.AccessKeyID[4:],
			Account: s.options.Account,
		},
		ResponseMetadata: metadata{c.id},
	})
}

// stsReply is STS's XML form of an error.
func (e *apiError) stsReply(id string) reply {
	type detail struct{ Type, Code, Message string }
	kind := "Sender"
	if e.status >= 500 {
		kind = "Receiver"
	}
	r, _ := xmlReply(e.status, struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Xmlns     string   `xml:"xmlns,attr"`
		Error     detail
		RequestId string
	}{
		Xmlns:     xmlNamespace,
		Error:     detail{kind, stsCode(e.code), e.message},
		RequestId: id,
	})
	r.header["X-Amzn-ErrorType"] = stsCode(e.code)
	return r
}

func xmlReply(status int, v any) (reply, error) {
	body, err := xml.Marshal(v)
	return reply{status: status, header: map[string]string{"Content-Type": "text/xml"}, body: body}, err
}
