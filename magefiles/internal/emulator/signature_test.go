package emulator_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"example.com/dualboot/magefiles/internal/emulator"
)

// signed is a request, validly signed unless its fields say otherwise.
type signed struct {
	method, path    string // default GET /2015-03-31/functions
	body            string
	service, region string
	secret          string
	header          map[string]string
	at              time.Time
	tamper          func(*http.Request) // after signing
}

func (s signed) do(t testing.TB, b *bench) *http.Response {
	t.Helper()
	request, err := s.request(b.Server)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: b.http}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// request returns the request with its signature.
func (s signed) request(server *emulator.Server) (*http.Request, error) {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&s.method, http.MethodGet)
	set(&s.path, "/2015-03-31/functions")
	set(&s.service, "lambda")
	set(&s.region, server.Config().Region)
	set(&s.secret, server.Credentials().SecretAccessKey)
	if s.at.IsZero() {
		s.at = time.Now()
	}
	request, err := http.NewRequest(s.method, server.URL()+s.path, strings.NewReader(s.body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range s.header {
		request.Header.Set(name, value)
	}
	hash := sha256.Sum256([]byte(s.body))
	payload := hex.EncodeToString(hash[:])
	if given := s.header["X-Amz-Content-Sha256"]; given != "" { // S3
		payload = given
	}
	key := aws.Credentials{AccessKeyID: server.Credentials().AccessKeyID, SecretAccessKey: s.secret}
	err = v4.NewSigner().SignHTTP(context.Background(), key, request, payload, s.service, s.region, s.at)
	if err == nil && s.tamper != nil {
		s.tamper(request)
	}
	return request, err
}

func bodyOf(t testing.TB, response *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, smallZip(t)))
	tamper := func(change func(*http.Request)) signed { return signed{tamper: change} }
	replace := func(old, new string) signed {
		return tamper(func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		})
	}
	const (
		incomplete = "IncompleteSignatureException"
		invalid    = "InvalidSignatureException"
		mismatch   = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	)
	for _, test := range []struct {
		name          string
		request       signed
		code, message string // no code: the request is accepted
	}{
		{"valid", signed{}, "", ""},
		{"with a query", signed{path: "/2015-03-31/functions?MaxItems=2&Marker=&FunctionVersion=ALL"}, "", ""},
		{"with an escaped path", signed{path: "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af%3A%24LATEST"}, "", ""},
		{"with an unescaped path", signed{path: "/2015-03-31/functions/123456789012:function:f:$LATEST/configuration"}, "", ""},
		{"with another header", tamper(func(r *http.Request) { r.Header.Set("X-Other", "x") }), "", ""},
		{"unsigned", tamper(func(r *http.Request) { r.Header.Del("Authorization") }), "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"another scheme", tamper(func(r *http.Request) { r.Header.Set("Authorization", "Basic eDp5") }), incomplete, "Unsupported or missing authorization algorithm"},
		{"no signature", replace("Signature=", "Sig="), incomplete, "Authorization header requires 'Signature' parameter."},
		{"incomplete scope", replace("/aws4_request", ""), incomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term"},
		{"no date", tamper(func(r *http.Request) { r.Header.Del("X-Amz-Date") }), incomplete, "Authorization header requires existence of a valid 'X-Amz-Date' header."},
		{"another key", replace("Credential=AKIA", "Credential=AKIB"), "UnrecognizedClientException", "The security token included in the request is invalid."},
		{"another secret", signed{secret: "x"}, invalid, mismatch},
		{"another signature", tamper(func(r *http.Request) {
			a := r.Header.Get("Authorization")
			r.Header.Set("Authorization", a[:len(a)-64]+strings.Repeat("0", 64))
		}), invalid, mismatch},
		{"another region", signed{region: "eu-west-1"}, invalid, "Credential should be scoped to a valid region. "},
		{"another service", signed{service: "ec2"}, invalid, "Credential should be scoped to correct service: 'lambda'. "},
		{"unsigned host", replace("host;", ""), invalid, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization header."},
		{"another host", tamper(func(r *http.Request) { r.Host = "example.com" }), invalid, mismatch},
		{"unsigned X-Amz header", tamper(func(r *http.Request) { r.Header.Set("X-Amz-Invocation-Type", "Event") }), invalid, "'x-amz-invocation-type' must be a 'SignedHeader' in the AWS Authorization header."},
		{"another signed header", tamper(func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), invalid, mismatch},
		{"another query", tamper(func(r *http.Request) { r.URL.RawQuery = "MaxItems=1" }), invalid, mismatch},
		{"another path", tamper(func(r *http.Request) { r.URL.Path += "/f" }), invalid, mismatch},
		{"another method", tamper(func(r *http.Request) { r.Method = "DELETE" }), invalid, mismatch},
		{"another body", signed{method: "POST", body: "{1}", tamper: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{2}")) }}, invalid, mismatch},
		{"unknown path", signed{path: "/x", secret: "x"}, invalid, mismatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			response := test.request.do(t, b)
			code, body := response.Header.Get("X-Amzn-ErrorType"), bodyOf(t, response)
			if test.code == "" {
				if response.StatusCode != 200 {
					t.Errorf("got %s %s: %s", response.Status, code, body)
				}
				return
			}
			if response.StatusCode != 403 || code != test.code || body != `{"Type":"User","message":"`+test.message+`"}` {
				t.Errorf("got %s %s: %s, want 403 %s: %s", response.Status, code, body, test.code, test.message)
			}
			if response.Header.Get("X-Amzn-RequestId") == "" {
				t.Error("no request ID")
			}
		})
	}
}

func TestSignatureTime(t *testing.T) {
	inBubble(t, emulator.Options{}, func(b *bench) {
		time.Sleep(12 * time.Hour) // away from midnight
		redate := func(date string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("X-Amz-Date", date) }
		}
		now := time.Now()
		for _, test := range []struct {
			name    string
			request signed
			message string // "": the request is accepted
		}{
			{"five minutes ago", signed{at: now.Add(-5 * time.Minute)}, ""},
			{"in five minutes", signed{at: now.Add(5 * time.Minute)}, ""},
			{"more than five minutes ago", signed{at: now.Add(-5*time.Minute - time.Second)}, "Signature expired: 20000101T115459Z is now earlier than 20000101T115500Z (20000101T120000Z - 5 min.)"},
			{"in more than five minutes", signed{at: now.Add(5*time.Minute + time.Second)}, "Signature not yet current: 20000101T120501Z is still later than 20000101T120500Z (20000101T120000Z + 5 min.)"},
			{"another day", signed{tamper: redate("19991231T120000Z")}, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20000101' != '19991231', from '19991231T120000Z'."},
			{"another second", signed{tamper: redate("20000101T120001Z")}, "The request signature we calculated does not match"},
		} {
			response := test.request.do(b, b)
			code, body := response.Header.Get("X-Amzn-ErrorType"), bodyOf(b, response)
			switch {
			case test.message == "" && response.StatusCode != 200,
				test.message != "" && (response.StatusCode != 403 || code != "InvalidSignatureException" || !strings.Contains(body, test.message)):
				b.Errorf("%s: got %s %s: %s, want %q", test.name, response.Status, code, body, test.message)
			}
		}
	})
}

// An unknown access key is refused before the body arrives.
func TestKeyIsCheckedBeforeBody(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	body, w := io.Pipe()
	defer w.Close() // after the answer
	response := signed{method: "POST", tamper: func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIA", "AKIB", 1))
		r.Body, r.ContentLength = body, -1
	}}.do(t, b)
	if got := response.Header.Get("X-Amzn-ErrorType"); got != "UnrecognizedClientException" {
		t.Errorf("got %s %s", response.Status, got)
	}
}

func TestSDKErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	wrong := b.Config()
	wrong.Credentials = credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", "")
	const token = "The security token included in the request is invalid."
	_, err := lambda.NewFromConfig(wrong).ListFunctions(t.Context(), nil)
	wantError(t, err, 403, "UnrecognizedClientException", token)
	_, err = sts.NewFromConfig(wrong).GetCallerIdentity(t.Context(), nil)
	wantError(t, err, 403, "InvalidClientTokenId", token)
	wrong.Credentials = credentials.NewStaticCredentialsProvider(b.Credentials().AccessKeyID, "secret", "")
	_, err = sts.NewFromConfig(wrong).GetCallerIdentity(t.Context(), nil)
	wantError(t, err, 403, "SignatureDoesNotMatch", "")
	if got := b.Calls(); got["ListFunctions"] != 1 || got["GetCallerIdentity"] != 2 {
		t.Errorf("calls are %v, want the refused ones counted", got)
	}
}
