package lambdatest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"

	"example.com/dualboot/magefiles/internal/bundle"
	"example.com/dualboot/magefiles/internal/lambdatest"
)

// client returns a client of l that sends each call once.
func client(l *lambdatest.Lambda) *sdk.Client {
	return sdk.NewFromConfig(l.Config(), func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
}

// code returns the exception that a call failed with.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// TestUpdate follows one update of the code by the SDK.
func TestUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lambdatest.New("a")
		c := client(l)
		report := func() (status types.LastUpdateStatus, revision string) {
			out, err := c.GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: aws.String("a")})
			if err != nil {
				t.Fatal(err)
			}
			return out.Configuration.LastUpdateStatus, *out.Configuration.RevisionId
		}
		update := func(revision string) error {
			_, err := c.UpdateFunctionCode(t.Context(), &sdk.UpdateFunctionCodeInput{
				FunctionName: aws.String("a"), RevisionId: &revision, ZipFile: lambdatest.Executables("bootstrap"),
				Architectures: []types.Architecture{types.ArchitectureArm64},
			})
			return err
		}
		want := func(wantStatus types.LastUpdateStatus, wantRevision string) {
			t.Helper()
			if status, revision := report(); status != wantStatus || revision != wantRevision {
				t.Errorf("it is %s in revision %s, want %s in %s", status, revision, wantStatus, wantRevision)
			}
		}

		want(types.LastUpdateStatusSuccessful, "r0")
		time.Sleep(time.Second)
		if err := update("r7"); code(err) != "PreconditionFailedException" {
			t.Errorf("an update of another revision: %v", err)
		}
		if err := update("r0"); err != nil {
			t.Fatal(err)
		}
		if err := update("r1"); code(err) != "ResourceConflictException" {
			t.Errorf("an update during an update: %v", err)
		}
		want(types.LastUpdateStatusInProgress, "r1")
		time.Sleep(time.Second)
		want(types.LastUpdateStatusSuccessful, "r2") // the end is a revision of its own
		f := l.Function("a")
		if f.Architectures[0] != types.ArchitectureArm64 || *f.LastModified != "2000-01-01T00:00:01.000+0000" {
			t.Errorf("architectures %v, modified %s", f.Architectures, *f.LastModified)
		}
		if c, err := bundle.Read(t.Context(), l, "http://zips/"+*f.CodeSha256); err != nil || !cmp.Equal(c.Names(), []string{"bootstrap"}) {
			t.Errorf("the deployed zip holds %v: %v", c, err)
		}

		// A failed update leaves the configuration as it was.
		l.FailUpdate("a")
		if _, err := c.UpdateFunctionConfiguration(t.Context(), &sdk.UpdateFunctionConfigurationInput{
			FunctionName: aws.String("a"), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		}); err != nil {
			t.Fatal(err)
		}
		if f := l.Function("a"); f.Runtime != types.RuntimeProvidedal2023 || *f.Handler != "bootstrap" {
			t.Errorf("during the update it is on %s with handler %s", f.Runtime, *f.Handler)
		}
		time.Sleep(time.Second)
		want(types.LastUpdateStatusFailed, "r4")
		if f := l.Function("a"); f.Runtime != types.RuntimeGo1x || *f.Handler != "lambda" {
			t.Errorf("after the update it is on %s with handler %s", f.Runtime, *f.Handler)
		}
	})
}

// TestAnswers checks the errors, the log and its clock.
func TestAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lambdatest.New("a")
		l.Create("new", func(f *types.FunctionConfiguration) { f.State = types.StatePending })
		l.Latency, l.Upload = time.Second, time.Minute
		l.Reads, l.Writes = rate.NewLimiter(0, 3), rate.NewLimiter(0, 2)
		l.Before = func(call lambdatest.Call) *lambdatest.Error {
			if call.Operation == lambdatest.List {
				return &lambdatest.Error{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: "not authorized"}
			}
			return nil
		}
		c := client(l)
		get := func(ctx context.Context, name string) error {
			_, err := c.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: &name})
			return err
		}
		update := func(name string) error {
			_, err := c.UpdateFunctionCode(t.Context(), &sdk.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: []byte("zip")})
			return err
		}
		list := func() error {
			_, err := c.ListFunctions(t.Context(), nil)
			return err
		}
		impatient, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if err := get(impatient, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a call that is given up: %v", err)
		}
		for _, test := range []struct {
			name string
			err  error
			want string
		}{
			{"a function that does not exist", get(t.Context(), "b"), "ResourceNotFoundException"},
			{"a deleted function", func() error { l.Delete("a"); return get(t.Context(), "a") }(), "ResourceNotFoundException"},
			{"a read beyond the quota", get(t.Context(), "a"), "TooManyRequestsException"},
			{"a function that is being created", update("new"), "ResourceConflictException"},
			{"a call that Before refuses", list(), "AccessDeniedException"},
			{"a call beyond the quota", list(), "TooManyRequestsException"},
		} {
			if got := code(test.err); got != test.want {
				t.Errorf("%s: %v, want %s", test.name, test.err, test.want)
			}
		}
		want := []string{"1s get a", "2.5s get b", "4.5s get a", "6.5s get a", "68.5s code new", "70.5s list", "72.5s list"}
		if diff := cmp.Diff(want, l.Log()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		if l.Throttled() != 2 || l.Count()[lambdatest.Get] != 4 {
			t.Errorf("%d calls throttled, count %v", l.Throttled(), l.Count())
		}
		l.Reset()
		if len(l.Calls()) > 0 || l.Throttled() > 0 {
			t.Errorf("after a reset: %v", l.Calls())
		}
	})
}
