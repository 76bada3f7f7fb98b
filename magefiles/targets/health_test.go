package targets_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/encoding/cbor"

	"example.com/dualboot/magefiles/internal/emulator"
)

// TestHealth cleans up what runs as well as before, and not what fails or is
// not invoked.
func TestHealth(t *testing.T) {
	if !canRun {
		t.Skip("this machine cannot run linux/amd64 binaries")
	}
	t.Parallel()
	names := []string{"example-api", "order-stream", "nightly-report"}
	f := newFixture(t, emulator.Options{}, names...)
	f.create(names...)
	f.must("deployProd")
	manifest := f.read("lambdas.json")
	if status, _, stderr := f.run("cleanup"); status != 1 || !strings.Contains(stderr, "CloudWatch counts by the minute and none has passed since the change") {
		t.Errorf("cleanup after a moment has exit status %d:\n%s", status, stderr)
	}

	type verdict struct {
		FunctionName string
		Healthy      bool
		Problems     []string
		After        struct{ Invocations, Errors int }
	}
	f.server.Age(5)
	for name, payload := range map[string]string{"example-api": `{"httpMethod": 1}`, "order-stream": f.read("functions/order-stream/testdata/event.json")} {
		if _, err := f.client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("prod-" + name), Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
	}
	f.server.Age(2)
	status, stdout, stderr := f.run("verify")
	if status != 1 || !strings.Contains(stderr, `verifying "prod-example-api": `) {
		t.Fatalf("verify has exit status %d\n%s", status, stderr)
	}
	got := decode[verdict](t, stdout)
	if len(got) != len(names) {
		t.Fatalf("verify says of %d functions:\n%s", len(got), stdout)
	}
	for i, want := range []string{"errors rose from 0 of 0 (0 %) to ", "", "not invoked since "} {
		problems := strings.Join(got[i].Problems, "\n")
		if got[i].Healthy != (want == "") || !strings.HasPrefix(problems, want) {
			t.Errorf("%s has problems %q, want %q", names[i], problems, want)
		}
	}
	if api := got[0].After; api.Invocations == 0 || api.Errors != api.Invocations {
		t.Errorf("%d of %d invocations failed, want all", api.Errors, api.Invocations)
	}

	// What CloudWatch does not tell is not taken for health.
	before := f.writes()
	cmd := f.command("cleanup")
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+f.through(func(w http.ResponseWriter, r *http.Request, forward http.Handler, _ string, _ int) bool {
		if !strings.HasSuffix(r.URL.Path, "/GetMetricData") {
			return false
		}
		body := cbor.Encode(cbor.Map{"__type": cbor.String("AccessDenied"), "message": cbor.String("as the test wants it")})
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		w.WriteHeader(http.StatusForbidden)
		w.Write(body)
		return true
	}))
	if status, _, stderr := result(t, cmd); status != 1 || f.writes() != before || !strings.Contains(stderr, "allow the action cloudwatch:GetMetricData") {
		t.Errorf("without metrics the exit status is %d, after %d updates:\n%s", status, f.writes()-before, stderr)
	}

	status, _, stderr = f.run("cleanup")
	for _, want := range []string{
		"1 changed, 0 unchanged, 2 failed", "Error: 2 of 3 functions failed:\n",
		`refusing to clean up "prod-example-api": errors rose from `, `refusing to clean up "prod-nightly-report": not invoked since `,
	} {
		if status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("cleanup has exit status %d, and does not say %q:\n%s", status, want, stderr)
		}
	}
	f.expect("provided.al2023", "bootstrap", onlyBootstrap, "order-stream")
	f.wantStages(map[string]string{"prod-example-api": "switched", "prod-order-stream": "clean", "prod-nightly-report": "switched"})
	if f.read("lambdas.json") != manifest {
		t.Error("a cleanup that is refused for some has changed lambdas.json")
	}
	f.startable()
}
