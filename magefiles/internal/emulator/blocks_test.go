package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

const blockedGo1x = "The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions."

func TestBlockedRuntime(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Blocked: []string{"go1.x"}})
	b.create(function("f", types.RuntimeGo1x, dualZip(t)))
	b.create(function("other", types.RuntimeProvidedal2, dualZip(t)))
	configure := func(in *lambda.UpdateFunctionConfigurationInput) error {
		in.FunctionName = aws.String("f")
		_, err := b.client.UpdateFunctionConfiguration(t.Context(), in)
		return err
	}
	code := func(name string, dryRun bool) error {
		_, err := b.client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: smallZip(t), DryRun: dryRun})
		return err
	}
	before := b.get("f")
	wantError(t, code("f", false), 400, "InvalidParameterValueException", blockedGo1x)
	wantError(t, code("f", true), 400, "InvalidParameterValueException", blockedGo1x)
	wantError(t, configure(&lambda.UpdateFunctionConfigurationInput{Runtime: types.RuntimeGo1x, Timeout: aws.Int32(9)}), 400, "InvalidParameterValueException", blockedGo1x)
	if after := b.get("f"); *after.RevisionId != *before.RevisionId || *after.Timeout != *before.Timeout {
		t.Error("a refused update changed the function")
	}
	b.invoke("f", event{})
	if err := configure(&lambda.UpdateFunctionConfigurationInput{Timeout: aws.Int32(9)}); err != nil {
		t.Errorf("an update that leaves the runtime alone: %v", err)
	}
	if err := code("other", false); err != nil {
		t.Errorf("a function on another runtime: %v", err)
	}
	if err := configure(&lambda.UpdateFunctionConfigurationInput{Runtime: types.RuntimeProvidedal2023}); err != nil {
		t.Fatalf("moving to another runtime: %v", err)
	}
	b.invoke("f", event{})
	wantError(t, configure(&lambda.UpdateFunctionConfigurationInput{Runtime: types.RuntimeGo1x}), 400, "InvalidParameterValueException", blockedGo1x)
	if err := code("f", false); err != nil {
		t.Errorf("code on the new runtime: %v", err)
	}
}
