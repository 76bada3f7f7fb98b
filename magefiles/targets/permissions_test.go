package targets_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// TestPermissions compares the actions that each target calls with those in the
// table and in the policy of the reference.
func TestPermissions(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `mage ([a-z]+)`[^|]*\\| (`[a-z0-9]+:.*`) \\|$").FindAllStringSubmatch(string(reference), -1) {
		for _, action := range strings.Split(row[2], ", ") {
			allowed[row[1]] = append(allowed[row[1]], strings.Trim(action, "`"))
		}
	}

	f := newStub(t, emulator.Options{Withdrawn: []string{"go1.x"}}, "order-stream", "nightly-report")
	f.replace("lambdas.json", `"prod": {`, `"prod": {"snapshot": true, `)
	f.create("order-stream", "nightly-report")
	if _, err := f.mapStream(t.Context(), "prod-order-stream"); err != nil {
		t.Fatal(err)
	}
	name := aws.String("prod-order-stream")
	if _, err := f.client.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: name}); err != nil {
		t.Fatal(err)
	}
	called := map[string][]string{}
	record := func(target string, args ...string) {
		t.Helper()
		before := f.server.Calls()
		cmd := f.command(append([]string{target}, args...)...)
		cmd.Env = append(cmd.Env, "AWS_PROFILE=our_prod", "AWS_REGION=ap-northeast-1")
		if _, _, stderr := result(t, cmd); !strings.Contains(stderr, "calls: ") && !strings.Contains(stderr, "lambdas.json written") {
			t.Errorf("%s %v did not finish: %s", target, args, stderr)
		}
		for operation, n := range f.server.Calls() {
			action, ok := map[string]string{
				"GetMetricData": "cloudwatch:GetMetricData", "ListRegions": "account:ListRegions", "AssumeRole": "sts:AssumeRole",
				"GetCallerIdentity": "", // which needs no permission
			}[operation]
			if !ok {
				action = "lambda:" + operation
			}
			if n > before[operation] && action != "" && !slices.Contains(called[target], action) {
				called[target] = append(called[target], action)
			}
		}
		slices.Sort(called[target])
	}

	record("audit")
	record("audit", "-regions=all")
	record("audit", "-accounts=111111111111", "-role=audit") // which refuses
	record("plan")
	record("status")
	record("deploy", "prod")
	record("rollback", "-yes") // AWS refuses it: the stream goes to the snapshot
	record("plan")
	record("deploy", "prod")
	f.must("deployProd")
	f.server.Age(5)
	record("verify")
	another := aws.String("prod-nightly-report")
	if _, err := f.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: another}); err != nil {
		t.Fatal(err)
	}
	f.create("nightly-report")
	record("deploy", "prod", "-first=1", "-wait=0s") // it judges order-stream, and does not start the other
	if _, err := f.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: another}); err != nil {
		t.Fatal(err)
	}
	zips, err := legacyZips()
	if err == nil {
		err = f.account.create(t.Context(), legacy(*another, zips["nightly-report"]))
	}
	if err != nil {
		t.Fatal(err)
	}
	record("plan", "-bridge")
	record("deploy", "prod", "-bridge") // AWS has not blocked the runtime
	f.expect("provided.al2023", "bootstrap", dual, "nightly-report")
	record("plan", "-cleanup")
	record("cleanup")
	record("cleanup", "-force")
	if err := os.Remove(f.path("lambdas.json")); err != nil {
		t.Fatal(err)
	}
	record("init")
	var table []string
	for _, actions := range allowed {
		slices.Sort(actions)
		table = append(table, actions...)
	}
	slices.Sort(table)
	// The policy has the actions of the table and no others.
	var policy []string
	for _, row := range regexp.MustCompile(`"Action": \[(.*)\]`).FindAllStringSubmatch(string(reference), -1) {
		for _, action := range strings.Split(row[1], ", ") {
			policy = append(policy, strings.Trim(action, `"`))
		}
	}
	slices.Sort(policy)
	if diff := cmp.Diff(slices.Compact(table), policy); diff != "" {
		t.Errorf("the policy allows other actions than the table (-table +policy):\n%s", diff)
	}
	// The calls to S3 are in testdata/script/bucket.txtar. UpdateFunctionConfiguration needs
	// GetLayerVersion, which is called besides if a stopped deploy has published the layer.
	allowed["deploy"] = slices.DeleteFunc(allowed["deploy"], func(action string) bool {
		return strings.HasPrefix(action, "s3:") || action == "lambda:GetLayerVersion"
	})
	if diff := cmp.Diff(allowed, called); diff != "" {
		t.Errorf("the table lists other actions than are called (-table +called):\n%s", diff)
	}
}
