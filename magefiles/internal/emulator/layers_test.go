package emulator_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/emulator/zips"
)

// bridge is a bootstrap that starts what the handler names.
var bridge = script("bootstrap", `exec "$LAMBDA_TASK_ROOT/$_HANDLER"`+"\n")

// publishLayer publishes a layer with files and returns the ARN of its version.
func (b *bench) publishLayer(name string, files ...file) (arn string) {
	b.Helper()
	out, err := b.client.PublishLayerVersion(b.Context(), &lambda.PublishLayerVersionInput{
		LayerName: &name, Content: &types.LayerVersionContentInput{ZipFile: makeZip(b, files...)},
	})
	if err != nil {
		b.Fatalf("publishing layer %s: %v", name, err)
	}
	return *out.LayerVersionArn
}

// attach is a configuration with layers, and no others.
func attach(arns ...string) *lambda.UpdateFunctionConfigurationInput {
	return &lambda.UpdateFunctionConfigurationInput{Layers: append([]string{}, arns...)}
}

// deleteLayer deletes a version of a layer.
func (b *bench) deleteLayer(name string, version int64) {
	b.Helper()
	if _, err := b.client.DeleteLayerVersion(b.Context(), &lambda.DeleteLayerVersionInput{LayerName: &name, VersionNumber: &version}); err != nil {
		b.Fatalf("deleting version %d of layer %s: %v", version, name, err)
	}
}

// What can be started with a layer, without processes.
func TestStartableWithLayer(t *testing.T) {
	t.Parallel()
	const x86, arm = 62, 183
	program := file{"bin/main", 0o755, foreignELF(x86)}
	exec := func(lines string) []file { return []file{script("bootstrap", lines)} }
	for _, test := range []struct {
		name           string
		layer          []file
		code           file
		provided, go1x bool
	}{
		{"the bridge", []file{bridge}, program, true, true},
		{"braces", exec("# comment\n\nexec -- \"${LAMBDA_TASK_ROOT}/${_HANDLER}\"\n# end\n"), program, true, true},
		{"separate quotes and arguments", exec(`  exec "$LAMBDA_TASK_ROOT"/"$_HANDLER" "$@"`), program, true, true},
		{"no quotes", exec("export A=b\nexec $LAMBDA_TASK_ROOT/$_HANDLER"), program, true, true},
		{"a handler that is not executable", []file{bridge}, file{"bin/main", 0o644, foreignELF(x86)}, false, false},
		{"a handler for another machine", []file{bridge}, file{"bin/main", 0o755, foreignELF(arm)}, false, false},
		{"another file", []file{bridge}, file{"main", 0o755, foreignELF(x86)}, false, false},
		{"braces and another file", exec("exec -- \"${LAMBDA_TASK_ROOT}/${_HANDLER}\""), file{"main", 0o755, foreignELF(x86)}, false, false},
		{"a script for a handler", []file{bridge}, script("bin/main", "exit 0"), true, true},
		{"another script", exec("exec /opt/runtime"), file{"main", 0o644, nil}, true, false},
		{"a bridge that is not executable", []file{{"bootstrap", 0o644, bridge.content}}, program, false, true},
		{"a program", []file{{"bootstrap", 0o755, foreignELF(x86)}}, file{"main", 0o644, nil}, true, false},
		{"a program for another machine", []file{{"bootstrap", 0o755, foreignELF(arm)}}, program, false, true},
		{"no bootstrap", []file{{"data", 0o755, nil}}, program, false, true},
		{"a bootstrap in the package that is not executable", []file{bridge}, file{"bootstrap", 0o644, nil}, false, false},
		{"a bridge in the package", []file{{"bin/main", 0o755, foreignELF(x86)}}, bridge, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var served []string
			inBubble(t, emulator.Options{OnServe: func(d emulator.Deployment) {
				served = append(served, fmt.Sprint(d.Runtime, " ", d.Startable()))
			}}, func(b *bench) {
				arn := b.publishLayer("l", test.layer...)
				b.create(function("f", types.RuntimeProvidedal2, makeZip(t, test.code), func(in *lambda.CreateFunctionInput) {
					handler := "bin/main"
					in.Handler, in.Layers = &handler, []string{arn}
				}))
				b.configure(&lambda.UpdateFunctionConfigurationInput{Runtime: types.RuntimeGo1x}) // ignores the layer
			})
			if want := fmt.Sprintf("[provided.al2 %t go1.x %t]", test.provided, test.go1x); fmt.Sprint(served) != want {
				t.Errorf("got %v, want %s", served, want)
			}
		})
	}
}

// The package and the layers have one limit together, in every update.
func TestSizeWithLayers(t *testing.T) {
	inBubble(t, emulator.Options{Packages: zips.NewStore(t.TempDir(), 100)}, func(b *bench) {
		sized := func(n int) file { return file{"data", 0o644, make([]byte, n)} }
		both := []string{b.publishLayer("a", sized(40)), b.publishLayer("b", sized(40))}
		const message = "Function code combined with layers exceeds the maximum allowed size of 100 bytes. The actual size is 101 bytes."
		layers := func(in *lambda.CreateFunctionInput) { in.Layers = both }
		_, err := b.client.CreateFunction(b.Context(), function("f", types.RuntimeGo1x, makeZip(b, sized(21)), layers))
		wantError(b, err, 400, "InvalidParameterValueException", message)
		b.create(function("f", types.RuntimeGo1x, makeZip(b, sized(20)), layers))
		name := "f"
		_, err = b.client.UpdateFunctionCode(b.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: makeZip(b, sized(21))})
		wantError(b, err, 400, "InvalidParameterValueException", message)
		b.configure(attach())
		b.updateCode("f", makeZip(b, sized(21)))
		in := attach(both...)
		in.FunctionName = &name
		_, err = b.client.UpdateFunctionConfiguration(b.Context(), in)
		wantError(b, err, 400, "InvalidParameterValueException", message)
		_, err = b.client.PublishLayerVersion(b.Context(), &lambda.PublishLayerVersionInput{LayerName: &name, Content: &types.LayerVersionContentInput{ZipFile: makeZip(b, sized(101))}})
		wantError(b, err, 400, "InvalidParameterValueException", "Unzipped size must be smaller than 100 bytes")
	})
}
