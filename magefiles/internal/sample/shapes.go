package sample

import (
	"embed"

	"example.com/dualboot/magefiles/internal/traffic"
)

//go:embed shapes/*.json
var shapes embed.FS

// shapeOf returns an event of the shape that a type of the package
// github.com/aws/aws-lambda-go/events describes, if it is one of the usual ones.
func shapeOf(eventType string) (Event, bool) {
	shape := map[string]struct {
		name, file string
		kind       traffic.Kind
	}{
		"KinesisEvent":             {"Kinesis", "kinesis.json", traffic.Kinesis},
		"DynamoDBEvent":            {"DynamoDB", "dynamodb.json", traffic.DynamoDB},
		"SQSEvent":                 {"SQS", "sqs.json", traffic.Event},
		"SNSEvent":                 {"SNS", "sns.json", traffic.Event},
		"S3Event":                  {"S3", "s3.json", traffic.Event},
		"CloudWatchEvent":          {"EventBridge", "eventbridge.json", traffic.Event},
		"EventBridgeEvent":         {"EventBridge", "eventbridge.json", traffic.Event},
		"APIGatewayProxyRequest":   {"API Gateway", "apigateway.json", traffic.API},
		"APIGatewayV2HTTPRequest":  {"API Gateway 2.0", "apigateway2.json", traffic.API},
		"LambdaFunctionURLRequest": {"function URL", "apigateway2.json", traffic.API},
	}[eventType]
	if shape.file == "" {
		return Event{}, false
	}
	data, err := shapes.ReadFile("shapes/" + shape.file)
	if err != nil {
		panic(err) // unreachable: the tests read all files
	}
	return Event{Origin: MadeUp, Shape: shape.name, JSON: data, Kind: shape.kind}, true
}
