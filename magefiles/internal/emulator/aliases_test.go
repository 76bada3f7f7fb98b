package emulator_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dualboot/magefiles/internal/emulator"
)

func weights(w map[string]float64) *types.AliasRoutingConfiguration {
	return &types.AliasRoutingConfiguration{AdditionalVersionWeights: w}
}

// withVersions has a function f with versions 1 and 2, which answer with their
// numbers, and $LATEST, which is version 2.
func withVersions(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, dualZip(t), variables(map[string]string{"TEXT": "1"})))
	b.publish("1")
	b.configure(&lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("f"), Runtime: types.RuntimeProvidedal2023,
		Environment: &types.Environment{Variables: map[string]string{"TEXT": "2"}},
	})
	b.publish("2")
	return b
}

func (b *bench) alias(in lambda.CreateAliasInput) *lambda.CreateAliasOutput {
	b.Helper()
	in.FunctionName = aws.String("f")
	out, err := b.client.CreateAlias(b.Context(), &in)
	if err != nil {
		b.Fatalf("creating alias %s: %v", *in.Name, err)
	}
	return out
}

func (b *bench) updateAlias(in lambda.UpdateAliasInput) *lambda.UpdateAliasOutput {
	b.Helper()
	in.FunctionName = aws.String("f")
	out, err := b.client.UpdateAlias(b.Context(), &in)
	if err != nil {
		b.Fatalf("updating alias %s: %v", *in.Name, err)
	}
	return out
}

func TestAlias(t *testing.T) {
	t.Parallel()
	b := withVersions(t)
	latest := b.get("f")
	created := b.alias(lambda.CreateAliasInput{Name: aws.String("live"), FunctionVersion: aws.String("1"), Description: aws.String("what callers use")})
	want := &lambda.GetAliasOutput{
		AliasArn: aws.String(arnOfF + ":live"), Name: aws.String("live"), FunctionVersion: aws.String("1"),
		Description: aws.String("what callers use"), RevisionId: created.RevisionId,
	}
	get := func() *lambda.GetAliasOutput {
		t.Helper()
		got, err := b.client.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("f"), Name: aws.String("live")})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	check := func() {
		t.Helper()
		if diff := cmp.Diff(want, get(), cmpopts.IgnoreFields(lambda.GetAliasOutput{}, "ResultMetadata"), cmpopts.IgnoreUnexported(lambda.GetAliasOutput{}, types.AliasRoutingConfiguration{})); diff != "" {
			t.Errorf("alias (-want +got):\n%s", diff)
		}
	}
	check()
	if got := b.get("f"); *got.RevisionId != *latest.RevisionId {
		t.Error("an alias has changed the revision of $LATEST")
	}

	// The function under the alias's name is the version.
	version := b.get("f:1")
	version.FunctionArn = aws.String(arnOfF + ":live")
	if diff := cmp.Diff(version, b.get("f:live"), ignored); diff != "" {
		t.Errorf("f:live (-want +got):\n%s", diff)
	}
	serves := func(number string) {
		t.Helper()
		out := b.send("f:live", event{})
		if *out.ExecutedVersion != number || !strings.Contains(string(out.Payload), `"Text":"`+number+`"`) {
			t.Errorf("version %s answers %s, want version %s", *out.ExecutedVersion, out.Payload, number)
		}
	}
	serves("1")
	got := b.invoke("f:live", event{Do: "context"})
	if got.ARN != arnOfF+":live" {
		t.Errorf("invoked by alias, the function saw %s", got.ARN)
	}
	if pid := b.invoke("f:1", event{}).Pid; pid != got.Pid {
		t.Error("alias and version do not share environments")
	}

	// An update changes what it names, and the revision, and serves at once.
	updated := b.updateAlias(lambda.UpdateAliasInput{Name: aws.String("live"), FunctionVersion: aws.String("2"), RevisionId: created.RevisionId})
	if *updated.RevisionId == *created.RevisionId {
		t.Error("an update does not change the revision")
	}
	want.FunctionVersion, want.RevisionId = aws.String("2"), updated.RevisionId
	check()
	serves("2")
	_, err := b.client.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String("1"), RevisionId: created.RevisionId})
	wantError(t, err, 412, "PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
	check()

	want.RoutingConfig, want.Description = weights(map[string]float64{"1": 0.25}), aws.String("")
	want.RevisionId = b.updateAlias(lambda.UpdateAliasInput{Name: aws.String("live"), RoutingConfig: want.RoutingConfig, Description: aws.String("")}).RevisionId
	check()
	want.RevisionId = b.updateAlias(lambda.UpdateAliasInput{Name: aws.String("live")}).RevisionId
	check()
	want.RoutingConfig = nil
	want.RevisionId = b.updateAlias(lambda.UpdateAliasInput{Name: aws.String("live"), RoutingConfig: weights(map[string]float64{})}).RevisionId
	check()
	want.FunctionVersion = aws.String("$LATEST")
	want.RevisionId = b.updateAlias(lambda.UpdateAliasInput{Name: aws.String("live"), FunctionVersion: aws.String("$LATEST")}).RevisionId
	check()
	if out := b.send("f:live", event{}); *out.ExecutedVersion != "$LATEST" {
		t.Errorf("an alias of $LATEST executes %s", *out.ExecutedVersion)
	}

	for range 2 { // the second time there is none
		if _, err := b.client.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: aws.String("f"), Name: aws.String("live")}); err != nil {
			t.Fatal(err)
		}
		_, err = b.client.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("f"), Name: aws.String("live")})
		wantError(t, err, 404, "ResourceNotFoundException", "Cannot find alias arn: "+arnOfF+":live")
	}
	if _, err := b.client.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: aws.String("none"), Name: aws.String("live")}); err != nil {
		t.Error(err)
	}
	_, err = b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), Qualifier: aws.String("live")})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: "+arnOfF+":live")
	_, err = b.client.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live")})
	wantError(t, err, 404, "ResourceNotFoundException", "Alias not found: "+arnOfF+":live")
}

func TestAliasRefused(t *testing.T) {
	t.Parallel()
	b := withVersions(t)
	b.alias(lambda.CreateAliasInput{Name: aws.String("taken"), FunctionVersion: aws.String("1"), RoutingConfig: weights(map[string]float64{"2": 0.5})})
	for _, test := range []struct {
		name          string
		edit          func(*lambda.CreateAliasInput)
		status        int
		code, message string
	}{
		{"taken", func(in *lambda.CreateAliasInput) { in.Name = aws.String("taken") },
			409, "ResourceConflictException", "Alias already exists: " + arnOfF + ":taken"},
		{"number", func(in *lambda.CreateAliasInput) { in.Name = aws.String("2024") },
			400, "ValidationException", "1 validation error detected: Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"},
		{"name", func(in *lambda.CreateAliasInput) { in.Name = aws.String("a b") },
			400, "ValidationException", ""},
		{"long name", func(in *lambda.CreateAliasInput) { in.Name = aws.String(strings.Repeat("x", 129)) },
			400, "ValidationException", ""},
		{"version", func(in *lambda.CreateAliasInput) { in.FunctionVersion = aws.String("taken") },
			400, "ValidationException", `1 validation error detected: Value 'taken' at 'functionVersion' failed to satisfy constraint: Member must satisfy regular expression pattern: (\$LATEST(\.PUBLISHED)?|[0-9]+)`},
		{"missing version", func(in *lambda.CreateAliasInput) { in.FunctionVersion = aws.String("10") },
			404, "ResourceNotFoundException", "Function not found: " + arnOfF + ":10"},
		{"missing function", func(in *lambda.CreateAliasInput) { in.FunctionName = aws.String("none") },
			404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none:1"},
		{"alias of a version", func(in *lambda.CreateAliasInput) { in.FunctionName = aws.String("f:1") },
			400, "InvalidParameterValueException", "The derived qualifier from the function name does not match the specified qualifier."},
		{"description", func(in *lambda.CreateAliasInput) { in.Description = aws.String(strings.Repeat("x", 257)) },
			400, "ValidationException", ""},
		{"two weights", func(in *lambda.CreateAliasInput) { in.RoutingConfig = weights(map[string]float64{"1": 0.8, "2": 0.2}) },
			400, "InvalidParameterValueException", "Number of items in AdditionalVersionWeights cannot be greater than 1"},
		{"large weight", func(in *lambda.CreateAliasInput) { in.RoutingConfig = weights(map[string]float64{"2": 1.5}) },
			400, "ValidationException", ""},
		{"negative weight", func(in *lambda.CreateAliasInput) { in.RoutingConfig = weights(map[string]float64{"2": -1}) },
			400, "ValidationException", ""},
		{"weight of itself", func(in *lambda.CreateAliasInput) { in.RoutingConfig = weights(map[string]float64{"1": 0.5}) },
			400, "InvalidParameterValueException", "Invalid function version 1. Function version 1 is already included in routing configuration."},
		{"weight of $LATEST", func(in *lambda.CreateAliasInput) { in.RoutingConfig = weights(map[string]float64{"$LATEST": 0.5}) },
			400, "ValidationException", ""},
		{"weight beside $LATEST", func(in *lambda.CreateAliasInput) {
			in.FunctionVersion, in.RoutingConfig = aws.String("$LATEST"), weights(map[string]float64{"1": 0.5})
		},
			400, "InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more than 1 version"},
		{"weight of a missing version", func(in *lambda.CreateAliasInput) { in.RoutingConfig = weights(map[string]float64{"10": 0.5}) },
			404, "ResourceNotFoundException", "Function not found: " + arnOfF + ":10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := &lambda.CreateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String("1")}
			test.edit(in)
			_, err := b.client.CreateAlias(t.Context(), in)
			wantError(t, err, test.status, test.code, test.message)
		})
	}

	// An update is checked against what the alias has already, and if it is
	// refused changes nothing.
	for version, message := range map[string]string{
		"2":  "Invalid function version 2. Function version 2 is already included in routing configuration.",
		"10": "Function not found: " + arnOfF + ":10",
	} {
		_, err := b.client.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{FunctionName: aws.String("f"), Name: aws.String("taken"), FunctionVersion: &version})
		if err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("moving the alias to %s: %v", version, err)
		}
	}
	out, err := b.client.ListAliases(t.Context(), &lambda.ListAliasesInput{FunctionName: aws.String("f")})
	if err != nil || len(out.Aliases) != 1 || *out.Aliases[0].FunctionVersion != "1" || out.Aliases[0].RoutingConfig.AdditionalVersionWeights["2"] != 0.5 {
		t.Errorf("%v, aliases are %+v", err, out.Aliases)
	}

	// What the SDK itself would not send.
	for _, test := range [][4]string{
		{"POST", "/aliases", `{"Name":"live"}`, "ValidationException"},
		{"POST", "/aliases", `{"FunctionVersion":"1"}`, "ValidationException"},
		{"POST", "/aliases", `{`, "SerializationException"},
		{"PUT", "/aliases/live", `{"Other":1}`, "InvalidParameterValueException"},
		{"GET", "/aliases/1", ``, "ValidationException"},
		{"GET", "/aliases/a%2Ftaken", ``, "ValidationException"},
	} {
		response := signed{method: test[0], path: "/2015-03-31/functions/f" + test[1], body: test[2]}.do(t, b)
		if got := response.Header.Get("X-Amzn-ErrorType"); response.StatusCode != 400 || got != test[3] {
			t.Errorf("%s %s with %s gives %s %s, want 400 %s", test[0], test[1], test[2], response.Status, got, test[3])
		}
	}
}

// Invocations are shared out in a fixed order, and only what runs counts.
func TestWeights(t *testing.T) {
	t.Parallel()
	b := withVersions(t)
	b.alias(lambda.CreateAliasInput{Name: aws.String("live"), FunctionVersion: aws.String("1"), RoutingConfig: weights(map[string]float64{"2": 0.25})})
	executed := func(n int) string {
		t.Helper()
		var got string
		for range n {
			out := b.send("f:live", event{})
			if !strings.Contains(string(out.Payload), `"Text":"`+*out.ExecutedVersion+`"`) {
				t.Errorf("version %s answers %s", *out.ExecutedVersion, out.Payload)
			}
			got += *out.ExecutedVersion
			if _, err := b.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f:live"), InvocationType: types.InvocationTypeDryRun}); err != nil {
				t.Fatal(err)
			}
		}
		return got
	}
	if got := executed(9); got != "111211121" {
		t.Errorf("with a weight of 0.25 versions %s executed", got)
	}
	for _, test := range []struct {
		weight float64
		want   string
	}{{0.5, "121212"}, {0.75, "122212"}, {1, "222222"}, {0, "111111"}} {
		b.updateAlias(lambda.UpdateAliasInput{Name: aws.String("live"), RoutingConfig: weights(map[string]float64{"2": test.weight})})
		if got := executed(6); got != test.want {
			t.Errorf("with a weight of %v versions %s executed, want %s", test.weight, got, test.want)
		}
	}
	if got := b.get("f:live"); *got.Version != "1" {
		t.Errorf("the alias is reported as version %s", *got.Version)
	}
}

func TestListAliases(t *testing.T) {
	t.Parallel()
	b := withVersions(t)
	for _, name := range []string{"c", "a", "b"} {
		b.alias(lambda.CreateAliasInput{Name: &name, FunctionVersion: aws.String("1"), RoutingConfig: weights(map[string]float64{"2": 0.5})})
	}
	b.alias(lambda.CreateAliasInput{Name: aws.String("d"), FunctionVersion: aws.String("2")})
	for _, test := range []struct {
		version string
		want    []string
	}{{"", []string{"a", "b", "c", "d"}}, {"1", []string{"a", "b", "c"}}, {"2", []string{"d"}}, {"3", nil}} {
		in := &lambda.ListAliasesInput{FunctionName: aws.String("f")}
		if test.version != "" {
			in.FunctionVersion = &test.version
		}
		var got []string
		p := lambda.NewListAliasesPaginator(b.client, in, func(o *lambda.ListAliasesPaginatorOptions) { o.Limit = 1 })
		for p.HasMorePages() {
			page, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Aliases) > 1 {
				t.Errorf("a page has %d aliases", len(page.Aliases))
			}
			for _, a := range page.Aliases {
				got = append(got, *a.Name)
			}
		}
		if !cmp.Equal(got, test.want) {
			t.Errorf("aliases of version %q are %s, want %s", test.version, got, test.want)
		}
	}
	_, err := b.client.ListAliases(t.Context(), &lambda.ListAliasesInput{FunctionName: aws.String("none")})
	wantError(t, err, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none")
}
