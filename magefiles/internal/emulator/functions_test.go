package emulator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
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

// ignored are SDK internals that comparisons leave out.
var ignored = cmpopts.IgnoreUnexported(types.FunctionConfiguration{}, types.EnvironmentResponse{},
	types.TracingConfigResponse{}, types.EphemeralStorage{}, types.SnapStartResponse{}, types.LoggingConfig{})

func smallZip(t testing.TB) []byte { return makeZip(t, file{"lambda", 0o755, []byte("x")}) }

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
		FunctionName:     aws.String("f"),
		FunctionArn:      aws.String("arn:aws:lambda:eu-central-1:210987654321:function:f"),
		Runtime:          types.RuntimeGo1x,
		Handler:          aws.String("lambda"),
		Role:             aws.String(role),
		Description:      aws.String("what it is for"),
		CodeSha256:       aws.String(base64.StdEncoding.EncodeToString(digest[:])),
		CodeSize:         int64(len(zip)),
		Timeout:          aws.Int32(3),
		MemorySize:       aws.Int32(128),
		Version:          aws.String("$LATEST"),
		PackageType:      types.PackageTypeZip,
		Architectures:    []types.Architecture{types.ArchitectureX8664},
		Environment:      &types.EnvironmentResponse{Variables: map[string]string{"A_1": "x"}},
		State:            types.StateActive,
		LastUpdateStatus: types.LastUpdateStatusSuccessful,
		TracingConfig:    &types.TracingConfigResponse{Mode: types.TracingModePassThrough},
		EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(512)},
		SnapStart:        &types.SnapStartResponse{ApplyOn: types.SnapStartApplyOnNone, OptimizationStatus: types.SnapStartOptimizationStatusOff},
		LoggingConfig:    &types.LoggingConfig{LogFormat: types.LogFormatText, LogGroup: aws.String("/aws/lambda/f")},
		// These two are looked at below.
		LastModified: got.Configuration.LastModified,
		RevisionId:   got.Configuration.RevisionId,
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
	if !cmp.Equal(got.Tags, map[string]string{"team": "a"}) {
		t.Errorf("tags are %v", got.Tags)
	}
	if date, ok := middleware.GetServerTime(got.ResultMetadata); !ok || time.Since(date).Abs() > time.Minute {
		t.Errorf("the answer's date is %v", date)
	}

	// Every form of the name, and both operations.
	for _, name := range []string{
		"f", "f:$LATEST", "210987654321:function:f", "function:f",
		"arn:aws:lambda:eu-central-1:210987654321:function:f",
		"arn:aws:lambda:eu-central-1:210987654321:function:f:$LATEST",
	} {
		c, err := b.client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		arn := *want.FunctionArn
		if strings.HasSuffix(name, ":$LATEST") {
			arn += ":$LATEST"
		}
		if *c.FunctionArn != arn || *c.RevisionId != *want.RevisionId {
			t.Errorf("%s: got %s", name, *c.FunctionArn)
		}
		b.get(name)
	}
	for _, name := range []string{
		"g", "f:1", "f:prod", "210987654322:function:f",
		"arn:aws:lambda:eu-central-2:210987654321:function:f",
	} {
		_, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: &name})
		wantError(t, err, 404, "ResourceNotFoundException", "")
	}
}

func TestLocation(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	zip := smallZip(t)
	b.create(function("f", types.RuntimeGo1x, zip))
	location := func() string {
		out, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")})
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(out.Code.RepositoryType) != "S3" {
			t.Errorf("repository type is %s", aws.ToString(out.Code.RepositoryType))
		}
		return *out.Code.Location
	}
	first := location()
	if first == location() {
		t.Error("two answers have the same location")
	}
	response := httpGet(t, first)
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 || !bytes.Equal(body, zip) {
		t.Errorf("%v, %s, %d bytes, want the %d of the zip", err, response.Status, len(body), len(zip))
	}
	if response.Header.Get("X-Amzn-RequestId") == "" {
		t.Error("no request id")
	}
	if response := httpGet(t, first+"x"); response.StatusCode != 403 {
		t.Errorf("a wrong token gives %s", response.Status)
	}
	if response, err := http.Post(first, "", nil); err != nil || response.StatusCode != 405 {
		t.Errorf("POST gives %s, %v", response.Status, err)
	}
	// The package is removed when nothing uses it any more.
	b.updateCode("f", makeZip(t, file{"lambda", 0o755, []byte("y")}))
	if response := httpGet(t, first); response.StatusCode != 404 {
		t.Errorf("the location of a package that is gone gives %s", response.Status)
	}
}

func TestImage(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	const uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"
	b.create(&lambda.CreateFunctionInput{
		FunctionName: aws.String("f"), Role: aws.String(role), PackageType: types.PackageTypeImage,
		Code: &types.FunctionCode{ImageUri: aws.String(uri)},
	})
	out, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	if err != nil {
		t.Fatal(err)
	}
	if c := out.Configuration; c.PackageType != types.PackageTypeImage || c.Runtime != "" || c.Handler != nil || out.Code.Location != nil || aws.ToString(out.Code.ImageUri) != uri {
		t.Errorf("got %+v", out)
	}
	_, err = b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: smallZip(t)})
	wantError(t, err, 400, "InvalidParameterValueException", "Please provide ImageUri when updating a function with packageType Image.")
	_, err = b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeProvidedal2023})
	wantError(t, err, 400, "InvalidParameterValueException", "Please don't provide Handler or Runtime when the intended function PackageType is Image.")
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Timeout: aws.Int32(9)})
	if got := b.get("f"); *got.Timeout != 9 || got.LastUpdateStatus != types.LastUpdateStatusSuccessful {
		t.Errorf("got %+v", got)
	}
}

func TestCreateRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("there", types.RuntimeGo1x, smallZip(t)))
	type edit = func(*lambda.CreateFunctionInput)
	for _, test := range []struct {
		name          string
		edit          edit
		status        int
		code, message string // a message that ends in … is compared up to there
	}{
		{"duplicate", func(in *lambda.CreateFunctionInput) { in.FunctionName = aws.String("there") },
			409, "ResourceConflictException", "Function already exist: there"},
		{"name", func(in *lambda.CreateFunctionInput) { in.FunctionName = aws.String("no spaces") },
			400, "ValidationException", "1 validation error detected: Value 'no spaces' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:…"},
		{"long name", func(in *lambda.CreateFunctionInput) { in.FunctionName = aws.String(strings.Repeat("x", 65)) },
			400, "ValidationException", "1 validation error detected: Value 'xxx…"},
		{"version", func(in *lambda.CreateFunctionInput) { in.FunctionName = aws.String("new:1") },
			400, "InvalidParameterValueException", "The function name of a new function must not have a version or alias: new:1"},
		{"runtime", func(in *lambda.CreateFunctionInput) { in.Runtime = "go2.x" },
			400, "InvalidParameterValueException", "Value go2.x at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [dotnet10, …"},
		{"no runtime", func(in *lambda.CreateFunctionInput) { in.Runtime = "" },
			400, "InvalidParameterValueException", "Runtime and Handler are mandatory parameters for functions created with deployment packages."},
		{"no handler", func(in *lambda.CreateFunctionInput) { in.Handler = nil },
			400, "InvalidParameterValueException", "Runtime and Handler are mandatory parameters for functions created with deployment packages."},
		{"handler with spaces", func(in *lambda.CreateFunctionInput) { in.Handler = aws.String("a b") },
			400, "ValidationException", "1 validation error detected: Value 'a b' at 'handler' failed…"},
		{"long handler", func(in *lambda.CreateFunctionInput) { in.Handler = aws.String(strings.Repeat("x", 129)) },
			400, "ValidationException", "1 validation error detected: Value 'xxx…"},
		{"role", func(in *lambda.CreateFunctionInput) { in.Role = aws.String("admin") },
			400, "ValidationException", "1 validation error detected: Value 'admin' at 'role' failed…"},
		{"go1.x on arm64", func(in *lambda.CreateFunctionInput) { in.Architectures = []types.Architecture{"arm64"} },
			400, "InvalidParameterValueException", "Runtime go1.x does not support the following architectures [arm64]. Please select different architectures from [x86_64] or select a different runtime."},
		{"architecture", func(in *lambda.CreateFunctionInput) { in.Architectures = []types.Architecture{"i386"} },
			400, "ValidationException", "1 validation error detected: Value '[i386]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]"},
		{"two architectures", func(in *lambda.CreateFunctionInput) { in.Architectures = []types.Architecture{"x86_64", "arm64"} },
			400, "ValidationException", "1 validation error detected: Value '[x86_64 arm64]' at 'architectures' failed to satisfy constraint: Member must have length equal to 1"},
		{"timeout 0", func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(0) },
			400, "ValidationException", "1 validation error detected: Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"timeout 901", func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(901) },
			400, "ValidationException", "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"},
		{"memory", func(in *lambda.CreateFunctionInput) { in.MemorySize = aws.Int32(127) },
			400, "ValidationException", ""},
		{"description", func(in *lambda.CreateFunctionInput) { in.Description = aws.String(strings.Repeat("x", 257)) },
			400, "ValidationException", ""},
		{"reserved variables", variables(map[string]string{"TZ": "x", "AWS_REGION": "x", "OK": "x"}),
			400, "InvalidParameterValueException", "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION, TZ"},
		{"reserved underscore", variables(map[string]string{"_HANDLER": "x"}),
			400, "InvalidParameterValueException", ""},
		{"variable's name", variables(map[string]string{"a-b": "x"}),
			400, "ValidationException", ""},
		{"zero byte", variables(map[string]string{"AB": "x\x00y"}),
			400, "InvalidParameterValueException", ""},
		{"large variables", variables(map[string]string{"AB": strings.Repeat("x", 4096)}),
			400, "InvalidParameterValueException", "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. …"},
		{"publish to", func(in *lambda.CreateFunctionInput) {
			in.PublishTo = types.FunctionVersionLatestPublishedLatestPublished
		},
			400, "InvalidParameterValueException", `request member "PublishTo" is not implemented by the emulator`},
		{"layers", func(in *lambda.CreateFunctionInput) { in.Layers = []string{"x"} },
			400, "InvalidParameterValueException", `request member "Layers" is not implemented by the emulator`},
		{"S3", func(in *lambda.CreateFunctionInput) { in.Code = &types.FunctionCode{S3Bucket: aws.String("bucket")} },
			400, "InvalidParameterValueException", "code in S3 is not implemented by the emulator"},
		{"no code", func(in *lambda.CreateFunctionInput) { in.Code = &types.FunctionCode{} },
			400, "InvalidParameterValueException", "Please provide a source for function code."},
		{"image and zip", func(in *lambda.CreateFunctionInput) { in.Code.ImageUri = aws.String("x") },
			400, "InvalidParameterValueException", "Please provide a source for function code."},
		{"package type", func(in *lambda.CreateFunctionInput) { in.PackageType = "Tar" },
			400, "ValidationException", ""},
		{"image with runtime", func(in *lambda.CreateFunctionInput) { in.PackageType = types.PackageTypeImage },
			400, "InvalidParameterValueException", ""},
		{"empty zip", func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = []byte{} },
			400, "InvalidParameterValueException", "Uploaded file must be a non-empty zip"},
		{"broken zip", func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = []byte("PK and so on") },
			400, "InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again."},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := b.client.CreateFunction(t.Context(), function("new", types.RuntimeGo1x, smallZip(t), test.edit))
			if prefix, cut := strings.CutSuffix(test.message, "…"); cut {
				wantError(t, err, test.status, test.code, "")
				if !strings.Contains(err.Error(), prefix) {
					t.Errorf("error is %v, want %s", err, test.message)
				}
				return
			}
			wantError(t, err, test.status, test.code, test.message)
		})
	}
	if _, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("new")}); err == nil {
		t.Error("a refused creation made a function")
	}
	// What the SDK itself would not send.
	for body, code := range map[string]string{
		`{"Role":"r"}`:                         "ValidationException",
		`{"FunctionName":"f"}`:                 "ValidationException",
		`{"FunctionName":1}`:                   "SerializationException",
		`{"Code":{"ZipFile":"no base64 !"}}`:   "SerializationException",
		`{`:                                    "SerializationException",
		`{} {}`:                                "SerializationException",
		`{"FunctionName":"f","Code":{"X":{}}}`: "InvalidParameterValueException",
	} {
		response := signed{body: body}.do(t, b)
		if got := response.Header.Get("X-Amzn-ErrorType"); response.StatusCode != 400 || got != code {
			t.Errorf("%s gives %s %s, want 400 %s", body, response.Status, got, code)
		}
	}
}

func TestOtherRuntimes(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	for i, r := range []types.Runtime{types.RuntimeNodejs22x, types.RuntimePython313, types.RuntimeProvidedal2} {
		name := fmt.Sprint("f", i)
		b.create(function(name, r, smallZip(t), func(in *lambda.CreateFunctionInput) {
			in.Architectures = []types.Architecture{types.ArchitectureArm64}
		}))
		if got := b.get(name); got.Runtime != r || got.Architectures[0] != types.ArchitectureArm64 {
			t.Errorf("got %s on %s", got.Runtime, got.Architectures)
		}
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
	for i := range want { // in an order that is not the names'
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
			if f.State != "" || f.LastUpdateStatus != "" {
				t.Errorf("%s is listed with its state", *f.FunctionName)
			}
		}
	}
	if !cmp.Equal(got, want) || !cmp.Equal(pages, []int{50, 50, 20}) {
		t.Errorf("listed in pages of %v: %v", pages, got)
	}

	page, err := b.client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{MaxItems: aws.Int32(10000), FunctionVersion: types.FunctionVersionAll})
	if err != nil || len(page.Functions) != 50 || !strings.HasSuffix(*page.Functions[0].FunctionArn, ":f000:$LATEST") {
		t.Errorf("%v: %d functions", err, len(page.Functions))
	}
	page, err = b.client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{MaxItems: aws.Int32(2)})
	if err != nil || len(page.Functions) != 2 || page.NextMarker == nil {
		t.Fatalf("%v: %d functions", err, len(page.Functions))
	}
	// A marker stays good when the function that it stands on is deleted.
	if _, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f001")}); err != nil {
		t.Fatal(err)
	}
	page, err = b.client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{MaxItems: aws.Int32(1), Marker: page.NextMarker})
	if err != nil || len(page.Functions) != 1 || *page.Functions[0].FunctionName != "f002" {
		t.Errorf("%v: %d functions", err, len(page.Functions))
	}

	for _, in := range []*lambda.ListFunctionsInput{
		{Marker: aws.String("!")}, {MaxItems: aws.Int32(0)}, {MaxItems: aws.Int32(10001)}, {FunctionVersion: "SOME"}, {MasterRegion: aws.String("ALL")},
	} {
		if _, err := b.client.ListFunctions(t.Context(), in); err == nil {
			t.Errorf("%+v is not refused", in)
		}
	}
	empty := newBench(t, emulator.Options{})
	if page, err := empty.client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{}); err != nil || len(page.Functions) != 0 || page.NextMarker != nil {
		t.Errorf("of no functions: %v, %+v", err, page)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	_, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f"), Qualifier: aws.String("$LATEST")})
	wantError(t, err, 400, "InvalidParameterValueException", "$LATEST version cannot be deleted without deleting the function.")
	out, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")})
	if err != nil || out.StatusCode != 204 {
		t.Fatalf("%v, status %d", err, out.StatusCode)
	}
	_, err = b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:f")
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
}

func TestCallerIdentity(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Region: "eu-west-1", Account: "210987654321"})
	client := sts.NewFromConfig(b.Config())
	out, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != "210987654321" || *out.Arn != "arn:aws:iam::210987654321:user/emulator" || !strings.HasPrefix(*out.UserId, "AIDA") {
		t.Errorf("got %s, %s, %s", *out.Account, *out.Arn, *out.UserId)
	}
	_, err = client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(role), RoleSessionName: aws.String("session")})
	wantError(t, err, 400, "InvalidAction", "the emulator's STS does not implement action AssumeRole, only GetCallerIdentity")
}

func TestUnknownOperations(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	_, err := b.client.GetPolicy(t.Context(), &lambda.GetPolicyInput{FunctionName: aws.String("f")})
	wantError(t, err, 404, "UnknownOperationException", "the emulator does not implement GET /2015-03-31/functions/f/policy")
	_, err = b.client.ListLayers(t.Context(), &lambda.ListLayersInput{})
	wantError(t, err, 404, "UnknownOperationException", "the emulator does not implement GET /2018-10-31/layers")
	want := map[string]int{"Unknown": 2}
	if got := b.Calls(); !cmp.Equal(got, want) {
		t.Errorf("calls are %v, want %v", got, want)
	}
}

func TestErrorBody(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	response := signed{method: "GET", path: "/2015-03-31/functions/none"}.do(t, b)
	var got map[string]string
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"Type": "User", "Message": "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none"}
	if !cmp.Equal(got, want) || response.Header.Get("X-Amzn-ErrorType") != "ResourceNotFoundException" || response.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %v, header %v", got, response.Header)
	}
}

func TestRoute(t *testing.T) {
	t.Parallel()
	for _, test := range [][4]string{
		{"GET", "/2015-03-31/functions", "ListFunctions", ""},
		{"GET", "/2015-03-31/functions/", "ListFunctions", ""},
		{"POST", "/2015-03-31/functions", "CreateFunction", ""},
		{"GET", "/2015-03-31/functions/f", "GetFunction", "f"},
		{"GET", "/2015-03-31/functions/arn%3Aaws%3Alambda/configuration", "GetFunctionConfiguration", "arn:aws:lambda"},
		{"PUT", "/2015-03-31/functions/f/configuration", "UpdateFunctionConfiguration", "f"},
		{"PUT", "/2015-03-31/functions/f/code", "UpdateFunctionCode", "f"},
		{"DELETE", "/2015-03-31/functions/f", "DeleteFunction", "f"},
		{"POST", "/2015-03-31/functions/f/invocations", "Invoke", "f"},
		{"GET", "/2015-03-31/event-source-mappings", "ListEventSourceMappings", ""},
		{"POST", "/2015-03-31/event-source-mappings/", "CreateEventSourceMapping", ""},
		{"GET", "/2015-03-31/event-source-mappings/x", "GetEventSourceMapping", "x"},
		{"PUT", "/2015-03-31/event-source-mappings/x", "UpdateEventSourceMapping", "x"},
		{"DELETE", "/2015-03-31/event-source-mappings/x", "DeleteEventSourceMapping", "x"},
		{"DELETE", "/2015-03-31/event-source-mappings", "Unknown", ""},
		{"GET", "/2015-03-31/event-source-mappings/x/y", "Unknown", ""},
		{"POST", "/2015-03-31/functions/f/versions", "PublishVersion", "f"},
		{"GET", "/2015-03-31/functions/f/versions", "ListVersionsByFunction", "f"},
		{"POST", "/2015-03-31/functions/f/aliases", "CreateAlias", "f"},
		{"GET", "/2015-03-31/functions/f/aliases", "ListAliases", "f"},
		{"GET", "/2015-03-31/functions/f/aliases/a%2Fb", "GetAlias", "f"},
		{"PUT", "/2015-03-31/functions/f/aliases/a", "UpdateAlias", "f"},
		{"DELETE", "/2015-03-31/functions/f/aliases/a", "DeleteAlias", "f"},
		{"POST", "/", "GetCallerIdentity", ""},
		{"GET", "/", "Unknown", ""},
		{"PATCH", "/2015-03-31/functions", "Unknown", ""},
		{"POST", "/2015-03-31/functions/f/code", "Unknown", ""},
		{"POST", "/2015-03-31/functions/f/aliases/a", "Unknown", ""},
		{"GET", "/2015-03-31/functions/f/versions/1", "Unknown", ""},
		{"GET", "/2015-03-31/functions/f/aliases/a/b", "Unknown", ""},
		{"GET", "/2015-03-31/layers", "Unknown", ""},
	} {
		operation, function, _ := emulator.Route(test[0], test[1])
		if operation != test[2] || operation != "Unknown" && function != test[3] {
			t.Errorf("%s %s is %s of %q", test[0], test[1], operation, function)
		}
	}
}

func TestStartRefused(t *testing.T) {
	t.Parallel()
	for _, options := range []emulator.Options{
		{Addr: "0.0.0.0:0"}, {Addr: ":0"}, {Addr: "192.0.2.1:0"}, {Addr: "example.com:80"}, {Addr: "127.0.0.1"},
		{Region: "here"}, {Account: "me"}, {UpdateTime: -1}, {Window: -1}, {Blocked: []string{"go1"}},
	} {
		if s, err := emulator.Start(options); err == nil {
			s.Close()
			t.Errorf("%+v is not refused", options)
		}
	}
}

func TestAddr(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Addr: "127.0.0.1:0"})
	if s, err := emulator.Start(emulator.Options{Addr: strings.TrimPrefix(b.URL(), "http://")}); err == nil {
		s.Close()
		t.Error("two servers are at one address")
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
}
