package emulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/emulator"
)

// shown is a time as version 1 of the AWS CLI shows it, or version 2.
func shown(v any) time.Time {
	if seconds, ok := v.(float64); ok {
		return time.Unix(int64(seconds), 0)
	}
	at, _ := time.Parse(time.RFC3339, fmt.Sprint(v))
	return at
}

// The AWS CLI speaks one of the protocols that CloudWatch's emulation does.
func TestCLIMetrics(t *testing.T) {
	t.Parallel()
	needCLI(t)
	b := newBench(t, emulator.Options{Region: "eu-west-1"})
	b.create(function("f", types.RuntimeProvidedal2023, dualZip(t)))
	b.invoke("f", event{})
	b.fail("f", event{Do: "error", Text: "x"})
	run, aws := awsCLI(b, t.TempDir())

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
	if err == nil || !strings.Contains(string(out), "An error occurred (InvalidParameterValueException) when calling the GetMetricData operation: statistic 'p99', of query 'q', is not implemented by the emulator") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestCLIEventSources(t *testing.T) {
	t.Parallel()
	needCLI(t)
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	_, aws := awsCLI(b, t.TempDir())
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
		t.Errorf("it starts at %v", at)
	}
	id := created["UUID"].(string)
	if got := aws("lambda", "update-event-source-mapping", "--uuid", id, "--enabled"); got["State"] != "Enabling" {
		t.Errorf("update-event-source-mapping: %v", got)
	}
	if got := aws("lambda", "delete-event-source-mapping", "--uuid", id); got["State"] != "Deleting" {
		t.Errorf("delete-event-source-mapping: %v", got)
	}
}
