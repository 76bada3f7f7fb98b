package awsclient_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"example.com/dualboot/magefiles/internal/awsclient"
)

var update = flag.Bool("update", false, "write the messages into testdata")

// doer is an HTTP client.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// fails returns a client whose requests fail with an error of net.
func fails(op string, cause error) doer {
	return func(r *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: &net.OpError{Op: op, Net: "tcp", Err: cause}}
	}
}

// answers returns a client whose requests get an answer.
func answers(status int, kind, body string, header ...string) doer {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {kind}, "X-Amzn-Requestid": {"the-request"}}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

// refuses returns a client whose requests get an error of Lambda.
func refuses(status int, code, message string) doer {
	return answers(status, "application/json", fmt.Sprintf(`{"message": %q}`, message), "X-Amzn-ErrorType", code)
}

func static(client aws.HTTPClient) aws.Config {
	return aws.Config{Region: "eu-cental-1", HTTPClient: client, RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", "")}
}

var access = awsclient.Access{Environment: "prod", Region: "eu-cental-1"}

// identify returns the error of the first call of a command.
func identify(cfg aws.Config, a awsclient.Access) error {
	return awsclient.New(cfg, a).Identify(context.Background(), a)
}

// get returns the error of GetFunction.
func get(cfg aws.Config, a awsclient.Access) error {
	_, err := sdk.NewFromConfig(awsclient.New(cfg, a).Config).GetFunction(context.Background(), &sdk.GetFunctionInput{FunctionName: aws.String("prod-api")})
	return awsclient.Explain(err, "")
}

// TestMessages compares the messages of failed calls with testdata/messages.txtar.
func TestMessages(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	at := func(url string) aws.Config {
		cfg := static(nil)
		cfg.HTTPClient, cfg.BaseEndpoint = http.DefaultClient, &url
		return cfg
	}
	page := answers(200, "text/html; charset=utf-8", "<html><body>Welcome to Hotel WLAN</body></html>")
	denied := "User: arn:aws:iam::123456789012:user/dev is not authorized to perform: lambda:GetFunction on resource: arn:aws:lambda:eu-central-1:123456789012:function:prod-api"
	m := messages{t: t, got: map[string]error{}}

	machine := static(nil)
	machine.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		_, err := fails("dial", os.ErrDeadlineExceeded)(httptest.NewRequest("GET", "http://169.254.169.254/", nil))
		return aws.Credentials{}, &smithyhttp.RequestSendError{Err: err}
	})
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_DEFAULT_PROFILE", "")
	m.add("no credentials", identify(machine, access))
	machine.ConfigSources = []any{config.SharedConfig{Profile: "ours", SSOStartURL: "https://example.awsapps.com/start"}}
	m.add("no connection for credentials", identify(machine, access))
	m.add("connection refused", identify(at("http://"+closed(t)), access))
	m.add("no such host", identify(static(fails("dial", &net.DNSError{Err: "no such host", Name: "sts.eu-cental-1.amazonaws.com", IsNotFound: true})), access))
	m.add("DNS does not answer", identify(static(fails("dial", &net.DNSError{Err: "server misbehaving", Name: "sts.eu-cental-1.amazonaws.com"})), access))
	m.add("the proxy refuses", identify(static(fails("proxyconnect", errors.New("connect: connection refused"))), access))
	m.add("timeout of a connection", identify(static(fails("dial", os.ErrDeadlineExceeded)), access))
	m.add("connection broken", identify(static(fails("read", errors.New("connection reset by peer"))), access))
	m.add("certificate not trusted", identify(at(secure.URL), access))
	m.add("no TLS", identify(at(strings.Replace(plain.URL, "http:", "https:", 1)), access))
	m.add("login page", identify(static(page), access))
	m.add("login page later", get(static(page), access))
	m.add("redirected to a login page", identify(static(answers(302, "text/plain", "", "Location", "https://login.example.com/?session=secret")), access))
	m.add("another service", identify(static(answers(200, "text/xml", "<GetCallerIdentityResponse><GetCallerIdentityResult></GetCallerIdentityResult></GetCallerIdentityResponse>")), access))
	m.add("not implemented", identify(static(answers(501, "text/html", "<!DOCTYPE HTML>\n<html><body>Error code: 501</body></html>")), access))
	m.add("not found in plain text", identify(at(plain.URL), access))
	m.add("no answer of AWS in plain text", identify(static(answers(200, "text/plain", "ok")), access))
	m.add("not found in plain text later", get(static(answers(404, "text/plain", "404 page not found\n")), access))
	m.add("bad gateway without a body later", get(static(answers(502, "text/plain", "")), access))
	m.add("another region", identify(static(answers(403, "text/xml", "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>Credential should be scoped to a valid region. </Message></Error></ErrorResponse>")), access))
	synctest.Test(t, func(t *testing.T) {
		m.add("no answer", identify(static(doer(silent)), access))
		m.add("no answer later", get(static(doer(silent)), access))
	})

	m.add("access denied", get(static(refuses(403, "AccessDeniedException", denied)), access))
	m.add("access denied without a reason", get(static(refuses(403, "AccessDeniedException", "no")), access))
	m.add("access denied to a bucket", put(static(answers(403, "application/xml", "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")), access))
	m.add("not found in this region", get(static(refuses(404, "ResourceNotFoundException", "Function not found: prod-api")), access))
	m.add("clock", get(static(refuses(403, "InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z")), access))
	m.add("throttled", get(static(refuses(429, "TooManyRequestsException", "Rate exceeded")), access))
	m.compare(filepath.Join("testdata", "messages.txtar"))
}

// silent never answers.
func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// put returns the error of PutObject.
func put(cfg aws.Config, a awsclient.Access) error {
	_, err := s3.NewFromConfig(awsclient.New(cfg, a).Config).PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	return awsclient.Explain(err, "")
}

// closed returns an address on which nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestRenewals compares what each kind of expired credentials leads to with
// testdata/renewals.txtar.
func TestRenewals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	const profiles = `
[profile keys]
aws_access_key_id = AKID
aws_secret_access_key = secret
[profile temporary]
aws_access_key_id = AKID
aws_secret_access_key = secret
aws_session_token = token
[profile sso]
sso_session = us
sso_account_id = 123456789012
sso_role_name = dev
[sso-session us]
sso_region = us-east-1
sso_start_url = https://example.awsapps.com/start
[profile role]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = sso
[profile process]
credential_process = /bin/false
[profile web]
role_arn = arn:aws:iam::123456789012:role/deploy
web_identity_token_file = /run/token
[profile machine]
role_arn = arn:aws:iam::123456789012:role/deploy
credential_source = Ec2InstanceMetadata
[profile container]
role_arn = arn:aws:iam::123456789012:role/deploy
credential_source = EcsContainer
[profile empty]
`
	if err := os.WriteFile(file, []byte(profiles), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/")
	m := messages{t: t, got: map[string]error{}}
	expired := refuses(403, "ExpiredTokenException", "The security token included in the request is expired")
	run := func(name, profile string) {
		t.Helper()
		a := awsclient.Access{Environment: "prod", Profile: profile}
		cfg, err := awsclient.Load(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		cfg.HTTPClient, cfg.RetryMaxAttempts = expired, 1
		cfg.Credentials = credentials.NewStaticCredentialsProvider("AKID", "secret", "") // the call is to be sent
		m.add(name, get(cfg, a))
	}
	for _, profile := range []string{"keys", "temporary", "sso", "role", "process", "web", "machine", "container", "empty"} {
		if profile == "empty" {
			t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
		}
		run("profile "+profile, profile)
	}
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
	t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/deploy")
	run("token file", "")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	run("variables", "")
	t.Setenv("AWS_SESSION_TOKEN", "token")
	run("variables with a session", "")
	run("a profile wins over variables", "sso")
	m.compare(filepath.Join("testdata", "renewals.txtar"))
}

// TestRegions checks that a message says where the region comes from.
func TestRegions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("[profile ours]\nregion = eu-west-1\naws_access_key_id = AKID\naws_secret_access_key = secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	check := func(a awsclient.Access, want string) {
		t.Helper()
		a.Profile = "ours"
		cfg, err := awsclient.Load(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		cfg.HTTPClient = refuses(404, "ResourceNotFoundException", "Function not found")
		if err := get(cfg, a); err == nil || !strings.Contains(err.Error(), "; the region "+want+" (") {
			t.Errorf("error %v, want the region %s", err, want)
		}
	}
	check(awsclient.Access{}, "eu-west-1 comes from profile ours")
	t.Setenv("AWS_DEFAULT_REGION", "eu-west-2")
	check(awsclient.Access{}, "eu-west-2 comes from AWS_DEFAULT_REGION")
	t.Setenv("AWS_REGION", "eu-west-3")
	check(awsclient.Access{}, "eu-west-3 comes from AWS_REGION")
	check(awsclient.Access{Region: "eu-north-1"}, "eu-north-1 comes from lambdas.json")

	cfg, err := awsclient.Load(t.Context(), awsclient.Access{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider("AKID", "secret", "")
	cfg.HTTPClient = refuses(403, "InvalidSignatureException", "Credential should be scoped to a valid region. ")
	const want = "the endpoint does not accept region eu-west-3, which comes from AWS_REGION; correct it (request the-request)"
	if err := get(cfg, awsclient.Access{}); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestEndpoints checks that a host is not taken for a URL.
func TestEndpoints(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_REGION", "eu-west-3")
	for endpoint, want := range map[string]string{
		"127.0.0.1:39263": "write http://127.0.0.1:39263 or https://127.0.0.1:39263",
		"localhost:39263": "write http://localhost:39263 or https://localhost:39263",
		"aws.example.com": "write http://aws.example.com or https://aws.example.com",
		"ftp://localhost": "such as to https://HOST:PORT",
		"https://":        "such as to https://HOST:PORT",
	} {
		t.Setenv("AWS_ENDPOINT_URL", endpoint)
		if _, err := awsclient.Load(t.Context(), awsclient.Access{}); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", endpoint, err, want)
		}
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:39263/")
	if _, err := awsclient.Load(t.Context(), awsclient.Access{}); err != nil {
		t.Error(err)
	}
}

// TestTimeLimits checks how long an attempt of each kind may take.
func TestTimeLimits(t *testing.T) {
	limit := func(do func(context.Context, *sdk.Client)) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			cfg := static(doer(silent))
			ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
			defer cancel()
			start := time.Now()
			do(ctx, sdk.NewFromConfig(awsclient.New(cfg, access).Config))
			took = time.Since(start)
		})
		return took
	}
	name := aws.String("f")
	if got := limit(func(ctx context.Context, c *sdk.Client) {
		c.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: name})
	}); got != time.Minute {
		t.Errorf("GetFunction may take %v, want 1m0s", got)
	}
	if got := limit(func(ctx context.Context, c *sdk.Client) {
		c.UpdateFunctionCode(ctx, &sdk.UpdateFunctionCodeInput{FunctionName: name, ZipFile: make([]byte, 30_000_000)})
	}).Round(time.Second); got != time.Minute+400*time.Second { // in base64 it is a third longer
		t.Errorf("UpdateFunctionCode of 30 MB may take %v, want 7m40s", got)
	}
	if got := limit(func(ctx context.Context, c *sdk.Client) {
		c.Invoke(ctx, &sdk.InvokeInput{FunctionName: name})
	}); got != 24*time.Hour {
		t.Errorf("Invoke is stopped after %v", got)
	}
}

// messages are the texts of errors by case.
type messages struct {
	t     *testing.T
	got   map[string]error
	names []string
}

func (m *messages) add(name string, err error) {
	m.t.Helper()
	if err == nil {
		m.t.Errorf("%s: no error", name)
		return
	}
	m.got[name], m.names = err, append(m.names, name)
}

func (m *messages) compare(file string) {
	m.t.Helper()
	got := &txtar.Archive{Comment: []byte("The messages of failed calls, by case. Rewrite them with -update.\n\n")}
	for _, name := range m.names {
		text := regexp.MustCompile(`127\.0\.0\.1:\d{2,}`).ReplaceAllString(m.got[name].Error(), "127.0.0.1:PORT")
		got.Files = append(got.Files, txtar.File{Name: name, Data: []byte(text + "\n")})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
			m.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(txtar.Format(got))); diff != "" {
		m.t.Errorf("the messages differ from %s, see -update (-want +got):\n%s", file, diff)
	}
}
