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

// signed is a request, signed as it should be unless it is told otherwise.
type signed struct {
	method, path    string // default POST /2015-03-31/functions
	body            string
	service, region string
	secret          string
	header          map[string]string
	at              time.Time
	tamper          func(*http.Request) // after signing
}

func (s signed) do(t testing.TB, b *bench) *http.Response {
	t.Helper()
	def := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	def(&s.method, http.MethodPost)
	def(&s.path, "/2015-03-31/functions")
	def(&s.service, "lambda")
	def(&s.region, b.Config().Region)
	def(&s.secret, b.Credentials().SecretAccessKey)
	if s.at.IsZero() {
		s.at = time.Now()
	}
	request, err := s.request(b.Server)
	if err != nil {
		t.Fatal(err)
	}
	if s.tamper != nil {
		s.tamper(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// request is the request itself, signed.
func (s signed) request(server *emulator.Server) (*http.Request, error) {
	request, err := http.NewRequest(s.method, server.URL()+s.path, strings.NewReader(s.body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range s.header {
		request.Header.Set(name, value)
	}
	hash := sha256.Sum256([]byte(s.body))
	key := aws.Credentials{AccessKeyID: server.Credentials().AccessKeyID, SecretAccessKey: s.secret}
	return request, v4.NewSigner().SignHTTP(context.Background(), key, request, hex.EncodeToString(hash[:]), s.service, s.region, s.at)
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
	edit := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	list := signed{method: "GET"}
	with := func(change func(*signed)) signed {
		s := list
		change(&s)
		return s
	}
	for _, test := range []struct {
		name          string
		request       signed
		code, message string // no code: it is accepted
	}{
		{"as it should be", list, "", ""},
		{"with a query", signed{method: "GET", path: "/2015-03-31/functions?MaxItems=2&Marker=&FunctionVersion=ALL"}, "", ""},
		{"with an escaped path", signed{method: "GET", path: "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af%3A%24LATEST"}, "", ""},
		{"unescaped path", signed{method: "GET", path: "/2015-03-31/functions/123456789012:function:f:$LATEST/configuration"}, "", ""},
		{"unsigned", with(func(s *signed) { s.tamper = func(r *http.Request) { r.Header.Del("Authorization") } }),
			"MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"another scheme", with(func(s *signed) {
			s.tamper = func(r *http.Request) { r.Header.Set("Authorization", "Basic eDp5") }
		}), "IncompleteSignatureException", "Unsupported or missing authorization algorithm"},
		{"no signature", with(func(s *signed) { s.tamper = edit("Signature=", "Sig=") }),
			"IncompleteSignatureException", "Authorization header requires 'Signature' parameter."},
		{"no scope", with(func(s *signed) { s.tamper = edit("/aws4_request", "") }),
			"IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term"},
		{"no date", with(func(s *signed) { s.tamper = func(r *http.Request) { r.Header.Del("X-Amz-Date") } }),
			"IncompleteSignatureException", "Authorization header requires existence of a valid 'X-Amz-Date' header."},
		{"another key", with(func(s *signed) { s.tamper = edit("Credential=AKIA", "Credential=AKIB") }),
			"UnrecognizedClientException", "The security token included in the request is invalid."},
		{"another secret", with(func(s *signed) { s.secret = "x" }), "InvalidSignatureException", mismatch},
		{"another signature", with(func(s *signed) {
			s.tamper = func(r *http.Request) {
				a := r.Header.Get("Authorization")
				r.Header.Set("Authorization", a[:len(a)-64]+strings.Repeat("0", 64))
			}
		}), "InvalidSignatureException", mismatch},
		{"another region", with(func(s *signed) { s.region = "eu-west-1" }),
			"InvalidSignatureException", "Credential should be scoped to a valid region. "},
		{"another service", with(func(s *signed) { s.service = "s3" }),
			"InvalidSignatureException", "Credential should be scoped to correct service: 'lambda'. "},
		{"another day", with(func(s *signed) {
			s.tamper = func(r *http.Request) { r.Header.Set("X-Amz-Date", "20200101T000000Z") }
		}), "InvalidSignatureException", "…Date in Credential scope does not match"},
		{"another time", with(func(s *signed) {
			s.tamper = func(r *http.Request) {
				at, _ := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
				r.Header.Set("X-Amz-Date", at.Add(-time.Second).Format("20060102T150405Z"))
			}
		}), "InvalidSignatureException", "…"}, // the date does not match at midnight
		{"almost too old", with(func(s *signed) { s.at = time.Now().Add(-4 * time.Minute) }), "", ""},
		{"almost too new", with(func(s *signed) { s.at = time.Now().Add(4 * time.Minute) }), "", ""},
		{"expired", with(func(s *signed) { s.at = time.Now().Add(-6 * time.Minute) }),
			"InvalidSignatureException", "…Signature expired: "},
		{"not yet", with(func(s *signed) { s.at = time.Now().Add(6 * time.Minute) }),
			"InvalidSignatureException", "…Signature not yet current: "},
		{"host not signed", with(func(s *signed) { s.tamper = edit("host;", "") }),
			"InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization header."},
		{"another host", with(func(s *signed) { s.tamper = func(r *http.Request) { r.Host = "example.com" } }),
			"InvalidSignatureException", mismatch},
		{"added X-Amz header", with(func(s *signed) {
			s.tamper = func(r *http.Request) { r.Header.Set("X-Amz-Invocation-Type", "Event") }
		}), "InvalidSignatureException", "'x-amz-invocation-type' must be a 'SignedHeader' in the AWS Authorization header."},
		{"added other header", with(func(s *signed) {
			s.tamper = func(r *http.Request) { r.Header.Set("X-Other", "x") }
		}), "", ""},
		{"changed signed header", with(func(s *signed) {
			s.tamper = func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }
		}), "InvalidSignatureException", mismatch},
		{"changed query", with(func(s *signed) {
			s.tamper = func(r *http.Request) { r.URL.RawQuery = "MaxItems=1" }
		}), "InvalidSignatureException", mismatch},
		{"changed path", with(func(s *signed) {
			s.tamper = func(r *http.Request) { r.URL.Path += "/f" }
		}), "InvalidSignatureException", mismatch},
		{"changed method", with(func(s *signed) {
			s.tamper = func(r *http.Request) { r.Method = "DELETE" }
		}), "InvalidSignatureException", mismatch},
		{"changed body", signed{body: "{1}", tamper: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{2}")) }},
			"InvalidSignatureException", mismatch},
		{"unknown path", signed{path: "/x", secret: "x"}, "InvalidSignatureException", mismatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			response := test.request.do(t, b)
			got, body := response.Header.Get("X-Amzn-ErrorType"), bodyOf(t, response)
			if test.code == "" {
				if response.StatusCode != 200 {
					t.Errorf("got %s %s: %s", response.Status, got, body)
				}
				return
			}
			message, part := strings.CutPrefix(test.message, "…")
			if response.StatusCode != 403 || got != test.code || !strings.Contains(body, message) || !part && body != `{"Message":"`+message+`","Type":"User"}` {
				t.Errorf("got %s %s: %s, want 403 %s: %s", response.Status, got, body, test.code, test.message)
			}
			if response.Header.Get("X-Amzn-RequestId") == "" {
				t.Error("no request id")
			}
		})
	}
}

// An unknown access key is refused before the body is sent, let alone read.
func TestKeyIsCheckedFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	body, w := io.Pipe()
	defer w.Close() // and not before
	response := signed{tamper: func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIA", "AKIB", 1))
		r.Body, r.ContentLength = body, -1
	}}.do(t, b)
	if got := response.Header.Get("X-Amzn-ErrorType"); got != "UnrecognizedClientException" {
		t.Errorf("got %s %s", response.Status, got)
	}
}

func TestClientErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	wrong := b.Config()
	wrong.Credentials = credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", "")
	_, err := lambda.NewFromConfig(wrong).ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	wantError(t, err, 403, "UnrecognizedClientException", "The security token included in the request is invalid.")
	_, err = sts.NewFromConfig(wrong).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantError(t, err, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	wrong.Credentials = credentials.NewStaticCredentialsProvider(b.Credentials().AccessKeyID, "secret", "")
	_, err = sts.NewFromConfig(wrong).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	wantError(t, err, 403, "SignatureDoesNotMatch", "")
	if got := b.Calls(); got["ListFunctions"] != 1 || got["GetCallerIdentity"] != 2 {
		t.Errorf("calls are %v: refused ones count", got)
	}
}
