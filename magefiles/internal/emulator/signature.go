package emulator

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// maxSkew is how much a request's time may differ from the server's.
const maxSkew = 5 * time.Minute

const amzDate = "20060102T150405Z"

// verifier verifies AWS Signature Version 4.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
type verifier struct {
	keys            *keyring
	account, region string
	signer          *v4.Signer
}

type claim struct {
	key             key
	service, region string
	time            time.Time
	headers         []string // names of the signed headers, in lower case
	signature       string
}

// claim returns a request's claim. It checks all that does not need the body:
// the access key, the scope, the time, and that the signature covers the headers
// that it must cover.
func (v *verifier) claim(r *http.Request, service string) (claim, error) {
	authorization := r.Header.Get("Authorization")
	if authorization == "" {
		return claim{}, forbidden("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	parameters, ok := strings.CutPrefix(authorization, "AWS4-HMAC-SHA256 ")
	if !ok {
		return claim{}, incomplete("Unsupported or missing authorization algorithm")
	}
	given := map[string]string{}
	for parameter := range strings.SplitSeq(parameters, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		given[name] = value
	}
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if given[name] == "" {
			return claim{}, incomplete("Authorization header requires '%s' parameter.", name)
		}
	}
	scope := strings.Split(given["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return claim{}, incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term")
	}
	c := claim{service: service, region: scope[2], headers: strings.Split(given["SignedHeaders"], ";"), signature: given["Signature"]}
	c.key = v.keys.find(scope[0])
	switch {
	case c.key.account != v.account, c.key.SessionToken != r.Header.Get("X-Amz-Security-Token"):
		return c, forbidden("UnrecognizedClientException", "The security token included in the request is invalid.")
	case c.key.Expired():
		return c, forbidden("ExpiredTokenException", "The security token included in the request is expired")
	case c.region != v.region && !(global(service) && c.region == globalRegion):
		return c, invalidSignature("Credential should be scoped to a valid region. ")
	case scope[3] != service:
		return c, invalidSignature("Credential should be scoped to correct service: '%s'. ", service)
	}
	if err := c.setTime(r.Header.Get("X-Amz-Date"), scope[1], time.Now().UTC()); err != nil {
		return c, err
	}
	if !slices.Contains(c.headers, "host") {
		return c, invalidSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization header.")
	}
	for name := range r.Header {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "x-amz-") && !slices.Contains(c.headers, name) {
			return c, invalidSignature("'%s' must be a 'SignedHeader' in the AWS Authorization header.", name)
		}
	}
	return c, nil
}

// setTime sets the time of signing, if it matches the scope's date and the clock.
func (c *claim) setTime(signed, scopeDate string, now time.Time) (err error) {
	if c.time, err = time.Parse(amzDate, signed); err != nil {
		return incomplete("Authorization header requires existence of a valid 'X-Amz-Date' header.")
	}
	if day := c.time.Format("20060102"); day != scopeDate {
		return invalidSignature("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.", scopeDate, day, signed)
	}
	if early := now.Add(-maxSkew); c.time.Before(early) {
		return invalidSignature("Signature expired: %s is now earlier than %s (%s - 5 min.)", signed, early.Format(amzDate), now.Format(amzDate))
	}
	if late := now.Add(maxSkew); c.time.After(late) {
		return invalidSignature("Signature not yet current: %s is still later than %s (%s + 5 min.)", signed, late.Format(amzDate), now.Format(amzDate))
	}
	return nil
}

// verify signs the request again as its claim says, with the SHA-256 of the body
// in hexadecimal or what S3 takes instead, and compares the signatures.
func (v *verifier) verify(r *http.Request, c claim, payload string) error {
	again := &http.Request{
		Method: r.Method,
		Host:   r.Host,
		URL:    &url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery},
		Header: http.Header{},
	}
	for _, name := range c.headers {
		switch key := http.CanonicalHeaderKey(name); name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[key] = slices.Clone(r.Header[key])
		}
	}
	err := v.signer.SignHTTP(context.Background(), c.key.Credentials, again, payload, c.service, c.region, c.time,
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = c.service == s3Name })
	if err != nil {
		return err
	}
	_, want, _ := strings.Cut(again.Header.Get("Authorization"), "Signature=")
	if subtle.ConstantTimeCompare([]byte(want), []byte(c.signature)) != 1 {
		return invalidSignature("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

func forbidden(code, format string, args ...any) error {
	return apiErrorf(http.StatusForbidden, code, format, args...)
}

func incomplete(format string, args ...any) error {
	return forbidden("IncompleteSignatureException", format, args...)
}

func invalidSignature(format string, args ...any) error {
	return forbidden("InvalidSignatureException", format, args...)
}
