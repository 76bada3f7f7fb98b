package emulator_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// never is a quota of one call that does not come back while a test runs.
const never = 1e-9

func TestQuotas(t *testing.T) {
	t.Parallel()
	name := aws.String("f")
	t.Run("control plane", func(t *testing.T) {
		b := newBench(t, emulator.Options{Quotas: emulator.Quotas{ControlPlane: never}})
		b.create(function("f", types.RuntimeProvidedal2023, smallZip(t))) // the one call
		before := b.get("f")
		_, err := b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: dualZip(t)})
		wantError(t, err, 429, "TooManyRequestsException", "Rate exceeded")
		if e, ok := errors.AsType[*types.TooManyRequestsException](err); !ok || e.Reason != types.ThrottleReasonCallerRateLimitExceeded {
			t.Errorf("error %v has not the reason CallerRateLimitExceeded", err)
		}
		_, err = b.client.ListFunctions(t.Context(), nil)
		wantError(t, err, 429, "TooManyRequestsException", "Rate exceeded")
		b.send("f", event{}) // is not of the control plane
		if after := b.get("f"); *after.RevisionId != *before.RevisionId {
			t.Error("a refused update changed the function")
		}
		want := map[string]int{"CreateFunction": 1, "UpdateFunctionCode": 1, "ListFunctions": 1, "Invoke": 1, "GetFunction": 2}
		if diff := cmp.Diff(want, b.Calls()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if n := b.Throttled(); n != 2 {
			t.Errorf("%d throttled, want 2", n)
		}
	})
	t.Run("GetFunction", func(t *testing.T) {
		b := newBench(t, emulator.Options{Quotas: emulator.Quotas{GetFunction: never}})
		b.create(function("f", types.RuntimeProvidedal2023, smallZip(t)))
		b.get("f") // the one call
		_, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: name})
		wantError(t, err, 429, "TooManyRequestsException", "Rate exceeded")
		b.updateCode("f", smallZip(t))
	})
	t.Run("GetMetricData", func(t *testing.T) {
		b := newBench(t, emulator.Options{Quotas: emulator.Quotas{GetMetricData: never}})
		start, end := hours()
		ask := func() error {
			_, err := b.monitoring().GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
				MetricDataQueries: []cwtypes.MetricDataQuery{metric("a", "Errors", "Sum", 60, "FunctionName", "f")},
				StartTime:         start, EndTime: end,
			})
			return err
		}
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		wantError(t, ask(), 400, "ThrottlingException", "Rate exceeded")
	})
	t.Run("comes back", func(t *testing.T) {
		b := newBench(t, emulator.Options{Quotas: emulator.Quotas{ControlPlane: 2}})
		b.create(function("f", types.RuntimeProvidedal2023, smallZip(t)))
		list := func() error {
			_, err := b.client.ListFunctions(t.Context(), nil)
			return err
		}
		wantError(t, list(), 429, "TooManyRequestsException", "")
		eventually(t, "the quota comes back", func() bool { return list() == nil })
	})
	t.Run("negative", func(t *testing.T) {
		if _, err := emulator.Start(emulator.Options{Quotas: emulator.Quotas{GetFunction: -1}}); err == nil {
			t.Error("a negative quota is not refused")
		}
	})
}
