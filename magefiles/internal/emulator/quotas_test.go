package emulator_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// one is a quota of one call for the whole of a test.
const one = 1e-9

func TestControlPlaneQuota(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Quotas: emulator.Quotas{ControlPlane: one}})
	b.create(function("f", types.RuntimeProvidedal2023, smallZip(t)))
	before := b.get("f")
	_, err := b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f"), ZipFile: dualZip(t)})
	wantError(t, err, 429, "TooManyRequestsException", "Rate exceeded")
	if e, ok := errors.AsType[*types.TooManyRequestsException](err); !ok || e.Reason != types.ThrottleReasonCallerRateLimitExceeded {
		t.Errorf("error %v does not have the reason CallerRateLimitExceeded", err)
	}
	_, err = b.client.ListFunctions(t.Context(), nil)
	wantError(t, err, 429, "TooManyRequestsException", "Rate exceeded")
	_, err = b.client.ListLayers(t.Context(), nil)
	wantError(t, err, 429, "TooManyRequestsException", "Rate exceeded")
	b.send("f", event{}) // does not belong to the control plane
	if after := b.get("f"); *after.RevisionId != *before.RevisionId {
		t.Error("a refused update changed the function")
	}
	want := map[string]int{"CreateFunction": 1, "UpdateFunctionCode": 1, "ListFunctions": 1, "ListLayers": 1, "Invoke": 1, "GetFunction": 2}
	if diff := cmp.Diff(want, b.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if n := b.Throttled(); n != 3 {
		t.Errorf("%d calls throttled, want 3", n)
	}
}

func TestGetFunctionQuota(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Quotas: emulator.Quotas{GetFunction: one}})
	b.create(function("f", types.RuntimeProvidedal2023, smallZip(t)))
	b.get("f")
	_, err := b.client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	wantError(t, err, 429, "TooManyRequestsException", "Rate exceeded")
	b.updateCode("f", smallZip(t))
}

func TestGetMetricDataQuota(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Quotas: emulator.Quotas{GetMetricData: one}})
	if _, err := b.monitoring.GetMetricData(t.Context(), lastHour(metric("a", "Errors", "Sum"))); err != nil {
		t.Fatal(err)
	}
	_, err := b.monitoring.GetMetricData(t.Context(), lastHour(metric("a", "Errors", "Sum")))
	wantError(t, err, 400, "ThrottlingException", "Rate exceeded")
}
