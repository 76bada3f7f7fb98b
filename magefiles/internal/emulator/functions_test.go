package emulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dualboot/magefiles/internal/emulator"
)

// ignored are internals of the SDK.
var ignored = cmpopts.IgnoreUnexported(types.FunctionConfiguration{}, types.EnvironmentResponse{}, types.RuntimeVersionConfig{},
	types.TracingConfigResponse{}, types.EphemeralStorage{}, types.SnapStartResponse{}, types.LoggingConfig{})

func TestCreateAndGet(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Region: "eu-central-1", Account: "210987654321"})
	zip := smallZip(t)
	out := b.create(function("f", types.RuntimeGo1x, zip, variables(map[string]string{"A_1": "x"}), func(in *lambda.CreateFunctionInput) {
		in.Tags = map[string]string{"team": "a"}
		in.Description = aws.String("what it is for")
	}))
	if out.State != types.StatePending || out.StateReasonCode != types.StateReasonCodeCreating || out.LastUpdateStatus != "" {
		t.Errorf("a new function is %s, %s, %s", out.State, out.StateReasonCode, out.LastUpdateStatus)
	}
	got, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(zip)
	want := &types.FunctionConfiguration{
		FunctionName:         aws.String("f"),
		FunctionArn:          aws.String("arn:aws:lambda:eu-central-1:210987654321:function:f"),
		Runtime:              types.RuntimeGo1x,
		Handler:              aws.String("lambda"),
		Role:                 aws.String(role),
		Description:          aws.String("what it is for"),
		CodeSha256:           aws.String(base64.StdEncoding.EncodeToString(digest[:])),
		CodeSize:             int64(len(zip)),
		Timeout:              aws.Int32(3),
		MemorySize:           aws.Int32(128),
		Version:              aws.String("$LATEST"),
		PackageType:          types.PackageTypeZip,
		Architectures:        []types.Architecture{types.ArchitectureX8664},
		Environment:          &types.EnvironmentResponse{Variables: map[string]string{"A_1": "x"}},
		State:                types.StateActive,
		LastUpdateStatus:     types.LastUpdateStatusSuccessful,
		TracingConfig:        &types.TracingConfigResponse{Mode: types.TracingModePassThrough},
		EphemeralStorage:     &types.EphemeralStorage{Size: aws.Int32(512)},
		SnapStart:            &types.SnapStartResponse{ApplyOn: types.SnapStartApplyOnNone, OptimizationStatus: types.SnapStartOptimizationStatusOff},
		LoggingConfig:        &types.LoggingConfig{LogFormat: types.LogFormatText, LogGroup: aws.String("/aws/lambda/f")},
		RuntimeVersionConfig: got.Configuration.RuntimeVersionConfig, // checked by TestRecorded
		LastModified:         got.Configuration.LastModified,         // checked below
		RevisionId:           got.Configuration.RevisionId,
	}
	if diff := cmp.Diff(want, got.Configuration, ignored); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$`).MatchString(*got.Configuration.LastModified) {
		t.Errorf("LastModified is %s", *got.Configuration.LastModified)
	}
	if id := *got.Configuration.RevisionId; len(id) != 36 || id == *out.RevisionId {
		t.Errorf("RevisionId is %s, and was %s while Pending", id, *out.RevisionId)
	}
	if !cmp.Equal(got.Tags, map[string]string{"team": "a"}) || *got.Code.RepositoryType != "S3" {
		t.Errorf("tags are %v, repository type is %s", got.Tags, *got.Code.RepositoryType)
	}
	if date, ok := middleware.GetServerTime(got.ResultMetadata); !ok || time.Since(date).Abs() > time.Minute {
		t.Errorf("the answer's date is %v", date)
	}
}

func TestTooManyTags(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	tagged := func(n int) error {
		in := function("f", types.RuntimeGo1x, smallZip(t), func(in *lambda.CreateFunctionInput) {
			in.Tags = map[string]string{}
			for i := range n {
				in.Tags[fmt.Sprint(i)] = "x"
			}
		})
		_, err := b.client.CreateFunction(t.Context(), in)
		return err
	}
	if err := tagged(51); err == nil || !strings.Contains(err.Error(), "Number of tags exceeds resource tag limit.") {
		t.Errorf("51 tags: %v", err)
	}
	if err := tagged(50); err != nil {
		t.Errorf("50 tags: %v", err)
	}
}

func TestListFunctions(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	zip := smallZip(t)
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("f%03d", i))
	}
	for i := range want { // not in the order of the names
		b.create(function(want[i*77%len(want)], types.RuntimeGo1x, zip))
	}
	var got []string
	var pages []int
	p := lambda.NewListFunctionsPaginator(b.client, &lambda.ListFunctionsInput{})
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, len(page.Functions))
		for _, f := range page.Functions {
			got = append(got, *f.FunctionName)
		}
	}
	if !cmp.Equal(got, want) || !cmp.Equal(pages, []int{50, 50, 20}) {
		t.Errorf("pages of %v: %v", pages, got)
	}

	list := func(max int32, marker *string) *lambda.ListFunctionsOutput {
		t.Helper()
		page, err := b.client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{MaxItems: &max, Marker: marker})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	if page := list(10000, nil); len(page.Functions) != 50 {
		t.Errorf("with MaxItems 10000 a page has %d functions", len(page.Functions))
	}
	page := list(2, nil)
	if len(page.Functions) != 2 || page.NextMarker == nil {
		t.Fatalf("with MaxItems 2 a page has %d functions", len(page.Functions))
	}
	// A marker stays valid when its function is deleted.
	b.remove("f001")
	if page = list(1, page.NextMarker); len(page.Functions) != 1 || *page.Functions[0].FunctionName != "f002" {
		t.Errorf("after f001: %d functions", len(page.Functions))
	}
	if page = list(1, aws.String("Zjk5OQ")); len(page.Functions) != 0 || page.NextMarker != nil { // f999
		t.Errorf("after the last function: %+v", page)
	}
}

func TestSTS(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Region: "eu-west-1", Account: "210987654321"})
	client := sts.NewFromConfig(b.Config())
	out, err := client.GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != "210987654321" || *out.Arn != "arn:aws:iam::210987654321:user/emulator" || !strings.HasPrefix(*out.UserId, "AIDA") {
		t.Errorf("got %s, %s, %s", *out.Account, *out.Arn, *out.UserId)
	}
	_, err = client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("<&>"), RoleSessionName: aws.String("session")})
	wantError(t, err, 403, "AccessDenied", "User: arn:aws:iam::210987654321:user/emulator is not authorized to perform: sts:AssumeRole on resource: <&>")
	_, err = client.GetSessionToken(t.Context(), nil)
	wantError(t, err, 400, "InvalidAction", "the emulator's STS does not implement action GetSessionToken, only GetCallerIdentity and AssumeRole")
}

func TestUnknownOperations(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	_, err := b.client.GetPolicy(t.Context(), &lambda.GetPolicyInput{FunctionName: aws.String("f")})
	wantError(t, err, 404, "UnknownOperationException", "the emulator does not implement GET /2015-03-31/functions/f/policy")
	_, err = b.client.GetLayerVersionPolicy(t.Context(), &lambda.GetLayerVersionPolicyInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(1)})
	wantError(t, err, 404, "UnknownOperationException", "the emulator does not implement GET /2018-10-31/layers/l/versions/1/policy")
	if got, want := b.Calls(), map[string]int{"Unknown": 2}; !cmp.Equal(got, want) {
		t.Errorf("calls are %v, want %v", got, want)
	}
}

func TestRequestTooLarge(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	response := signed{method: "PUT", path: "/2015-03-31/functions/f/code", body: strings.Repeat(" ", 70167212)}.do(t, b)
	const want = `{"Type":"User","message":"Request must be smaller than 70167211 bytes for the UpdateFunctionCode operation"}`
	if code := response.Header.Get("X-Amzn-ErrorType"); response.StatusCode != 413 || code != "RequestEntityTooLargeException" || bodyOf(t, response) != want {
		t.Errorf("got %s %s, want 413 %s", response.Status, code, want)
	}
}

func TestRoute(t *testing.T) {
	t.Parallel()
	for _, test := range [][5]string{
		{"GET", "/2015-03-31/functions", "ListFunctions", "", ""},
		{"GET", "/2015-03-31/functions/", "ListFunctions", "", ""},
		{"POST", "/2015-03-31/functions", "CreateFunction", "", ""},
		{"GET", "/2015-03-31/functions/f", "GetFunction", "f", ""},
		{"GET", "/2015-03-31/functions/arn%3Aaws%3Alambda/configuration", "GetFunctionConfiguration", "arn:aws:lambda", ""},
		{"PUT", "/2015-03-31/functions/f/configuration", "UpdateFunctionConfiguration", "f", ""},
		{"PUT", "/2015-03-31/functions/f/code", "UpdateFunctionCode", "f", ""},
		{"DELETE", "/2015-03-31/functions/f", "DeleteFunction", "f", ""},
		{"POST", "/2015-03-31/functions/f/invocations", "Invoke", "f", ""},
		{"GET", "/2015-03-31/event-source-mappings", "ListEventSourceMappings", "", ""},
		{"POST", "/2015-03-31/event-source-mappings/", "CreateEventSourceMapping", "", ""},
		{"GET", "/2015-03-31/event-source-mappings/x", "GetEventSourceMapping", "x", ""},
		{"PUT", "/2015-03-31/event-source-mappings/x", "UpdateEventSourceMapping", "x", ""},
		{"DELETE", "/2015-03-31/event-source-mappings/x", "DeleteEventSourceMapping", "x", ""},
		{"POST", "/2015-03-31/functions/f/versions", "PublishVersion", "f", ""},
		{"GET", "/2015-03-31/functions/f/versions", "ListVersionsByFunction", "f", ""},
		{"POST", "/2015-03-31/functions/f/aliases", "CreateAlias", "f", ""},
		{"GET", "/2015-03-31/functions/f/aliases", "ListAliases", "f", ""},
		{"GET", "/2015-03-31/functions/f/aliases/a%2Fb", "GetAlias", "f", "a/b"},
		{"PUT", "/2015-03-31/functions/f/aliases/a", "UpdateAlias", "f", "a"},
		{"DELETE", "/2015-03-31/functions/f/aliases/a", "DeleteAlias", "f", "a"},
		{"GET", "/2018-10-31/layers", "ListLayers", "", ""},
		{"GET", "/2018-10-31/layers?find=LayerVersion&Arn=x", "GetLayerVersionByArn", "", ""},
		{"GET", "/2018-10-31/layers/l/versions", "ListLayerVersions", "l", ""},
		{"POST", "/2018-10-31/layers/l/versions", "PublishLayerVersion", "l", ""},
		{"GET", "/2018-10-31/layers/l/versions/1", "GetLayerVersion", "l", "1"},
		{"DELETE", "/2018-10-31/layers/l/versions/1", "DeleteLayerVersion", "l", "1"},
		{"POST", "/", "GetCallerIdentity", "", ""},
	} {
		operation, resource, alias := emulator.Route(test[0], test[1])
		if got := [3]string{operation, resource, alias}; got != [3]string(test[2:]) {
			t.Errorf("%s %s is %q, want %q", test[0], test[1], got, test[2:])
		}
	}
	for _, test := range [][2]string{
		{"GET", "/"}, {"PATCH", "/2015-03-31/functions"}, {"POST", "/2015-03-31/functions/f/code"}, {"POST", "/2015-03-31/functions/f/aliases/a"},
		{"GET", "/2015-03-31/functions/f/versions/1"}, {"GET", "/2015-03-31/functions/f/aliases/a/b"}, {"GET", "/2015-03-31/functions/f/aliases/a/b/c"},
		{"DELETE", "/2015-03-31/event-source-mappings"}, {"GET", "/2015-03-31/event-source-mappings/x/y"}, {"GET", "/2015-03-31/layers"}, {"GET", "/2015-03-31"},
	} {
		if operation, _, _ := emulator.Route(test[0], test[1]); operation != "Unknown" {
			t.Errorf("%s %s is %s", test[0], test[1], operation)
		}
	}
}

func TestStartRefused(t *testing.T) {
	t.Parallel()
	for _, options := range []emulator.Options{
		{Addr: "0.0.0.0:0"}, {Addr: ":0"}, {Addr: "192.0.2.1:0"}, {Addr: "example.com:80"}, {Addr: "127.0.0.1"},
		{Region: "here"}, {Account: "me"}, {UpdateTime: -1}, {Window: -1}, {Blocked: []string{"go1.x", "go1"}},
		{Quotas: emulator.Quotas{ControlPlane: -1}}, {Quotas: emulator.Quotas{GetFunction: -1}}, {Quotas: emulator.Quotas{GetMetricData: -1}},
	} {
		if s, err := emulator.Start(options); err == nil {
			s.Close()
			t.Errorf("%+v is not refused", options)
		}
	}
}

func TestAddrInUse(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Addr: "127.0.0.1:0"})
	if s, err := emulator.Start(emulator.Options{Addr: strings.TrimPrefix(b.URL(), "http://")}); err == nil {
		s.Close()
		t.Error("two servers listen on one address")
	}
}

func TestAccessors(t *testing.T) {
	t.Parallel()
	b, other := newBench(t, emulator.Options{}), newBench(t, emulator.Options{})
	if b.Config().Region != "us-east-1" || b.Account() != "123456789012" || !strings.HasPrefix(b.URL(), "http://127.0.0.1:") {
		t.Errorf("got %s, %s, %s", b.Config().Region, b.Account(), b.URL())
	}
	c := b.Credentials()
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(c.AccessKeyID) || len(c.SecretAccessKey) != 40 {
		t.Errorf("access key %s, secret of %d characters", c.AccessKeyID, len(c.SecretAccessKey))
	}
	if c.AccessKeyID == other.Credentials().AccessKeyID || c.SecretAccessKey == other.Credentials().SecretAccessKey {
		t.Error("two servers have the same credentials")
	}
	want := []string{
		"AWS_ENDPOINT_URL=" + b.URL(), "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=" + c.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + c.SecretAccessKey,
	}
	if got := b.Environment(); !slices.Equal(got, want) {
		t.Errorf("environment is %v, want %v", got, want)
	}
}
