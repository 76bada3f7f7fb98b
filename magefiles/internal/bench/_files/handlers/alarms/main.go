// Command alarms lists the alarms of CloudWatch that are on.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

const function = "f00"

func main() {
	lambda.Start(func(ctx context.Context) (names []string, err error) {
		cfg, err := config.LoadDefaultConfig(ctx, config.WithAppID(function))
		if err != nil {
			return nil, err
		}
		pages := cloudwatch.NewDescribeAlarmsPaginator(cloudwatch.NewFromConfig(cfg), &cloudwatch.DescribeAlarmsInput{StateValue: types.StateValueAlarm})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, alarm := range page.MetricAlarms {
				names = append(names, aws.ToString(alarm.AlarmName))
			}
		}
		return names, nil
	})
}
