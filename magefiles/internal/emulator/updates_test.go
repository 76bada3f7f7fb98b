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

// While an update is InProgress the previous code and configuration serve, and
// the API reports the new ones.
func TestInProgress(t *testing.T) {
	t.Parallel()
	// FailUpdate is the last call before an update ends: as long as it does not
	// return, the update is InProgress.
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
			t.Fatal("the update ended without a call of FailUpdate")
		}
		during := b.get("f")
		if during.LastUpdateStatus != types.LastUpdateStatusInProgress || during.LastUpdateStatusReasonCode != "Creating" || !reported(during) || *during.RevisionId == *before.RevisionId {
			t.Errorf("during the update: %+v", during)
		}
		if now := b.invoke("f", event{}); now.Pid != old.Pid || now.Text != "old" {
			t.Errorf("during the update process %d answers %q, want %d and old", now.Pid, now.Text, old.Pid)
		}
		const message = "The operation cannot be performed at this time. An update is in progress for resource: " + arnOfF
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
		in := text("new")
		in.Runtime = types.RuntimeProvidedal2023
		b.configure(in)
	}, func(c *types.FunctionConfiguration) bool {
		return c.Runtime == types.RuntimeProvidedal2023 && c.Environment.Variables["TEXT"] == "new"
	})
	if got := b.invoke("f", event{}); got.Text != "new" || got.Pid == old.Pid {
		t.Errorf("after the update: %+v", got)
	}
}

func TestFailedUpdate(t *testing.T) {
	t.Parallel()
	var calls []string
	failing := true
	b := newBench(t, emulator.Options{FailUpdate: func(function, operation string) *emulator.Failure {
		calls = append(calls, function+" "+operation)
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
	in := text("new")
	in.Runtime = types.RuntimeProvidedal2023
	b.configure(in)
	check()
	waiter := lambda.NewFunctionUpdatedV2Waiter(b.client)
	if err := waiter.Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")}, time.Minute); err == nil || !strings.Contains(err.Error(), "Failure") {
		t.Errorf("the waiter returns %v", err)
	}
	// A refused update and a dry run do not call FailUpdate.
	b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), RevisionId: before.RevisionId})
	b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: smallZip(t), DryRun: true})
	failing = false
	b.configure(text("newer"))
	if got := b.invoke("f", event{}); got.Text != "newer" {
		t.Errorf("after a successful update: %+v", got)
	}
	want := []string{"f UpdateFunctionCode", "f UpdateFunctionConfiguration", "f UpdateFunctionConfiguration"}
	if !cmp.Equal(calls, want) {
		t.Errorf("FailUpdate is called for %v, want %v", calls, want)
	}
}

func TestOnServe(t *testing.T) {
	t.Parallel()
	var b *bench
	var served []emulator.Deployment
	b = newBench(t, emulator.Options{
		OnServe: func(d emulator.Deployment) {
			served = append(served, d)
			// Reading from the server must work.
			if got := b.get(d.Function); string(got.Runtime) != d.Runtime {
				t.Errorf("OnServe is called for %s, and the function is on %s", d.Runtime, got.Runtime)
			}
		},
		FailUpdate: func(_, operation string) *emulator.Failure {
			if operation == "UpdateFunctionCode" && len(served) == 2 {
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
	b.configure(toProvided())
	other.mode = 0o755
	b.updateCode("f", makeZip(t, program, other))
	b.configure(&lambda.UpdateFunctionConfigurationInput{Runtime: types.RuntimeNodejs22x})

	type summary struct {
		Runtime, Files string
		Startable      bool
	}
	var got []summary
	for _, d := range served {
		if d.Function != "f" || d.Handler != "lambda" || d.Architecture != "x86_64" || len(d.CodeSha256) != 44 {
			t.Errorf("OnServe is called with %+v", d)
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
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("OnServe (-want +got):\n%s", diff)
	}
}

func TestStartableByArchitecture(t *testing.T) {
	t.Parallel()
	var served []emulator.Deployment
	s, err := emulator.Start(emulator.Options{OnServe: func(d emulator.Deployment) { served = append(served, d) }}) // without HostBinaries on any host
	b := adopt(t, s, err, nil)
	b.create(function("f", types.RuntimeProvidedal2023, makeZip(t, file{"bootstrap", 0o755, foreignELF(22)})))
	b.updateCode("f", makeZip(t, script("bootstrap", "exit 0")))
	if len(served) != 2 || served[0].Startable() || !served[1].Startable() {
		t.Errorf("OnServe is called with %+v", served)
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
	accepted := 0
	for _, err := range errs {
		_, stale := errors.AsType[*types.PreconditionFailedException](err)
		_, busy := errors.AsType[*types.ResourceConflictException](err)
		switch {
		case err == nil:
			accepted++
		case !stale && !busy:
			t.Error(err)
		}
	}
	if accepted != 1 {
		t.Errorf("%d of %d updates of one revision were accepted, want 1", accepted, len(errs))
	}
}

// Blocking is about updates: a function on a blocked runtime can be invoked, and
// moved to another runtime.
func TestBlockedRuntime(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Blocked: []string{"go1.x"}})
	b.create(function("f", types.RuntimeGo1x, dualZip(t)))
	b.create(function("other", types.RuntimeProvidedal2, dualZip(t)))
	b.invoke("f", event{})
	_, err := b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: smallZip(t)})
	wantError(t, err, 400, "InvalidParameterValueException", "The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.")
	b.updateCode("other", smallZip(t))
	b.configure(toProvided())
	b.invoke("f", event{})
}

// Withdrawing is about moves: the code of a function on a withdrawn runtime can be
// changed, and the function can leave the runtime, but not return.
func TestWithdrawnRuntime(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Withdrawn: []string{"go1.x"}})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.updateCode("f", dualZip(t))
	b.configure(toProvided())
	_, err := b.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Runtime: types.RuntimeGo1x})
	wantError(t, err, 400, "InvalidParameterValueException", "")
	if !strings.Contains(err.Error(), "Value go1.x at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [") {
		t.Errorf("the error is %v", err)
	}
}
