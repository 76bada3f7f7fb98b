// Command whoami asks STS whose its credentials are.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const function = "f00"

func main() {
	lambda.Start(func(ctx context.Context) (string, error) {
		cfg, err := config.LoadDefaultConfig(ctx, config.WithAppID(function))
		if err != nil {
			return "", err
		}
		who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
		if err != nil {
			return "", err
		}
		return aws.ToString(who.Arn), nil
	})
}
