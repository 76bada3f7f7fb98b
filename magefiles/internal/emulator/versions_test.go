package emulator_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// arnOfF is the ARN of f, where region and account are the emulator's defaults.
const arnOfF = "arn:aws:lambda:us-east-1:123456789012:function:f"

// publish expects a version of f of the given number.
func (b *bench) publish(number string) *lambda.PublishVersionOutput {
	b.Helper()
	out, err := b.client.PublishVersion(b.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")})
	if err != nil {
		b.Fatalf("publishing: %v", err)
	}
	if *out.Version != number {
		b.Fatalf("published version %s, want %s", *out.Version, number)
	}
	return out
}

func (b *bench) describe(description string) {
	b.Helper()
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Description: &description})
}

// versions are the numbers of f's versions, as they are listed.
func (b *bench) versions() []string {
	b.Helper()
	out, err := b.client.ListVersionsByFunction(b.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("f")})
	if err != nil {
		b.Fatal(err)
	}
	var got []string
	for _, v := range out.Versions {
		got = append(got, *v.Version)
	}
	return got
}

// location is where a function's package is, and the package.
func (b *bench) location(name string) (url string, zip []byte) {
	b.Helper()
	out, err := b.client.GetFunction(b.Context(), &lambda.GetFunctionInput{FunctionName: &name})
	if err != nil {
		b.Fatal(err)
	}
	zip, err = io.ReadAll(httpGet(b, *out.Code.Location).Body)
	if err != nil {
		b.Fatal(err)
	}
	return *out.Code.Location, zip
}

func TestPublish(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	zip := smallZip(t)
	b.create(function("f", types.RuntimeGo1x, zip, variables(map[string]string{"TEXT": "x"}), func(in *lambda.CreateFunctionInput) {
		in.Tags = map[string]string{"team": "a"}
	}))
	before := b.get("f")
	first, err := b.client.PublishVersion(t.Context(), &lambda.PublishVersionInput{
		FunctionName: aws.String("f"), Description: aws.String("the first"),
		CodeSha256: before.CodeSha256, RevisionId: before.RevisionId,
	})
	if err != nil {
		t.Fatal(err)
	}
	after := b.get("f")
	if *after.RevisionId == *before.RevisionId {
		t.Error("publishing does not change the revision of $LATEST")
	}
	got, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f"), Qualifier: aws.String("1")})
	if err != nil {
		t.Fatal(err)
	}
	want := *after
	want.FunctionArn, want.Version, want.Description = aws.String(arnOfF+":1"), aws.String("1"), aws.String("the first")
	want.RevisionId = first.RevisionId
	if diff := cmp.Diff(&want, got.Configuration, ignored); diff != "" {
		t.Errorf("version 1 (-want +got):\n%s", diff)
	}
	if *first.RevisionId == *before.RevisionId || *first.RevisionId == *after.RevisionId {
		t.Error("the version's revision is that of $LATEST")
	}
	if *first.FunctionArn != arnOfF+":1" || first.State != types.StateActive || first.LastUpdateStatus != types.LastUpdateStatusSuccessful {
		t.Errorf("published %s, %s, %s", *first.FunctionArn, first.State, first.LastUpdateStatus)
	}
	if got.Tags != nil {
		t.Errorf("the version has tags %v", got.Tags)
	}

	// With nothing changed there is no new version, whatever else was sent.
	b.updateCode("f", zip)
	before = b.get("f")
	again, err := b.client.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f"), Description: aws.String("another")})
	if err != nil || *again.Version != "1" || *again.RevisionId != *first.RevisionId || *again.Description != "the first" {
		t.Errorf("%v, published %+v", err, again)
	}
	if got := b.get("f"); *got.RevisionId != *before.RevisionId {
		t.Error("what published nothing has changed the revision of $LATEST")
	}

	b.describe("changed")
	if got := b.publish("2"); *got.Description != "changed" {
		t.Errorf("version 2 is described as %q", *got.Description)
	}
	if got := b.get("f:1"); *got.Description != "the first" || *got.RevisionId != *first.RevisionId {
		t.Errorf("version 1 has changed: %+v", got)
	}
	if got := b.versions(); !slices.Equal(got, []string{"$LATEST", "1", "2"}) {
		t.Errorf("versions are %s", got)
	}
}

func TestPublishRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	for _, test := range []struct {
		name          string
		edit          func(*lambda.PublishVersionInput)
		status        int
		code, message string
	}{
		{"revision", func(in *lambda.PublishVersionInput) { in.RevisionId = aws.String("stale") },
			412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"},
		{"code", func(in *lambda.PublishVersionInput) { in.CodeSha256 = aws.String("other") },
			400, "InvalidParameterValueException", "CodeSHA256 (other) is different from current CodeSHA256 in $LATEST (" + *b.get("f").CodeSha256 + "). Please try again with the CodeSHA256 in $LATEST."},
		{"description", func(in *lambda.PublishVersionInput) { in.Description = aws.String(strings.Repeat("x", 257)) },
			400, "ValidationException", ""},
		{"publish to", func(in *lambda.PublishVersionInput) {
			in.PublishTo = types.FunctionVersionLatestPublishedLatestPublished
		},
			400, "InvalidParameterValueException", `request member "PublishTo" is not implemented by the emulator`},
		{"missing", func(in *lambda.PublishVersionInput) { in.FunctionName = aws.String("none") },
			404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none"},
		{"of a version", func(in *lambda.PublishVersionInput) { in.FunctionName = aws.String("f:1") },
			400, "InvalidParameterValueException", "The derived qualifier from the function name does not match the specified qualifier."},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := &lambda.PublishVersionInput{FunctionName: aws.String("f")}
			test.edit(in)
			_, err := b.client.PublishVersion(t.Context(), in)
			wantError(t, err, test.status, test.code, test.message)
		})
	}
	if got := b.versions(); !slices.Equal(got, []string{"$LATEST"}) {
		t.Errorf("versions are %s", got)
	}
}

// A version goes on serving with its own code, configuration and architecture
// when $LATEST has moved on, and its package stays.
func TestVersionsAreFrozen(t *testing.T) {
	t.Parallel()
	told := 0
	b := newBench(t, emulator.Options{OnServe: func(emulator.Deployment) { told++ }})
	before, after := runtimeZip(t, types.RuntimeGo1x), runtimeZip(t, types.RuntimeProvidedal2023)
	b.create(function("f", types.RuntimeGo1x, before, variables(map[string]string{"TEXT": "old"})))
	b.publish("1")
	b.configure(&lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Environment: &types.Environment{Variables: map[string]string{"TEXT": "new"}},
	})
	if _, err := b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String("f"), ZipFile: after, Architectures: []types.Architecture{types.ArchitectureArm64},
	}); err != nil {
		t.Fatal(err)
	}
	b.publish("2")
	if told != 3 {
		t.Errorf("OnServe was called %d times, want once for the creation and each update", told)
	}

	pids := map[int]string{}
	for _, test := range []struct {
		qualifier, text string
		runtime         types.Runtime
		handler         string
		architecture    types.Architecture
		zip             []byte
	}{
		{"1", "old", types.RuntimeGo1x, "lambda", types.ArchitectureX8664, before},
		{"2", "new", types.RuntimeProvidedal2023, "bootstrap", types.ArchitectureArm64, after},
		{"$LATEST", "new", types.RuntimeProvidedal2023, "bootstrap", types.ArchitectureArm64, after},
	} {
		name := arnOfF + ":" + test.qualifier
		c := b.get(name)
		if c.Runtime != test.runtime || *c.Handler != test.handler || c.Architectures[0] != test.architecture || *c.Version != test.qualifier || *c.FunctionArn != name {
			t.Errorf("%s is %+v", test.qualifier, c)
		}
		if _, zip := b.location(name); !bytes.Equal(zip, test.zip) {
			t.Errorf("%s has another package", test.qualifier)
		}

		first := b.invoke(name, event{})
		out, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("f"), Qualifier: &test.qualifier, LogType: types.LogTypeTail, Payload: []byte(`{"Do":"context"}`),
		})
		if err != nil {
			t.Fatal(err)
		}
		if *out.ExecutedVersion != test.qualifier {
			t.Errorf("%s is executed as %s", test.qualifier, *out.ExecutedVersion)
		}
		if log := decodeLog(t, out); !strings.Contains(log, " Version: "+test.qualifier+"\n") {
			t.Errorf("%s logs %s", test.qualifier, log)
		}
		second := b.invoke(name, event{Do: "context"})
		if first.Text != test.text || second.ARN != name || !slices.Contains(second.Environ, "AWS_LAMBDA_FUNCTION_VERSION="+test.qualifier) {
			t.Errorf("%s answers %+v, %+v", test.qualifier, first, second)
		}
		if first.Pid != second.Pid {
			t.Errorf("the environment of %s is not used again", test.qualifier)
		}
		if other, ok := pids[first.Pid]; ok {
			t.Errorf("%s and %s share an environment", other, test.qualifier)
		}
		pids[first.Pid] = test.qualifier
	}
}

// What the window after an update does to $LATEST it does not do to versions.
func TestVersionsOutsideTheWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Window: time.Hour, Mixed: true})
	b.create(function("f", types.RuntimeGo1x, dualZip(t), variables(map[string]string{"TEXT": "1"})))
	b.publish("1")
	for _, text := range []string{"2", "3"} {
		b.configure(&lambda.UpdateFunctionConfigurationInput{
			FunctionName: aws.String("f"), Environment: &types.Environment{Variables: map[string]string{"TEXT": text}},
		})
	}
	b.publish("2")
	latest := map[string]bool{}
	for range 4 {
		latest[b.invoke("f", event{}).Text] = true
		for name, want := range map[string]string{"f:1": "1", "f:2": "3"} {
			if got := b.invoke(name, event{}).Text; got != want {
				t.Errorf("%s answers %s, want %s", name, got, want)
			}
		}
	}
	if got := slices.Sorted(maps.Keys(latest)); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("within the window %s served $LATEST", got)
	}
}

func TestPublishWithUpdate(t *testing.T) {
	t.Parallel()
	// Asking FailUpdate holds the update InProgress, until release or the
	// test's end.
	held := make(chan struct{}, 2)
	released, release := context.WithCancel(t.Context())
	b := newBench(t, emulator.Options{FailUpdate: func(_, _ string) *emulator.Failure {
		held <- struct{}{}
		<-released.Done()
		return nil
	}})
	b.create(function("f", types.RuntimeGo1x, runtimeZip(t, types.RuntimeGo1x)))
	type answer struct {
		out *lambda.UpdateFunctionCodeOutput
		err error
	}
	update := func() <-chan answer {
		done := make(chan answer, 1)
		go func() {
			out, err := b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: dualZip(t), Publish: true})
			done <- answer{out, err}
		}()
		return done
	}
	done := update()
	<-held

	pending := b.get("f:1")
	if pending.State != types.StatePending || pending.StateReasonCode != types.StateReasonCodeCreating || pending.LastUpdateStatus != "" {
		t.Errorf("during the update the version is %s, %s, %s", pending.State, pending.StateReasonCode, pending.LastUpdateStatus)
	}
	if latest := b.get("f"); latest.State != types.StateActive || latest.LastUpdateStatus != types.LastUpdateStatusInProgress || *latest.CodeSha256 != *pending.CodeSha256 || *latest.RevisionId == *pending.RevisionId {
		t.Errorf("during the update $LATEST is %+v", latest)
	}
	if _, zip := b.location("f:1"); !bytes.Equal(zip, dualZip(t)) {
		t.Error("the pending version has another package")
	}
	b.invoke("f", event{})
	for _, kind := range []types.InvocationType{types.InvocationTypeRequestResponse, types.InvocationTypeEvent, types.InvocationTypeDryRun} {
		_, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f:1"), InvocationType: kind})
		wantError(t, err, 409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Pending")
	}
	_, err := b.client.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")})
	wantError(t, err, 409, "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: "+arnOfF)

	release()
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	if out := got.out; *out.FunctionArn != arnOfF+":1" || *out.Version != "1" || out.State != types.StatePending || out.LastUpdateStatus != "" || *out.RevisionId != *pending.RevisionId {
		t.Errorf("the update answers %+v", out)
	}
	after := b.get("f:1")
	if after.State != types.StateActive || after.StateReasonCode != "" || after.LastUpdateStatus != types.LastUpdateStatusSuccessful || *after.RevisionId == *pending.RevisionId {
		t.Errorf("after the update the version is %+v", after)
	}
	b.invoke("f:1", event{})

	// It has the same effect as PublishVersion: the same again is no new version.
	done = update()
	<-held
	if got := <-done; got.err != nil || *got.out.Version != "1" || got.out.State != types.StateActive || *got.out.RevisionId != *after.RevisionId {
		t.Errorf("the same update again: %v, %+v", got.err, got.out)
	}
	if got := b.versions(); !slices.Equal(got, []string{"$LATEST", "1"}) {
		t.Errorf("versions are %s", got)
	}
}

func TestPublishWithFailedUpdate(t *testing.T) {
	t.Parallel()
	fail := &emulator.Failure{Reason: "because", ReasonCode: "InvalidZipFileException"}
	b := newBench(t, emulator.Options{FailUpdate: func(_, _ string) *emulator.Failure { return fail }})
	b.create(function("f", types.RuntimeGo1x, dualZip(t)))
	b.publish("1")
	out, err := b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: runtimeZip(t, types.RuntimeGo1x), Publish: true})
	if err != nil || *out.Version != "2" {
		t.Fatalf("%v, version %s", err, *out.Version)
	}
	if got := b.get("f:2"); got.State != types.StateFailed || *got.StateReason != "because" || got.StateReasonCode != types.StateReasonCodeInvalidZipFileException {
		t.Errorf("the version of an update that failed is %s, %s, %s", got.State, *got.StateReason, got.StateReasonCode)
	}
	_, err = b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f:2")})
	wantError(t, err, 409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Failed")
	b.invoke("f:1", event{})

	out, err = b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: runtimeZip(t, types.RuntimeGo1x), Publish: true, DryRun: true})
	if err != nil || *out.Version != "$LATEST" {
		t.Errorf("%v, a dry run publishes %s", err, *out.Version)
	}
	// What failed is no version to find again: the same update makes another.
	fail = nil
	out, err = b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: runtimeZip(t, types.RuntimeGo1x), Publish: true})
	if err != nil || *out.Version != "3" {
		t.Fatalf("%v, version %s", err, *out.Version)
	}
	b.invoke("f:3", event{})
}

func TestPublishWithCreation(t *testing.T) {
	t.Parallel()
	publish := func(in *lambda.CreateFunctionInput) { in.Publish = true }
	b := newBench(t, emulator.Options{})
	out := b.create(function("f", types.RuntimeGo1x, dualZip(t), publish))
	if *out.Version != "1" || *out.FunctionArn != arnOfF || out.State != types.StatePending {
		t.Errorf("the creation answers %s, %s, %s", *out.Version, *out.FunctionArn, out.State)
	}
	if got := b.get("f"); *got.Version != "$LATEST" || got.State != types.StateActive {
		t.Errorf("the function is %s, %s", *got.Version, got.State)
	}
	if got := b.get("f:1"); *got.FunctionArn != arnOfF+":1" || got.State != types.StateActive {
		t.Errorf("the version is %s, %s", *got.FunctionArn, got.State)
	}
	b.invoke("f:1", event{})
	b.publish("1")

	b = newBench(t, emulator.Options{UpdateTime: time.Hour})
	b.create(function("f", types.RuntimeGo1x, dualZip(t), publish))
	if got := b.get("f:1"); got.State != types.StatePending {
		t.Errorf("with the function the version is %s", got.State)
	}
	_, err := b.client.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")})
	wantError(t, err, 409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Pending")
}

// Only $LATEST can be updated.
func TestUpdateOfVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.publish("1")
	if _, err := b.client.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String("1")}); err != nil {
		t.Fatal(err)
	}
	const message = "The derived qualifier from the function name does not match the specified qualifier."
	for _, name := range []string{"f:1", arnOfF + ":live", "f:2"} {
		_, err := b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: &name})
		wantError(t, err, 400, "InvalidParameterValueException", message)
		_, err = b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: smallZip(t)})
		wantError(t, err, 400, "InvalidParameterValueException", message)
		_, err = b.client.ListVersionsByFunction(t.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: &name})
		wantError(t, err, 400, "InvalidParameterValueException", message)
	}
	b.updateCode("f:$LATEST", smallZip(t))
}

func TestQualifiers(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.publish("1")
	const malformed = `' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`
	long := strings.Repeat("x", 129)
	for _, test := range []struct {
		name, qualifier string
		status          int
		code, message   string
	}{
		{"f", "2", 404, "ResourceNotFoundException", "Function not found: " + arnOfF + ":2"},
		{"f", "01", 404, "ResourceNotFoundException", "Function not found: " + arnOfF + ":01"},
		{"f", "live", 404, "ResourceNotFoundException", "Function not found: " + arnOfF + ":live"},
		{"f", "$latest", 404, "ResourceNotFoundException", "Function not found: " + arnOfF + ":$latest"},
		{"none", "1", 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none:1"},
		{"f:1", "2", 400, "InvalidParameterValueException", "The derived qualifier from the function name does not match the specified qualifier."},
		{"f", "a!", 400, "ValidationException", "1 validation error detected: Value 'a!" + malformed},
		{"f", long, 400, "ValidationException", "1 validation error detected: Value '" + long + malformed},
	} {
		_, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: &test.name, Qualifier: &test.qualifier})
		wantError(t, err, test.status, test.code, test.message)
		_, err = b.client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &test.name, Qualifier: &test.qualifier})
		wantError(t, err, test.status, test.code, test.message)
		_, err = b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &test.name, Qualifier: &test.qualifier})
		wantError(t, err, test.status, test.code, test.message)
	}
	if got, err := b.client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("f:1"), Qualifier: aws.String("1")}); err != nil || *got.Version != "1" {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestListVersions(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.create(function("f-a", types.RuntimeProvidedal2, smallZip(t)))
	want := []string{"$LATEST"}
	for n := range 55 {
		b.describe(fmt.Sprint(n))
		want = append(want, *b.publish(fmt.Sprint(n + 1)).Version)
	}
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("x")})

	var got []string
	var pages []int
	p := lambda.NewListVersionsByFunctionPaginator(b.client, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("f"), MaxItems: aws.Int32(10000)})
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, len(page.Versions))
		for _, v := range page.Versions {
			got = append(got, *v.Version)
			if *v.FunctionArn != arnOfF+":"+*v.Version || v.State != "" || v.LastUpdateStatus != "" {
				t.Errorf("version %s is listed as %s with state %q", *v.Version, *v.FunctionArn, v.State)
			}
		}
	}
	if !cmp.Equal(got, want) || !cmp.Equal(pages, []int{50, 6}) {
		t.Errorf("listed in pages of %v: %v", pages, got)
	}

	// A marker stays good when the version that it stands on is deleted.
	page, err := b.client.ListVersionsByFunction(t.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("f"), MaxItems: aws.Int32(10)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f:9")}); err != nil {
		t.Fatal(err)
	}
	page, err = b.client.ListVersionsByFunction(t.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("f"), MaxItems: aws.Int32(1), Marker: page.NextMarker})
	if err != nil || len(page.Versions) != 1 || *page.Versions[0].Version != "10" {
		t.Errorf("%v, %+v", err, page)
	}
	for _, in := range []*lambda.ListVersionsByFunctionInput{{Marker: aws.String("!")}, {MaxItems: aws.Int32(0)}} {
		in.FunctionName = aws.String("f")
		if _, err := b.client.ListVersionsByFunction(t.Context(), in); err == nil {
			t.Errorf("%+v is not refused", in)
		}
	}
	_, err = b.client.ListVersionsByFunction(t.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("none")})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none")

	// All versions of all functions, each with what is its own.
	type row struct {
		ARN, Handler string
		Runtime      types.Runtime
	}
	const other = "arn:aws:lambda:us-east-1:123456789012:function:f-a:$LATEST"
	wantRows := []row{{arnOfF + ":$LATEST", "x", types.RuntimeProvidedal2023}}
	for _, number := range slices.Delete(want, 9, 10)[1:] {
		wantRows = append(wantRows, row{arnOfF + ":" + number, "lambda", types.RuntimeGo1x})
	}
	wantRows = append(wantRows, row{other, "lambda", types.RuntimeProvidedal2})
	var rows []row
	all := lambda.NewListFunctionsPaginator(b.client, &lambda.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll})
	for all.HasMorePages() {
		page, err := all.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Functions {
			rows = append(rows, row{*f.FunctionArn, *f.Handler, f.Runtime})
		}
	}
	if diff := cmp.Diff(wantRows, rows); diff != "" {
		t.Errorf("all versions (-want +got):\n%s", diff)
	}
}

func TestDeleteVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, runtimeZip(t, types.RuntimeGo1x)))
	b.publish("1")
	b.updateCode("f", dualZip(t))
	b.publish("2")
	b.describe("3")
	b.publish("3")
	b.invoke("f:1", event{})
	for _, in := range []*lambda.CreateAliasInput{
		{Name: aws.String("live"), FunctionVersion: aws.String("2")},
		{Name: aws.String("canary"), FunctionVersion: aws.String("3"), RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.5}}},
	} {
		in.FunctionName = aws.String("f")
		if _, err := b.client.CreateAlias(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(name, qualifier string) error {
		in := &lambda.DeleteFunctionInput{FunctionName: &name}
		if qualifier != "" {
			in.Qualifier = &qualifier
		}
		_, err := b.client.DeleteFunction(t.Context(), in)
		return err
	}

	wantError(t, remove("f", "2"), 409, "ResourceConflictException", "Unable to delete version because the following aliases reference it: [canary, live]")
	wantError(t, remove("f", "live"), 400, "InvalidParameterValueException", "Deletion of aliases is not currently supported.")
	wantError(t, remove("none", "1"), 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none")
	if err := remove("f", "99"); err != nil {
		t.Errorf("deleting a version that is not there: %v", err)
	}
	url, _ := b.location("f:1")
	if err := remove("f:1", ""); err != nil {
		t.Fatal(err)
	}
	if got := b.versions(); !slices.Equal(got, []string{"$LATEST", "2", "3"}) {
		t.Errorf("versions are %s", got)
	}
	_, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f:1")})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: "+arnOfF+":1")
	if response := httpGet(t, url); response.StatusCode != 404 {
		t.Errorf("the location of the version's package gives %s", response.Status)
	}
	b.invoke("f", event{})

	// Numbers are not used again.
	if _, err := b.client.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: aws.String("f"), Name: aws.String("canary")}); err != nil {
		t.Fatal(err)
	}
	if err := remove("f", "3"); err != nil {
		t.Fatal(err)
	}
	b.publish("4")

	// Versions and aliases go with their function.
	url, _ = b.location("f:4")
	if err := remove("f", ""); err != nil {
		t.Fatal(err)
	}
	if response := httpGet(t, url); response.StatusCode != 404 {
		t.Errorf("the location of a deleted function's package gives %s", response.Status)
	}
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	for _, qualifier := range []string{"2", "4", "live"} {
		_, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f"), Qualifier: &qualifier})
		wantError(t, err, 404, "ResourceNotFoundException", "Function not found: "+arnOfF+":"+qualifier)
	}
}
