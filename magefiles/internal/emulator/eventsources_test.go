package emulator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/dualboot/magefiles/internal/emulator"
)

const (
	kinesisARN  = "arn:aws:kinesis:us-east-1:123456789012:stream/orders"
	dynamoDBARN = "arn:aws:dynamodb:us-east-1:123456789012:table/inventory/stream/2024-01-15T00:00:00.000"
	queueARN    = "arn:aws:sqs:us-east-1:123456789012:mail"
)

func (b *bench) mapping(in *lambda.CreateEventSourceMappingInput) *lambda.CreateEventSourceMappingOutput {
	b.Helper()
	out, err := b.client.CreateEventSourceMapping(b.Context(), in)
	if err != nil {
		b.Fatalf("mapping %s to %s: %v", aws.ToString(in.EventSourceArn), aws.ToString(in.FunctionName), err)
	}
	return out
}

func (b *bench) getMapping(id *string) *lambda.GetEventSourceMappingOutput {
	b.Helper()
	out, err := b.client.GetEventSourceMapping(b.Context(), &lambda.GetEventSourceMappingInput{UUID: id})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// mappingDiff compares mappings but for what is different each time.
func mappingDiff(want, got any) string {
	return cmp.Diff(want, got,
		cmpopts.IgnoreTypes(middleware.Metadata{}),
		cmpopts.IgnoreUnexported(lambda.CreateEventSourceMappingOutput{}, lambda.GetEventSourceMappingOutput{}, lambda.UpdateEventSourceMappingOutput{},
			types.DestinationConfig{}, types.OnFailure{}, types.FilterCriteria{}, types.Filter{}),
		cmpopts.IgnoreFields(lambda.CreateEventSourceMappingOutput{}, "UUID", "EventSourceMappingArn", "LastModified"))
}

func TestEventSourceDefaults(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	stream := lambda.CreateEventSourceMappingOutput{
		FunctionArn:                    aws.String("arn:aws:lambda:us-east-1:123456789012:function:f"),
		BatchSize:                      aws.Int32(100),
		BisectBatchOnFunctionError:     aws.Bool(false),
		DestinationConfig:              &types.DestinationConfig{OnFailure: &types.OnFailure{}},
		FunctionResponseTypes:          []types.FunctionResponseType{},
		LastProcessingResult:           aws.String("No records processed"),
		MaximumBatchingWindowInSeconds: aws.Int32(0),
		MaximumRecordAgeInSeconds:      aws.Int32(-1),
		MaximumRetryAttempts:           aws.Int32(-1),
		ParallelizationFactor:          aws.Int32(1),
		State:                          aws.String("Creating"),
		StateTransitionReason:          aws.String("User action"),
		TumblingWindowInSeconds:        aws.Int32(0),
	}
	kinesis, dynamoDB := stream, stream
	kinesis.EventSourceArn, kinesis.StartingPosition = aws.String(kinesisARN), "LATEST"
	dynamoDB.EventSourceArn, dynamoDB.StartingPosition = aws.String(dynamoDBARN), "TRIM_HORIZON"
	for _, want := range []*lambda.CreateEventSourceMappingOutput{&kinesis, &dynamoDB, {
		EventSourceArn:                 aws.String(queueARN),
		FunctionArn:                    stream.FunctionArn,
		BatchSize:                      aws.Int32(10),
		FunctionResponseTypes:          []types.FunctionResponseType{},
		MaximumBatchingWindowInSeconds: aws.Int32(0),
		State:                          aws.String("Creating"),
		StateTransitionReason:          aws.String("USER_INITIATED"),
	}} {
		got := b.mapping(&lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: want.EventSourceArn, StartingPosition: want.StartingPosition})
		if diff := mappingDiff(want, got); diff != "" {
			t.Errorf("%s: %s", *want.EventSourceArn, diff)
		}
		if *got.EventSourceMappingArn != "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:"+*got.UUID {
			t.Errorf("the mapping's ARN is %s", *got.EventSourceMappingArn)
		}
		if age := time.Since(*got.LastModified); age < -time.Second || age > time.Minute {
			t.Errorf("it was last modified at %s", got.LastModified)
		}
		if state := *b.getMapping(got.UUID).State; state != "Enabled" {
			t.Errorf("then it is %s", state)
		}
	}
}

func TestEventSourceSettings(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.publish("1")
	b.alias(lambda.CreateAliasInput{Name: aws.String("live"), FunctionVersion: aws.String("1")})
	b.create(function("g", types.RuntimeGo1x, smallZip(t)))
	at := time.Now().Add(-time.Hour).Truncate(time.Second).UTC()
	filters := &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"data":{"a":[1]}}`)}}}
	created := b.mapping(&lambda.CreateEventSourceMappingInput{
		FunctionName:                   aws.String("123456789012:function:f:live"),
		EventSourceArn:                 aws.String(kinesisARN),
		Enabled:                        aws.Bool(false),
		StartingPosition:               "AT_TIMESTAMP",
		StartingPositionTimestamp:      &at,
		BatchSize:                      aws.Int32(10000),
		MaximumBatchingWindowInSeconds: aws.Int32(300),
		ParallelizationFactor:          aws.Int32(10),
		MaximumRecordAgeInSeconds:      aws.Int32(60),
		MaximumRetryAttempts:           aws.Int32(0),
		TumblingWindowInSeconds:        aws.Int32(900),
		BisectBatchOnFunctionError:     aws.Bool(true),
		DestinationConfig:              &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String(queueARN)}},
		FunctionResponseTypes:          []types.FunctionResponseType{"ReportBatchItemFailures"},
		FilterCriteria:                 filters,
	})
	want := &lambda.GetEventSourceMappingOutput{
		UUID:                           created.UUID,
		EventSourceMappingArn:          created.EventSourceMappingArn,
		LastModified:                   created.LastModified,
		FunctionArn:                    aws.String("arn:aws:lambda:us-east-1:123456789012:function:f:live"),
		EventSourceArn:                 aws.String(kinesisARN),
		StartingPosition:               "AT_TIMESTAMP",
		StartingPositionTimestamp:      &at,
		BatchSize:                      aws.Int32(10000),
		MaximumBatchingWindowInSeconds: aws.Int32(300),
		ParallelizationFactor:          aws.Int32(10),
		MaximumRecordAgeInSeconds:      aws.Int32(60),
		MaximumRetryAttempts:           aws.Int32(0),
		TumblingWindowInSeconds:        aws.Int32(900),
		BisectBatchOnFunctionError:     aws.Bool(true),
		DestinationConfig:              &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String(queueARN)}},
		FunctionResponseTypes:          []types.FunctionResponseType{"ReportBatchItemFailures"},
		FilterCriteria:                 filters,
		LastProcessingResult:           aws.String("No records processed"),
		State:                          aws.String("Disabled"),
		StateTransitionReason:          aws.String("User action"),
	}
	if diff := mappingDiff(want, b.getMapping(created.UUID)); diff != "" {
		t.Error(diff)
	}

	update := func(in *lambda.UpdateEventSourceMappingInput, state string) {
		t.Helper()
		in.UUID = created.UUID
		out, err := b.client.UpdateEventSourceMapping(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if *out.State != state || out.LastModified.Before(*want.LastModified) {
			t.Errorf("the update answers %s of %s, want %s", *out.State, out.LastModified, state)
		}
		want.LastModified = out.LastModified
		if diff := mappingDiff(want, b.getMapping(created.UUID)); diff != "" {
			t.Error(diff)
		}
	}
	want.State = aws.String("Enabled")
	update(&lambda.UpdateEventSourceMappingInput{Enabled: aws.Bool(true)}, "Enabling")
	want.FunctionArn = aws.String("arn:aws:lambda:us-east-1:123456789012:function:g")
	want.MaximumRetryAttempts, want.BisectBatchOnFunctionError = aws.Int32(-1), aws.Bool(false)
	want.FilterCriteria, want.DestinationConfig = nil, &types.DestinationConfig{OnFailure: &types.OnFailure{}}
	want.FunctionResponseTypes = []types.FunctionResponseType{}
	update(&lambda.UpdateEventSourceMappingInput{
		FunctionName: aws.String("g"), MaximumRetryAttempts: aws.Int32(-1), BisectBatchOnFunctionError: aws.Bool(false),
		FilterCriteria: &types.FilterCriteria{}, DestinationConfig: &types.DestinationConfig{}, FunctionResponseTypes: []types.FunctionResponseType{},
	}, "Updating")
	want.State = aws.String("Disabled")
	update(&lambda.UpdateEventSourceMappingInput{Enabled: aws.Bool(false)}, "Disabling")

	_, err := b.client.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: created.UUID, Enabled: aws.Bool(true), BatchSize: aws.Int32(0)})
	wantError(t, err, 400, "ValidationException", "")
	if diff := mappingDiff(want, b.getMapping(created.UUID)); diff != "" {
		t.Errorf("an update that was refused changed it: %s", diff)
	}
}

func TestEventSourceRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	type input = lambda.CreateEventSourceMappingInput
	const validation, parameter = "ValidationException", "InvalidParameterValueException"
	stream, queue := aws.String(dynamoDBARN), aws.String(queueARN)
	fifo := aws.String(queueARN + ".fifo")
	filter := func(pattern string) *types.FilterCriteria {
		return &types.FilterCriteria{Filters: []types.Filter{{Pattern: &pattern}}}
	}
	for _, test := range []struct {
		in            input
		code, message string
	}{
		{input{}, parameter, "Unrecognized event source."},
		{input{EventSourceArn: aws.String("nothing")}, parameter, "Unrecognized event source."},
		{input{EventSourceArn: aws.String("arn:aws:mq:us-east-1:123456789012:broker:b:b-1")}, parameter, ""},
		{input{EventSourceArn: aws.String("arn:aws:dynamodb:us-east-1:123456789012:table/inventory")}, parameter, ""},
		{input{EventSourceArn: stream}, parameter, "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."},
		{input{EventSourceArn: stream, StartingPosition: "0"}, validation, "1 validation error detected: Value '0' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]"},
		{input{EventSourceArn: stream, StartingPosition: "AT_TIMESTAMP", StartingPositionTimestamp: aws.Time(time.Now())}, parameter, "Unsupported starting position for arn type: " + dynamoDBARN},
		{input{EventSourceArn: stream, StartingPosition: "LATEST", StartingPositionTimestamp: aws.Time(time.Now())}, parameter, "Timestamp only valid with StartingPosition AT_TIMESTAMP"},
		{input{EventSourceArn: aws.String(kinesisARN), StartingPosition: "AT_TIMESTAMP"}, parameter, ""},
		{input{EventSourceArn: aws.String(kinesisARN), StartingPosition: "AT_TIMESTAMP", StartingPositionTimestamp: aws.Time(time.Now().Add(time.Hour))}, parameter, ""},
		{input{EventSourceArn: queue, StartingPosition: "LATEST"}, parameter, "StartingPosition is not valid for SQS event sources."},
		{input{EventSourceArn: queue, BatchSize: aws.Int32(10001)}, validation, ""},
		{input{EventSourceArn: queue, BatchSize: aws.Int32(11)}, parameter, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"},
		{input{EventSourceArn: fifo, BatchSize: aws.Int32(11), MaximumBatchingWindowInSeconds: aws.Int32(1)}, parameter, ""},
		{input{EventSourceArn: fifo, MaximumBatchingWindowInSeconds: aws.Int32(1)}, parameter, "Batching window is not supported for FIFO queues."},
		{input{EventSourceArn: queue, MaximumBatchingWindowInSeconds: aws.Int32(301)}, validation, ""},
		{input{EventSourceArn: queue, ParallelizationFactor: aws.Int32(1)}, parameter, "Unsupported ParallelizationFactor parameter for given event source mapping type."},
		{input{EventSourceArn: queue, BisectBatchOnFunctionError: aws.Bool(true)}, parameter, "Unsupported BisectBatchOnFunctionError parameter for given event source mapping type."},
		{input{EventSourceArn: queue, DestinationConfig: &types.DestinationConfig{}}, parameter, "Unsupported DestinationConfig parameter for given event source mapping type."},
		{input{EventSourceArn: queue, FilterCriteria: filter("[]")}, parameter, "Invalid filter pattern definition."},
		{input{EventSourceArn: queue, FilterCriteria: filter("")}, parameter, "Invalid filter pattern definition."},
		{input{EventSourceArn: queue, FunctionResponseTypes: []types.FunctionResponseType{"X"}}, validation, ""},
		{input{EventSourceArn: queue, FunctionResponseTypes: []types.FunctionResponseType{"ReportBatchItemFailures", "ReportBatchItemFailures"}}, validation, ""},
		{input{EventSourceArn: queue, ScalingConfig: &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)}}, parameter, `request member "ScalingConfig" is not implemented by the emulator`},
		{input{EventSourceArn: queue, Tags: map[string]string{"a": "b"}}, parameter, `request member "Tags" is not implemented by the emulator`},
		{input{EventSourceArn: stream, StartingPosition: "LATEST", DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{}}}, parameter, "Unsupported DestinationConfig parameter for given event source mapping type."},
		{input{EventSourceArn: stream, StartingPosition: "LATEST", ParallelizationFactor: aws.Int32(11)}, validation, ""},
		{input{EventSourceArn: stream, StartingPosition: "LATEST", MaximumRecordAgeInSeconds: aws.Int32(59)}, parameter, "MaximumRecordAgeInSeconds must be -1, or 60 or more"},
		{input{EventSourceArn: stream, StartingPosition: "LATEST", MaximumRecordAgeInSeconds: aws.Int32(604801)}, validation, ""},
		{input{EventSourceArn: stream, StartingPosition: "LATEST", MaximumRetryAttempts: aws.Int32(-2)}, validation, ""},
		{input{EventSourceArn: stream, StartingPosition: "LATEST", TumblingWindowInSeconds: aws.Int32(901)}, validation, ""},
	} {
		test.in.FunctionName = aws.String("f")
		_, err := b.client.CreateEventSourceMapping(t.Context(), &test.in)
		wantError(t, err, 400, test.code, test.message)
	}
	_, err := b.client.CreateEventSourceMapping(t.Context(), &input{FunctionName: aws.String("none:live"), EventSourceArn: queue})
	wantError(t, err, 400, "InvalidParameterValueException", "Function does not exist")
	if out, err := b.client.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{}); err != nil || len(out.EventSourceMappings) != 0 {
		t.Errorf("%v, %d mappings", err, len(out.EventSourceMappings))
	}
}

func TestEventSourceConflicts(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.publish("1")
	b.alias(lambda.CreateAliasInput{Name: aws.String("live"), FunctionVersion: aws.String("1")})
	create := func(name, source string, position types.EventSourcePosition) (*lambda.CreateEventSourceMappingOutput, error) {
		return b.client.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{FunctionName: &name, EventSourceArn: &source, StartingPosition: position})
	}
	queue, err := create("f", queueARN, "")
	if err != nil {
		t.Fatal(err)
	}
	stream, err := create("f", kinesisARN, "LATEST")
	if err != nil {
		t.Fatal(err)
	}
	_, err = create("123456789012:function:f", queueARN, "")
	wantError(t, err, 409, "ResourceConflictException", `An event source mapping with SQS arn (" `+queueARN+` ") and function (" f ") already exists. Please update or delete the existing mapping with UUID `+*queue.UUID)
	_, err = create("f", kinesisARN, "TRIM_HORIZON")
	wantError(t, err, 409, "ResourceConflictException", `The event source arn (" `+kinesisARN+` ") and function (" f ") provided mapping already exists. Please update or delete the existing mapping with UUID `+*stream.UUID)

	live, err := create("f:live", kinesisARN, "LATEST") // an alias is another target
	if err != nil {
		t.Fatal(err)
	}
	update := func(to string) error {
		_, err := b.client.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: live.UUID, FunctionName: &to})
		return err
	}
	if err := update("f:live"); err != nil {
		t.Errorf("a mapping is in conflict with itself: %v", err)
	}
	wantError(t, update("f"), 409, "ResourceConflictException", "")
	wantError(t, update("f:none"), 400, "InvalidParameterValueException", "Function does not exist")
	wantError(t, update("none"), 400, "InvalidParameterValueException", "Function does not exist")
}

func TestEventSourceDelete(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	m := b.mapping(&lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: aws.String(queueARN)})
	if _, err := b.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	if state := *b.getMapping(m.UUID).State; state != "Enabled" {
		t.Errorf("with its function gone a mapping is %s", state)
	}
	out, err := b.client.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: m.UUID})
	if err != nil || *out.State != "Deleting" || *out.UUID != *m.UUID {
		t.Errorf("%v, %+v", err, out)
	}
	const gone = "The resource you requested does not exist."
	_, err = b.client.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: m.UUID})
	wantError(t, err, 404, "ResourceNotFoundException", gone)
	_, err = b.client.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: m.UUID})
	wantError(t, err, 404, "ResourceNotFoundException", gone)
	_, err = b.client.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: m.UUID})
	wantError(t, err, 404, "ResourceNotFoundException", gone)
	want := map[string]int{"CreateFunction": 1, "DeleteFunction": 1, "CreateEventSourceMapping": 1, "GetEventSourceMapping": 2, "UpdateEventSourceMapping": 1, "DeleteEventSourceMapping": 2}
	if got := b.Calls(); !cmp.Equal(got, want) {
		t.Errorf("calls are %v, want %v", got, want)
	}
}

func TestEventSourceList(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.create(function("f", types.RuntimeGo1x, smallZip(t)))
	b.publish("1")
	b.alias(lambda.CreateAliasInput{Name: aws.String("live"), FunctionVersion: aws.String("1")})
	b.create(function("g", types.RuntimeGo1x, smallZip(t)))
	for i := range 101 {
		b.mapping(&lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: aws.String(fmt.Sprint(queueARN, i))})
	}
	b.mapping(&lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f:live"), EventSourceArn: aws.String(queueARN + "0")})
	b.mapping(&lambda.CreateEventSourceMappingInput{FunctionName: aws.String("g"), EventSourceArn: aws.String(queueARN + "0")})

	for _, test := range []struct {
		function, source string
		max              int32
		want             []int // by page
	}{
		{"", "", 0, []int{100, 3}},
		{"", "", 10000, []int{100, 3}},
		{"", "", 51, []int{51, 51, 1}},
		{"f", "", 0, []int{100, 1}},
		{"arn:aws:lambda:us-east-1:123456789012:function:f:live", "", 0, []int{1}},
		{"g", "", 1, []int{1}},
		{"none", "", 0, []int{0}},
		{"", queueARN + "0", 2, []int{2, 1}},
		{"", queueARN, 0, []int{0}},
		{"g", queueARN + "0", 0, []int{1}},
		{"g", queueARN + "1", 0, []int{0}},
	} {
		in := &lambda.ListEventSourceMappingsInput{}
		if test.function != "" {
			in.FunctionName = &test.function
		}
		if test.source != "" {
			in.EventSourceArn = &test.source
		}
		if test.max != 0 {
			in.MaxItems = &test.max
		}
		var got []int
		seen := map[string]bool{}
		for paginator := lambda.NewListEventSourceMappingsPaginator(b.client, in); paginator.HasMorePages(); {
			out, err := paginator.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, len(out.EventSourceMappings))
			for _, m := range out.EventSourceMappings {
				if seen[*m.UUID] || *m.State != "Enabled" {
					t.Errorf("%s is %s, seen before: %t", *m.UUID, *m.State, seen[*m.UUID])
				}
				seen[*m.UUID] = true
			}
		}
		if !cmp.Equal(got, test.want) {
			t.Errorf("%+v: got %v", test, got)
		}
	}
	for _, in := range []*lambda.ListEventSourceMappingsInput{
		{Marker: aws.String("!")}, {MaxItems: aws.Int32(0)}, {MaxItems: aws.Int32(10001)}, {FunctionName: aws.String("!")},
	} {
		if _, err := b.client.ListEventSourceMappings(t.Context(), in); err == nil {
			t.Errorf("%+v is not refused", in)
		}
	}
}
