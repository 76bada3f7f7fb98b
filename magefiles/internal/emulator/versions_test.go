package emulator_test

import (
	"bytes"
	"context"
	"fmt"
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

// publish publishes a version of f that must have the given number.
func (b *bench) publish(number string) {
	b.Helper()
	out, err := b.client.PublishVersion(b.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")})
	if err != nil {
		b.Fatalf("publishing: %v", err)
	}
	if *out.Version != number {
		b.Fatalf("published version %s, want %s", *out.Version, number)
	}
}

func (b *bench) describe(description string) {
	b.Helper()
	b.configure(&lambda.UpdateFunctionConfigurationInput{Description: &description})
}

// versions returns the numbers of f's versions as listed.
func (b *bench) versions() (numbers []string) {
	b.Helper()
	out, err := b.client.ListVersionsByFunction(b.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("f")})
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range out.Versions {
		numbers = append(numbers, *v.Version)
	}
	return numbers
}

// A version serves its own code, configuration and architecture when $LATEST
// has changed, and its package stays.
func TestVersionsAreFrozen(t *testing.T) {
	t.Parallel()
	served := 0
	b := newBench(t, emulator.Options{OnServe: func(emulator.Deployment) { served++ }})
	before, after := runtimeZip(t, types.RuntimeGo1x), runtimeZip(t, types.RuntimeProvidedal2023)
	b.create(function("f", types.RuntimeGo1x, before, variables(map[string]string{"TEXT": "old"})))
	b.publish("1")
	in := text("new")
	in.Runtime, in.Handler = types.RuntimeProvidedal2023, aws.String("bootstrap")
	b.configure(in)
	if _, err := b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String("f"), ZipFile: after, Architectures: []types.Architecture{types.ArchitectureArm64},
	}); err != nil {
		t.Fatal(err)
	}
	b.publish("2")
	if served != 3 {
		t.Errorf("OnServe was called %d times, want once for the creation and each update", served)
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
		if _, zip := b.download(b.location(name)); !bytes.Equal(zip, test.zip) {
			t.Errorf("%s has another package", test.qualifier)
		}

		first := b.invoke(name, event{})
		out := b.send(name, event{Do: "context"})
		var second result
		b.decode(out.Payload, &second)
		if *out.ExecutedVersion != test.qualifier {
			t.Errorf("%s is executed as %s", test.qualifier, *out.ExecutedVersion)
		}
		if log := b.log(out); !strings.Contains(log, " Version: "+test.qualifier+"\n") {
			t.Errorf("%s logs %s", test.qualifier, log)
		}
		if first.Text != test.text || second.ARN != name || !slices.Contains(second.Environ, "AWS_LAMBDA_FUNCTION_VERSION="+test.qualifier) {
			t.Errorf("%s answers %+v, %+v", test.qualifier, first, second)
		}
		if first.Pid != second.Pid {
			t.Errorf("the environment of %s is not reused", test.qualifier)
		}
		if other, ok := pids[first.Pid]; ok {
			t.Errorf("%s and %s share an environment", other, test.qualifier)
		}
		pids[first.Pid] = test.qualifier
	}
}

// The window after an update concerns $LATEST, not versions.
func TestVersionsOutsideTheWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Window: time.Hour, Mixed: true})
	b.create(function("f", types.RuntimeGo1x, dualZip(t), variables(map[string]string{"TEXT": "1"})))
	b.publish("1")
	b.configure(text("2"))
	b.configure(text("3"))
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
		t.Errorf("within the window $LATEST answers %s", got)
	}
}

func TestPublishWithUpdate(t *testing.T) {
	t.Parallel()
	// FailUpdate holds the update InProgress until release or the end of the test.
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
	if _, zip := b.download(b.location("f:1")); !bytes.Equal(zip, dualZip(t)) {
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

	// As with PublishVersion, the same again is no new version.
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
	update := func(dryRun bool, version string) {
		t.Helper()
		out, err := b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: runtimeZip(t, types.RuntimeGo1x), Publish: true, DryRun: dryRun})
		if err != nil || *out.Version != version {
			t.Fatalf("%v, version %s, want %s", err, *out.Version, version)
		}
	}
	update(false, "2")
	if got := b.get("f:2"); got.State != types.StateFailed || *got.StateReason != "because" || got.StateReasonCode != types.StateReasonCodeInvalidZipFileException {
		t.Errorf("the version of a failed update is %s, %s, %s", got.State, *got.StateReason, got.StateReasonCode)
	}
	_, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f:2")})
	wantError(t, err, 409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Failed")
	b.invoke("f:1", event{})

	update(true, "$LATEST")
	// The same update again does not find the failed version.
	fail = nil
	update(false, "3")
	b.invoke("f:3", event{})
}

func TestPublishWithCreation(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	out := b.create(function("f", types.RuntimeGo1x, dualZip(t), func(in *lambda.CreateFunctionInput) { in.Publish = true }))
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
}

func TestListVersions(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.create(function("f-a", types.RuntimeProvidedal2, smallZip(t)))
	want := []string{"$LATEST"}
	for n := range 55 {
		number := fmt.Sprint(n + 1)
		b.describe(number)
		b.publish(number)
		want = append(want, number)
	}
	b.configure(toProvided())

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
		t.Errorf("pages of %v: %v", pages, got)
	}

	// A marker stays valid when its version is deleted.
	page, err := b.client.ListVersionsByFunction(t.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("f"), MaxItems: aws.Int32(10)})
	if err != nil {
		t.Fatal(err)
	}
	b.remove("f:9")
	page, err = b.client.ListVersionsByFunction(t.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("f"), MaxItems: aws.Int32(1), Marker: page.NextMarker})
	if err != nil || len(page.Versions) != 1 || *page.Versions[0].Version != "10" {
		t.Errorf("%v, %+v", err, page)
	}

	// All versions of all functions, each with its own configuration.
	type row struct {
		ARN     string
		Runtime types.Runtime
	}
	wantRows := []row{{arnOfF + ":$LATEST", types.RuntimeProvidedal2023}}
	for _, number := range slices.Delete(want, 9, 10)[1:] {
		wantRows = append(wantRows, row{arnOfF + ":" + number, types.RuntimeGo1x})
	}
	wantRows = append(wantRows, row{arnOfF + "-a:$LATEST", types.RuntimeProvidedal2})
	var rows []row
	all := lambda.NewListFunctionsPaginator(b.client, &lambda.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll})
	for all.HasMorePages() {
		page, err := all.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Functions {
			rows = append(rows, row{*f.FunctionArn, f.Runtime})
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
	b.alias("live", "2", nil)
	b.alias("canary", "3", weights(map[string]float64{"2": 0.5}))

	_, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f"), Qualifier: aws.String("2")})
	wantError(t, err, 409, "ResourceConflictException", "Unable to delete version because the following aliases reference it: [canary, live]")
	url := b.location("f:1")
	b.remove("f:1")
	if got := b.versions(); !slices.Equal(got, []string{"$LATEST", "2", "3"}) {
		t.Errorf("versions are %s", got)
	}
	_, err = b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f:1")})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: "+arnOfF+":1")
	if status, _ := b.download(url); status != 404 {
		t.Errorf("the location of the version's package answers %d", status)
	}
	b.invoke("f", event{})

	// Numbers are not reused.
	if _, err := b.client.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: aws.String("f"), Name: aws.String("canary")}); err != nil {
		t.Fatal(err)
	}
	b.remove("f:3")
	b.publish("4")

	// Versions and aliases are deleted with their function.
	url = b.location("f:4")
	b.remove("f")
	if status, _ := b.download(url); status != 404 {
		t.Errorf("the location of a deleted function's package answers %d", status)
	}
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	for _, qualifier := range []string{"2", "4", "live"} {
		_, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f"), Qualifier: &qualifier})
		wantError(t, err, 404, "ResourceNotFoundException", "Function not found: "+arnOfF+":"+qualifier)
	}
}
