package audit

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func sourceArn(service, name string) string {
	return "arn:aws:" + service + ":ap-northeast-1:123456789012:" + name
}

func TestMayLose(t *testing.T) {
	type config = types.EventSourceMappingConfiguration
	destination := &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("arn:aws:sqs:ap-northeast-1:123456789012:dead")}}
	const none = ", and there is no OnFailure destination"
	for _, test := range []struct {
		name    string
		service string
		config  config
		want    string
	}{
		{"nothing said", "kinesis", config{}, ""},
		{"the defaults", "kinesis", config{MaximumRetryAttempts: aws.Int32(-1), MaximumRecordAgeInSeconds: aws.Int32(-1)}, ""},
		{"no retries", "kinesis", config{MaximumRetryAttempts: aws.Int32(0)}, "MaximumRetryAttempts is 0" + none},
		{"retries", "dynamodb", config{MaximumRetryAttempts: aws.Int32(10000), MaximumRecordAgeInSeconds: aws.Int32(-1)}, "MaximumRetryAttempts is 10000" + none},
		{"age", "kinesis", config{MaximumRetryAttempts: aws.Int32(-1), MaximumRecordAgeInSeconds: aws.Int32(60)}, "MaximumRecordAgeInSeconds is 60" + none},
		{"both", "dynamodb", config{MaximumRetryAttempts: aws.Int32(3), MaximumRecordAgeInSeconds: aws.Int32(3600)}, "MaximumRetryAttempts is 3 and MaximumRecordAgeInSeconds is 3600" + none},
		{"both, kept", "kinesis", config{MaximumRetryAttempts: aws.Int32(3), MaximumRecordAgeInSeconds: aws.Int32(3600), DestinationConfig: destination}, ""},
		{"a destination of successes", "kinesis", config{MaximumRetryAttempts: aws.Int32(3), DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{}}}, "MaximumRetryAttempts is 3" + none},
		{"an empty destination", "kinesis", config{MaximumRetryAttempts: aws.Int32(3), DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{}}}, "MaximumRetryAttempts is 3" + none},
		{"kafka", "kafka", config{MaximumRetryAttempts: aws.Int32(5)}, "MaximumRetryAttempts is 5" + none},
		{"a queue", "sqs", config{MaximumRetryAttempts: aws.Int32(5)}, ""},
		{"a broker", "mq", config{}, ""},
	} {
		test.config.EventSourceArn = aws.String(sourceArn(test.service, "x"))
		if got := newEventSource(test.config).MayLose; got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestKind(t *testing.T) {
	for _, test := range []struct {
		config types.EventSourceMappingConfiguration
		want   string
	}{
		{types.EventSourceMappingConfiguration{EventSourceArn: aws.String(sourceArn("kinesis", "stream/s/consumer/c:1")), State: aws.String("Enabled")}, "kinesis arn:aws:kinesis:ap-northeast-1:123456789012:stream/s/consumer/c:1"},
		{types.EventSourceMappingConfiguration{EventSourceArn: aws.String(sourceArn("rds", "cluster:c"))}, "rds arn:aws:rds:ap-northeast-1:123456789012:cluster:c"},
		{types.EventSourceMappingConfiguration{
			EventSourceArn: aws.String(sourceArn("rds", "cluster:c")), DocumentDBEventSourceConfig: &types.DocumentDBEventSourceConfig{}, State: aws.String("Disabled"),
		}, "documentdb arn:aws:rds:ap-northeast-1:123456789012:cluster:c (Disabled)"},
		{types.EventSourceMappingConfiguration{UUID: aws.String("1-2"), SelfManagedEventSource: &types.SelfManagedEventSource{}}, "kafka mapping 1-2"},
		{types.EventSourceMappingConfiguration{UUID: aws.String("1-2")}, "unknown mapping 1-2"},
	} {
		if got := newEventSource(test.config).String(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestTarget(t *testing.T) {
	const arn = "arn:aws:lambda:ap-northeast-1:123456789012:function:"
	for arn, want := range map[string][2]string{
		arn + "f":           {"f", ""},
		arn + "f:$LATEST":   {"f", ""},
		arn + "f:12":        {"f", "12"},
		arn + "f:live":      {"f", "live"},
		arn + "f-1_x:Blue2": {"f-1_x", "Blue2"},
		"":                  {},
		"f":                 {},
	} {
		m := types.EventSourceMappingConfiguration{FunctionArn: &arn}
		name, qualifier := target(m)
		if name != want[0] || qualifier != want[1] {
			t.Errorf("%q: %q, %q, want %q", arn, name, qualifier, want)
		}
		if got, want := forAlias(m), want[1] == "live" || want[1] == "Blue2"; got != want {
			t.Errorf("%q: alias %v, want %v", arn, got, want)
		}
	}
}
