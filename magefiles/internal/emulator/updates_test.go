package emulator_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

func TestUpdateConfiguration(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t), variables(map[string]string{"AB": "1"})))
	before := b.get("f")

	out := b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap")})
	if out.LastUpdateStatus != types.LastUpdateStatusInProgress || out.LastUpdateStatusReasonCode != "Creating" || out.Runtime != types.RuntimeProvidedal2023 {
		t.Errorf("the answer is %s, %s, %s", out.LastUpdateStatus, out.LastUpdateStatusReasonCode, out.Runtime)
	}
	after := b.get("f")
	want := *before
	want.Runtime, want.Handler = types.RuntimeProvidedal2023, aws.String("bootstrap")
	want.RevisionId, want.LastModified = after.RevisionId, after.LastModified
	if diff := cmp.Diff(&want, after, ignored); diff != "" {
		t.Errorf("only runtime and handler were given (-want +got):\n%s", diff)
	}
	if *after.RevisionId == *before.RevisionId || *after.RevisionId == *out.RevisionId || *out.RevisionId == *before.RevisionId {
		t.Error("the revision is not a new one at each step")
	}

	b.configure(&lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), RevisionId: after.RevisionId,
		Description: aws.String("d"), Timeout: aws.Int32(900), MemorySize: aws.Int32(10240), Role: aws.String(role + "2"),
		Environment: &types.Environment{Variables: map[string]string{}},
	})
	got := b.get("f")
	if *got.Description != "d" || *got.Timeout != 900 || *got.MemorySize != 10240 || *got.Role != role+"2" || got.Environment != nil {
		t.Errorf("got %+v", got)
	}
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Description: aws.String("")})
	if got := b.get("f"); aws.ToString(got.Description) != "" {
		t.Errorf("the description is still %q", *got.Description)
	}

	for _, in := range []*lambda.UpdateFunctionConfigurationInput{
		{Runtime: "go2.x"}, {Timeout: aws.Int32(0)}, {MemorySize: aws.Int32(1)}, {Role: aws.String("x")}, {Handler: aws.String(" ")},
		{Environment: &types.Environment{Variables: map[string]string{"AWS_SESSION_TOKEN": "x"}}}, {Layers: []string{"x"}},
	} {
		in.FunctionName = aws.String("f")
		if _, err := b.client.UpdateFunctionConfiguration(t.Context(), in); err == nil {
			t.Errorf("%+v is not refused", in)
		}
	}
	_, err := b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("none")})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none")
}

func TestUpdateCode(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, smallZip(t)))
	before := b.get("f")
	zip := makeZip(t, file{"bootstrap", 0o755, []byte("y")})
	input := func(edit func(*lambda.UpdateFunctionCodeInput)) *lambda.UpdateFunctionCodeInput {
		in := &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: zip}
		edit(in)
		return in
	}

	out, err := b.client.UpdateFunctionCode(t.Context(), input(func(in *lambda.UpdateFunctionCodeInput) { in.DryRun = true }))
	if err != nil || *out.CodeSha256 == *before.CodeSha256 || out.CodeSize != int64(len(zip)) {
		t.Errorf("dry run: %v, %+v", err, out)
	}
	if diff := cmp.Diff(before, b.get("f"), ignored); diff != "" {
		t.Errorf("a dry run changed the function (-before +after):\n%s", diff)
	}

	for _, test := range []struct {
		name          string
		edit          func(*lambda.UpdateFunctionCodeInput)
		status        int
		code, message string
	}{
		{"revision", func(in *lambda.UpdateFunctionCodeInput) { in.RevisionId = aws.String("stale") },
			412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"},
		{"revision of a dry run", func(in *lambda.UpdateFunctionCodeInput) { in.RevisionId, in.DryRun = aws.String("stale"), true },
			412, "PreconditionFailedException", ""},
		{"publish to", func(in *lambda.UpdateFunctionCodeInput) {
			in.PublishTo = types.FunctionVersionLatestPublishedLatestPublished
		},
			400, "InvalidParameterValueException", `request member "PublishTo" is not implemented by the emulator`},
		{"S3", func(in *lambda.UpdateFunctionCodeInput) {
			in.S3Bucket, in.S3Key = aws.String("bucket"), aws.String("key")
		},
			400, "InvalidParameterValueException", "code in S3 is not implemented by the emulator"},
		{"image", func(in *lambda.UpdateFunctionCodeInput) { in.ImageUri = aws.String("x") },
			400, "InvalidParameterValueException", "ImageUri is not implemented by the emulator"},
		{"nothing", func(in *lambda.UpdateFunctionCodeInput) { in.ZipFile = nil },
			400, "InvalidParameterValueException", "Please provide a source for function code."},
		{"architecture", func(in *lambda.UpdateFunctionCodeInput) { in.Architectures = []types.Architecture{"mips"} },
			400, "ValidationException", ""},
		{"broken", func(in *lambda.UpdateFunctionCodeInput) { in.ZipFile = zip[:len(zip)-1] },
			400, "InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again."},
		{"missing", func(in *lambda.UpdateFunctionCodeInput) { in.FunctionName = aws.String("none") },
			404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := b.client.UpdateFunctionCode(t.Context(), input(test.edit))
			wantError(t, err, test.status, test.code, test.message)
		})
	}
	if diff := cmp.Diff(before, b.get("f"), ignored); diff != "" {
		t.Errorf("refused updates changed the function (-before +after):\n%s", diff)
	}

	_, err = b.client.UpdateFunctionCode(t.Context(), input(func(in *lambda.UpdateFunctionCodeInput) {
		in.Architectures, in.RevisionId = []types.Architecture{"arm64"}, before.RevisionId
	}))
	if err != nil {
		t.Fatal(err)
	}
	got := b.get("f")
	if got.Architectures[0] != "arm64" || *got.CodeSha256 != *out.CodeSha256 {
		t.Errorf("got %+v", got)
	}
	// Left out, the architecture stays.
	b.updateCode("f", smallZip(t))
	if got := b.get("f"); got.Architectures[0] != "arm64" || *got.CodeSha256 != *before.CodeSha256 {
		t.Errorf("got %+v", got)
	}
	// There is no way to go1.x on arm64.
	_, err = b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeGo1x})
	wantError(t, err, 400, "InvalidParameterValueException", "Runtime go1.x does not support the following architectures [arm64]. Please select different architectures from [x86_64] or select a different runtime.")
}

func TestRequestTooLarge(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	response := signed{method: "PUT", path: "/2015-03-31/functions/f/code", body: strings.Repeat(" ", 70167212)}.do(t, b)
	if got := response.Header.Get("X-Amzn-ErrorType"); response.StatusCode != 413 || got != "RequestEntityTooLargeException" {
		t.Errorf("got %s %s", response.Status, got)
	}
	if want := `{"Message":"Request must be smaller than 70167211 bytes for the UpdateFunctionCode operation","Type":"User"}`; bodyOf(t, response) != want {
		t.Errorf("want %s", want)
	}
}

func TestPending(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{UpdateTime: time.Hour})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	if got := b.get("f"); got.State != types.StatePending || got.StateReasonCode != types.StateReasonCodeCreating {
		t.Errorf("got %s, %s", got.State, got.StateReasonCode)
	}
	const message = "The operation cannot be performed at this time. The function is currently in the following state: Pending"
	for _, kind := range []types.InvocationType{types.InvocationTypeRequestResponse, types.InvocationTypeEvent, types.InvocationTypeDryRun} {
		_, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: kind})
		wantError(t, err, 409, "ResourceConflictException", message)
	}
	_, err := b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f")})
	wantError(t, err, 409, "ResourceConflictException", message)
	_, err = b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: smallZip(t)})
	wantError(t, err, 409, "ResourceConflictException", message)
}

func TestUpdateTime(t *testing.T) {
	t.Parallel()
	const updateTime = 200 * time.Millisecond
	b := newBench(t, emulator.Options{UpdateTime: updateTime})
	began := time.Now()
	b.create(function("f", types.RuntimeGo1x, dualZip(t)))
	active := lambda.NewFunctionActiveV2Waiter(b.client, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 50*time.Millisecond
	})
	if err := active.Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < updateTime {
		t.Errorf("the creation took %s, want %s at least", took, updateTime)
	}
	b.invoke("f", event{})
	began = time.Now()
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeProvidedal2023})
	updated := lambda.NewFunctionUpdatedV2Waiter(b.client, func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, 50*time.Millisecond
	})
	if err := updated.Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < updateTime {
		t.Errorf("the update took %s, want %s at least", took, updateTime)
	}
	b.invoke("f", event{})
}

// While an update is InProgress the previous code and configuration serve, and
// what is reported is the new.
func TestInProgress(t *testing.T) {
	t.Parallel()
	// Asking FailUpdate is the last thing before an update ends: holding the
	// answer back holds the update InProgress.
	held, release := make(chan struct{}), make(chan struct{})
	b := newBench(t, emulator.Options{FailUpdate: func(_, _ string) *emulator.Failure {
		held <- struct{}{}
		<-release
		return nil
	}})
	b.create(function("f", types.RuntimeGo1x, runtimeZip(t, types.RuntimeGo1x), variables(map[string]string{"TEXT": "old"})))
	old := b.invoke("f", event{})
	if old.Text != "old" {
		t.Fatalf("got %+v", old)
	}

	check := func(update func(), reported func(*types.FunctionConfiguration) bool) {
		t.Helper()
		before := b.get("f")
		done := make(chan struct{})
		go func() { defer close(done); update() }()
		select {
		case <-held:
		case <-done:
			t.Fatal("the update ended without asking FailUpdate")
		}
		during := b.get("f")
		if during.LastUpdateStatus != types.LastUpdateStatusInProgress || during.LastUpdateStatusReasonCode != "Creating" || !reported(during) || *during.RevisionId == *before.RevisionId {
			t.Errorf("during the update: %+v", during)
		}
		if now := b.invoke("f", event{}); now.Pid != old.Pid || now.Text != "old" {
			t.Errorf("during the update process %d answers %q, want %d and old", now.Pid, now.Text, old.Pid)
		}
		const message = "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:us-east-1:123456789012:function:f"
		_, err := b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f")})
		wantError(t, err, 409, "ResourceConflictException", message)
		_, err = b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: smallZip(t)})
		wantError(t, err, 409, "ResourceConflictException", message)
		release <- struct{}{}
		<-done
		if after := b.get("f"); after.LastUpdateStatus != types.LastUpdateStatusSuccessful || *after.RevisionId == *during.RevisionId || !reported(after) {
			t.Errorf("after the update: %+v", after)
		}
	}
	zip := dualZip(t)
	check(func() { b.updateCode("f", zip) },
		func(c *types.FunctionConfiguration) bool { return c.CodeSize == int64(len(zip)) })
	next := b.invoke("f", event{})
	if next.Pid == old.Pid || next.Text != "old" {
		t.Errorf("after the update: %+v", next)
	}
	old = next
	check(func() {
		b.configure(&lambda.UpdateFunctionConfigurationInput{
			FunctionName: aws.String("f"), Runtime: types.RuntimeProvidedal2023,
			Environment: &types.Environment{Variables: map[string]string{"TEXT": "new"}},
		})
	}, func(c *types.FunctionConfiguration) bool {
		return c.Runtime == types.RuntimeProvidedal2023 && c.Environment.Variables["TEXT"] == "new"
	})
	if got := b.invoke("f", event{}); got.Text != "new" || got.Pid == old.Pid {
		t.Errorf("after the update: %+v", got)
	}
}

func TestDeleteDuringUpdate(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{UpdateTime: 100 * time.Millisecond})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	if _, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	b.create(function("f", types.RuntimeProvidedal2, smallZip(t)))
	if got := b.settle("f"); got.Runtime != types.RuntimeProvidedal2 {
		t.Errorf("got %s", got.Runtime)
	}
	b.updateCode("f", makeZip(t, file{"bootstrap", 0o755, nil}))
	if _, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	// The next one of the name settles after that update would have.
	b.create(function("f", types.RuntimeProvided, smallZip(t)))
	if got := b.settle("f"); got.Runtime != types.RuntimeProvided {
		t.Errorf("got %s", got.Runtime)
	}
}

func TestFailedUpdate(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	failing := true
	b := newBench(t, emulator.Options{FailUpdate: func(function, operation string) *emulator.Failure {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, function+" "+operation)
		if !failing {
			return nil
		}
		return &emulator.Failure{Reason: "it was not to be", ReasonCode: "InternalError"}
	}})
	b.create(function("f", types.RuntimeGo1x, dualZip(t), variables(map[string]string{"TEXT": "old"})))
	before := b.get("f")
	old := b.invoke("f", event{})
	check := func() {
		t.Helper()
		got := b.get("f")
		want := *before
		want.LastUpdateStatus, want.LastUpdateStatusReason, want.LastUpdateStatusReasonCode = types.LastUpdateStatusFailed, aws.String("it was not to be"), types.LastUpdateStatusReasonCodeInternalError
		want.RevisionId = got.RevisionId
		if diff := cmp.Diff(&want, got, ignored); diff != "" {
			t.Errorf("after a failed update (-want +got):\n%s", diff)
		}
		if *got.RevisionId == *before.RevisionId {
			t.Error("the revision is the same")
		}
		if now := b.invoke("f", event{}); now.Pid != old.Pid || now.Text != "old" {
			t.Errorf("after a failed update process %d answers %q, want %d and old", now.Pid, now.Text, old.Pid)
		}
	}
	b.updateCode("f", smallZip(t))
	check()
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeProvidedal2023, Environment: &types.Environment{Variables: map[string]string{"TEXT": "new"}}})
	check()
	waiter := lambda.NewFunctionUpdatedV2Waiter(b.client)
	if err := waiter.Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")}, time.Minute); err == nil || !strings.Contains(err.Error(), "Failure") {
		t.Errorf("the waiter says %v", err)
	}
	// A refused update and a dry run are no updates.
	b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), RevisionId: before.RevisionId})
	b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: smallZip(t), DryRun: true})
	mu.Lock()
	failing = false
	mu.Unlock()
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Environment: &types.Environment{Variables: map[string]string{"TEXT": "newer"}}})
	if got := b.invoke("f", event{}); got.Text != "newer" {
		t.Errorf("after a successful update: %+v", got)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []string{"f UpdateFunctionCode", "f UpdateFunctionConfiguration", "f UpdateFunctionConfiguration"}
	if !cmp.Equal(asked, want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

func TestOnServe(t *testing.T) {
	t.Parallel()
	var b *bench
	var told []emulator.Deployment
	b = newBench(t, emulator.Options{
		OnServe: func(d emulator.Deployment) {
			told = append(told, d)
			// Reading from the server must work.
			if got := b.get(d.Function); string(got.Runtime) != d.Runtime {
				t.Errorf("told of %s, and the function is on %s", d.Runtime, got.Runtime)
			}
		},
		FailUpdate: func(_, operation string) *emulator.Failure {
			if operation == "UpdateFunctionCode" && len(told) == 2 {
				return &emulator.Failure{}
			}
			return nil
		},
	})
	program := launcher("lambda", built.rpc)
	single := makeZip(t, program, file{"a/b.txt", 0o644, []byte("text")})
	other := file{"bootstrap", 0o644, program.content}
	b.create(function("f", types.RuntimeGo1x, single))
	b.updateCode("f", makeZip(t, program, other))
	b.updateCode("f", single) // fails, and nothing changes
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeProvidedal2023})
	other.mode = 0o755
	b.updateCode("f", makeZip(t, program, other))
	b.configure(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeNodejs22x})

	type summary struct {
		runtime, files string
		startable      bool
	}
	var got []summary
	for _, d := range told {
		if d.Function != "f" || d.Handler != "lambda" || d.Architecture != "x86_64" || len(d.CodeSha256) != 44 {
			t.Errorf("told %+v", d)
		}
		got = append(got, summary{d.Runtime, strings.Join(d.Files, " "), d.Startable()})
	}
	want := []summary{
		{"go1.x", "a/b.txt lambda", true},
		{"go1.x", "bootstrap lambda", true},
		{"provided.al2023", "bootstrap lambda", false},
		{"provided.al2023", "bootstrap lambda", true},
		{"nodejs22.x", "bootstrap lambda", false},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(summary{})); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestStartableByArchitecture(t *testing.T) {
	t.Parallel()
	var told []emulator.Deployment
	options := emulator.Options{OnServe: func(d emulator.Deployment) { told = append(told, d) }}
	s, err := emulator.Start(options) // without HostBinaries, whatever the host
	if err != nil {
		t.Fatal(err)
	}
	b := adopt(t, s)
	b.create(function("f", types.RuntimeProvidedal2023, makeZip(t, file{"bootstrap", 0o755, foreignELF()})))
	b.updateCode("f", makeZip(t, script("bootstrap", "exit 0")))
	if len(told) != 2 || told[0].Startable() || !told[1].Startable() {
		t.Errorf("told %+v", told)
	}
}

func TestConcurrentUpdates(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeProvidedal2023, smallZip(t)))
	revision := b.get("f").RevisionId
	zip := makeZip(t, file{"bootstrap", 0o755, nil})
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = b.client.UpdateFunctionCode(b.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: zip, RevisionId: revision})
		})
	}
	all.Wait()
	done := 0
	for _, err := range errs {
		var stale *types.PreconditionFailedException
		var busy *types.ResourceConflictException
		switch {
		case err == nil:
			done++
		case !errors.As(err, &stale) && !errors.As(err, &busy):
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d of %d updates of one revision were accepted, want 1", done, len(errs))
	}
}
