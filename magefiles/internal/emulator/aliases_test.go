package emulator_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

func weights(w map[string]float64) *types.AliasRoutingConfiguration {
	return &types.AliasRoutingConfiguration{AdditionalVersionWeights: w}
}

// withVersions creates a function f with versions 1 and 2, which answer with
// their numbers. $LATEST equals version 2.
func withVersions(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, dualZip(t), variables(map[string]string{"TEXT": "1"})))
	b.publish("1")
	in := text("2")
	in.Runtime = types.RuntimeProvidedal2023
	b.configure(in)
	b.publish("2")
	return b
}

// alias creates an alias of f.
func (b *bench) alias(name, version string, routing *types.AliasRoutingConfiguration) {
	b.Helper()
	in := &lambda.CreateAliasInput{FunctionName: aws.String("f"), Name: &name, FunctionVersion: &version, RoutingConfig: routing}
	if _, err := b.client.CreateAlias(b.Context(), in); err != nil {
		b.Fatalf("creating alias %s: %v", name, err)
	}
}

// updateAlias changes the alias live of f.
func (b *bench) updateAlias(in lambda.UpdateAliasInput) {
	b.Helper()
	in.FunctionName, in.Name = aws.String("f"), aws.String("live")
	if _, err := b.client.UpdateAlias(b.Context(), &in); err != nil {
		b.Fatalf("updating the alias: %v", err)
	}
}

// executed invokes f:live n times and returns the versions that were executed.
func (b *bench) executed(n int) (versions string) {
	b.Helper()
	for range n {
		out := b.send("f:live", event{})
		version := *out.ExecutedVersion
		if want := strings.Replace(version, "$LATEST", "2", 1); !strings.Contains(string(out.Payload), `"Text":"`+want+`"`) {
			b.Errorf("version %s answers %s", version, out.Payload)
		}
		versions += version
	}
	return versions
}

func TestAlias(t *testing.T) {
	t.Parallel()
	b := withVersions(t)
	b.alias("live", "1", nil)
	version := b.get("f:1")
	version.FunctionArn = aws.String(arnOfF + ":live")
	if diff := cmp.Diff(version, b.get("f:live"), ignored); diff != "" {
		t.Errorf("f:live (-want +got):\n%s", diff)
	}
	if got := b.executed(1); got != "1" {
		t.Errorf("an alias of version 1 executes %s", got)
	}
	got := b.invoke("f:live", event{Do: "context"})
	if got.ARN != arnOfF+":live" {
		t.Errorf("invoked by its alias, the function sees %s", got.ARN)
	}
	if pid := b.invoke("f:1", event{}).Pid; pid != got.Pid {
		t.Error("alias and version do not share environments")
	}
	// An update takes effect with the next invocation.
	for _, version := range []string{"2", "$LATEST"} {
		b.updateAlias(lambda.UpdateAliasInput{FunctionVersion: &version})
		if got := b.executed(1); got != version {
			t.Errorf("an alias of version %s executes %s", version, got)
		}
	}
	if _, err := b.client.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: aws.String("f"), Name: aws.String("live")}); err != nil {
		t.Fatal(err)
	}
	_, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), Qualifier: aws.String("live")})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: "+arnOfF+":live")
}

// Weights distribute invocations in a fixed order. A dry run does not count.
func TestWeights(t *testing.T) {
	t.Parallel()
	b := withVersions(t)
	b.alias("live", "1", weights(map[string]float64{"2": 0.25}))
	executed := b.executed(1)
	if _, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f:live"), InvocationType: types.InvocationTypeDryRun}); err != nil {
		t.Fatal(err)
	}
	if executed += b.executed(8); executed != "111211121" {
		t.Errorf("with a weight of 0.25 versions %s are executed", executed)
	}
	for _, test := range []struct {
		weight float64
		want   string
	}{{0.5, "121212"}, {0.75, "122212"}, {1, "222222"}, {0, "111111"}} {
		b.updateAlias(lambda.UpdateAliasInput{RoutingConfig: weights(map[string]float64{"2": test.weight})})
		if got := b.executed(6); got != test.want {
			t.Errorf("with a weight of %v versions %s are executed, want %s", test.weight, got, test.want)
		}
	}
	if got := b.get("f:live"); *got.Version != "1" {
		t.Errorf("the API reports the alias as version %s", *got.Version)
	}
}
