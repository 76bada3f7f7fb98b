package emulator_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// The AWS CLI uses the emulator through AWS_ENDPOINT_URL.
func TestCLI(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Region: "eu-west-1"})
	dir := t.TempDir()
	zip := filepath.Join(dir, "dual.zip")
	if err := os.WriteFile(zip, dualZip(t), 0o600); err != nil {
		t.Fatal(err)
	}
	run, aws := awsCLI(b, dir)
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"

	if got := aws("sts", "get-caller-identity"); got["Account"] != "123456789012" {
		t.Errorf("get-caller-identity: %v", got)
	}
	got := aws("lambda", "create-function", "--function-name", "f", "--runtime", "go1.x", "--handler", "lambda",
		"--role", role, "--zip-file", "fileb://"+zip, "--timeout", "30", "--environment", "Variables={TEXT=old}")
	if got["FunctionArn"] != arn || got["State"] != "Pending" {
		t.Errorf("create-function: %v", got)
	}
	aws("lambda", "update-function-configuration", "--function-name", "f", "--runtime", "provided.al2023")
	aws("lambda", "wait", "function-updated", "--function-name", "f")
	got = aws("lambda", "get-function", "--function-name", arn)
	if c := got["Configuration"].(map[string]any); c["Runtime"] != "provided.al2023" || c["LastUpdateStatus"] != "Successful" {
		t.Errorf("get-function: %v", got)
	}
	got = aws("lambda", "update-function-code", "--function-name", arn, "--zip-file", "fileb://"+zip, "--architectures", "x86_64")
	if got["LastUpdateStatus"] != "InProgress" {
		t.Errorf("update-function-code: %v", got)
	}
	got = aws("lambda", "list-functions")
	if functions := got["Functions"].([]any); len(functions) != 1 || functions[0].(map[string]any)["FunctionName"] != "f" {
		t.Errorf("list-functions: %v", got)
	}

	got = aws("lambda", "invoke", "--function-name", "f", "--qualifier", "$LATEST", "--log-type", "Tail", "--payload", `{"Do":"print","Text":"hello\n"}`, "out.json")
	log, _ := base64.StdEncoding.DecodeString(got["LogResult"].(string))
	if got["StatusCode"] != 200.0 || got["FunctionError"] != nil || !strings.Contains(string(log), "\nhello\n") {
		t.Errorf("invoke: %v\n%s", got, log)
	}
	var answer result
	content, err := os.ReadFile(filepath.Join(dir, "out.json"))
	if err == nil {
		err = json.Unmarshal(content, &answer)
	}
	if err != nil || answer.Text != "hello\n" {
		t.Errorf("the answer is %s, %v", content, err)
	}

	got = aws("lambda", "publish-layer-version", "--layer-name", "l", "--zip-file", "fileb://"+zip, "--compatible-runtimes", "provided.al2023")
	if got["LayerVersionArn"] != "arn:aws:lambda:eu-west-1:123456789012:layer:l:1" {
		t.Errorf("publish-layer-version: %v", got)
	}
	got = aws("lambda", "update-function-configuration", "--function-name", "f", "--layers", got["LayerVersionArn"].(string))
	if layers, _ := got["Layers"].([]any); len(layers) != 1 {
		t.Errorf("update-function-configuration --layers: %v", got)
	}

	// A version goes on serving through its alias when the function is updated.
	got = aws("lambda", "publish-version", "--function-name", "f", "--description", "the first")
	if got["Version"] != "1" || got["FunctionArn"] != arn+":1" {
		t.Errorf("publish-version: %v", got)
	}
	got = aws("lambda", "create-alias", "--function-name", "f", "--name", "live", "--function-version", "1")
	if got["AliasArn"] != arn+":live" {
		t.Errorf("create-alias: %v", got)
	}
	got = aws("lambda", "update-function-code", "--function-name", "f", "--zip-file", "fileb://"+zip, "--publish")
	if got["Version"] != "1" { // nothing has changed
		t.Errorf("update-function-code --publish: %v", got)
	}
	aws("lambda", "update-function-configuration", "--function-name", "f", "--environment", "Variables={TEXT=new}")
	for _, qualifier := range []string{"live", "1"} {
		got = aws("lambda", "invoke", "--function-name", "f", "--qualifier", qualifier, "--payload", "{}", "out.json")
		content, _ := os.ReadFile(filepath.Join(dir, "out.json"))
		if got["ExecutedVersion"] != "1" || !strings.Contains(string(content), `"Text":"old"`) {
			t.Errorf("invoke --qualifier %s: %v, %s", qualifier, got, content)
		}
	}
	aws("lambda", "publish-version", "--function-name", "f")
	aws("lambda", "update-alias", "--function-name", "f", "--name", "live", "--function-version", "2")
	got = aws("lambda", "get-function", "--function-name", "f", "--qualifier", "live")
	if c := got["Configuration"].(map[string]any); c["Version"] != "2" || c["FunctionArn"] != arn+":live" {
		t.Errorf("get-function --qualifier: %v", got)
	}
	aws("lambda", "delete-function", "--function-name", "f", "--qualifier", "1")
	got = aws("lambda", "list-versions-by-function", "--function-name", "f")
	if versions := got["Versions"].([]any); len(versions) != 2 || versions[1].(map[string]any)["Version"] != "2" {
		t.Errorf("list-versions-by-function: %v", got)
	}
	got = aws("lambda", "list-aliases", "--function-name", "f", "--function-version", "2")
	if aliases := got["Aliases"].([]any); len(aliases) != 1 {
		t.Errorf("list-aliases: %v", got)
	}
	aws("lambda", "delete-alias", "--function-name", "f", "--name", "live")

	out, err := run("lambda", "update-function-configuration", "--function-name", "f", "--revision-id", "stale")
	if err == nil || !strings.Contains(string(out), "An error occurred (PreconditionFailedException) when calling the UpdateFunctionConfiguration operation: The Revision Id provided does not match") {
		t.Errorf("%v: %s", err, out)
	}
}

// shown returns a time in the format of version 1 of the AWS CLI, or of version 2.
func shown(v any) time.Time {
	if seconds, ok := v.(float64); ok {
		return time.Unix(int64(seconds), 0)
	}
	at, _ := time.Parse(time.RFC3339, fmt.Sprint(v))
	return at
}

func TestCLIMetrics(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Region: "eu-west-1"})
	run, aws := awsCLI(b, t.TempDir())
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	b.invoke("f", event{})
	b.fail("f", event{Do: "error", Text: "x"})

	now := time.Now()
	base := now.Add(-30 * time.Minute).Truncate(time.Minute).UTC()
	query := func(stat string) []string {
		return []string{"cloudwatch", "get-metric-data",
			"--start-time", base.Format(time.RFC3339), "--end-time", now.Add(29 * time.Minute).UTC().Format(time.RFC3339),
			"--metric-data-queries", fmt.Sprintf(`[{"Id":"q","MetricStat":{"Metric":{"Namespace":"AWS/Lambda","MetricName":"Errors","Dimensions":[{"Name":"FunctionName","Value":"f"}]},"Period":3600,"Stat":%q}}]`, stat)}
	}
	got := aws(query("Average")...)
	results, _ := got["MetricDataResults"].([]any)
	if len(results) != 1 {
		t.Fatalf("get-metric-data: %v", got)
	}
	result := results[0].(map[string]any)
	times, _ := result["Timestamps"].([]any)
	delete(result, "Timestamps")
	if want := (map[string]any{"Id": "q", "Label": "Errors", "Values": []any{0.5}, "StatusCode": "Complete"}); !cmp.Equal(result, want) || len(times) != 1 {
		t.Errorf("get-metric-data: %v at %v", result, times)
	} else if !shown(times[0]).Equal(base) {
		t.Errorf("get-metric-data: at %v, want %s", times, base)
	}
	out, err := run(query("p99")...)
	if err == nil || !strings.Contains(string(out), "An error occurred (InvalidParameterValueException) when calling the GetMetricData operation: statistic 'p99' of query 'q' is not implemented by the emulator") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestCLIEventSources(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	_, aws := awsCLI(b, t.TempDir())
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	created := aws("lambda", "create-event-source-mapping", "--function-name", "f", "--event-source-arn", kinesisARN,
		"--starting-position", "AT_TIMESTAMP", "--starting-position-timestamp", "2024-01-31T15:05:00Z", "--maximum-retry-attempts", "2", "--no-enabled")
	if created["State"] != "Creating" || created["MaximumRetryAttempts"] != 2.0 {
		t.Errorf("create-event-source-mapping: %v", created)
	}
	listed, _ := aws("lambda", "list-event-source-mappings", "--function-name", "f")["EventSourceMappings"].([]any)
	if len(listed) != 1 {
		t.Fatalf("list-event-source-mappings: %v", listed)
	}
	created["State"] = "Disabled"
	if diff := cmp.Diff(created, listed[0]); diff != "" {
		t.Error(diff)
	}
	if at := created["StartingPositionTimestamp"]; shown(at).Unix() != 1706713500 {
		t.Errorf("StartingPositionTimestamp is %v", at)
	}
	id := created["UUID"].(string)
	if got := aws("lambda", "update-event-source-mapping", "--uuid", id, "--enabled"); got["State"] != "Enabling" {
		t.Errorf("update-event-source-mapping: %v", got)
	}
	if got := aws("lambda", "delete-event-source-mapping", "--uuid", id); got["State"] != "Deleting" {
		t.Errorf("delete-event-source-mapping: %v", got)
	}
}

// awsCLI runs the AWS CLI in a directory with the server of a bench and without
// the machine's configuration. run returns stdout and stderr; aws expects success
// and returns the JSON. Without an AWS CLI the test is skipped.
func awsCLI(b *bench, dir string) (run func(args ...string) ([]byte, error), aws func(args ...string) map[string]any) {
	if _, err := exec.LookPath("aws"); err != nil {
		b.Skip("there is no AWS CLI on PATH")
	}
	run = func(args ...string) ([]byte, error) {
		cmd := exec.Command("aws", append(args, "--output", "json")...)
		cmd.Dir = dir
		for _, pair := range os.Environ() {
			if !strings.HasPrefix(pair, "AWS_") {
				cmd.Env = append(cmd.Env, pair)
			}
		}
		cmd.Env = append(cmd.Env, b.Environment()...)
		cmd.Env = append(cmd.Env,
			"AWS_CONFIG_FILE="+filepath.Join(dir, "none"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "none"),
			"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1",
			"NO_PROXY=127.0.0.1",
		)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		return append(out, stderr.Bytes()...), err
	}
	aws = func(args ...string) map[string]any {
		b.Helper()
		out, err := run(args...)
		if err != nil {
			b.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		var v map[string]any
		if len(bytes.TrimSpace(out)) > 0 {
			b.decode(out, &v)
		}
		return v
	}
	return run, aws
}
