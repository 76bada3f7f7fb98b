package awsclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// unreachable describes in one sentence why a call got no answer of AWS, and what
// to do, or returns "" if err is another error.
func (e explainer) unreachable(err error) string {
	if silent, ok := errors.AsType[*silentError](err); ok {
		return silent.Error() + "; " + e.check()
	}
	if portal, ok := errors.AsType[*portalError](err); ok {
		return portal.Error() + "; log in to the network, or correct HTTPS_PROXY"
	}
	if _, ok := errors.AsType[*smithyhttp.RequestSendError](err); !ok {
		return ""
	}
	host := hostOf(err)
	op, _ := errors.AsType[*net.OpError](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	authority, isAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	name, isName := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, isPlain := errors.AsType[tls.RecordHeaderError](err)
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case op != nil && op.Op == "proxyconnect":
		return fmt.Sprintf("the proxy on the way to %s does not answer (%v); correct HTTPS_PROXY", host, op.Err)
	case isDNS && dns.IsNotFound:
		return fmt.Sprintf("there is no host %s; %s", dns.Name, e.check())
	case isDNS:
		return fmt.Sprintf("the name %s cannot be resolved (%s); check the network", dns.Name, dns.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("%s refuses connections; %s", host, e.check())
	case isAuthority:
		return fmt.Sprintf("the certificate of %s is not trusted (%v); if a proxy opens TLS connections here, run: export AWS_CA_BUNDLE=FILE, with its certificate", host, authority)
	case isName:
		return fmt.Sprintf("the certificate of %s is for another host (%v); log in to the network, or correct the proxy", host, name)
	case isInvalid:
		return fmt.Sprintf("the certificate of %s is not valid (%v); check the clock of this machine", host, invalid)
	case isPlain || errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Sprintf("%s does not speak TLS; write http:// in AWS_ENDPOINT_URL if that is right", host)
	case isNetwork && network.Timeout():
		return fmt.Sprintf("%s cannot be reached (timeout); %s", host, e.check())
	}
	return fmt.Sprintf("the connection to %s broke (%v); run the command again", host, cause(err))
}

// check says what to check if the endpoint does not answer.
func (e explainer) check() string {
	if e.endpoint != "" {
		return fmt.Sprintf("check that %s is the right endpoint (AWS_ENDPOINT_URL)", e.endpoint)
	}
	return fmt.Sprintf("check the network, the proxy, and the region %s, which comes from %s", e.region, e.source())
}

// unlike describes an answer that is not in the form of AWS's, or returns "". S3
// answers some requests without a body.
func unlike(err error, service string) string {
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || response.Response == nil || service == "S3" {
		return ""
	}
	_, malformed := errors.AsType[*smithy.DeserializationError](err)
	api, isAPI := errors.AsType[smithy.APIError](err)
	anonymous := isAPI && (api.ErrorCode() == "" || api.ErrorCode() == "UnknownError") // as the SDK calls it
	if !malformed && !anonymous || errors.Is(err, io.ErrUnexpectedEOF) || ofConnection(err) {
		return ""
	}
	host := "the endpoint"
	if request := response.Response.Request; request != nil {
		host = request.URL.Host
	}
	return fmt.Sprintf("%s answers with status %d, but not as AWS does", host, response.HTTPStatusCode())
}

// ofConnection reports whether a connection broke.
func ofConnection(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok
}

// hostOf returns the host of the request that failed.
func hostOf(err error) string {
	if request, ok := errors.AsType[*url.Error](err); ok {
		if u, err := url.Parse(request.URL); err == nil {
			return u.Host
		}
	}
	return "the endpoint"
}

// cause returns an error without the request that failed.
func cause(err error) error {
	if request, ok := errors.AsType[*url.Error](err); ok {
		return request.Err
	}
	return err
}
