package lab

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// CreateLayer publishes a layer and returns the ARN of its version. The error is a
// *Refusal if Lambda refuses it.
func (l *Lab) CreateLayer(ctx context.Context, zip []byte) (arn string, err error) {
	r, err := l.add(LayerKind)
	if err != nil {
		return "", err
	}
	call, cancel := creating(ctx)
	defer cancel()
	a, err := answer("PublishLayerVersion", func() (*sdk.PublishLayerVersionOutput, error) {
		return l.options.Client.PublishLayerVersion(call, &sdk.PublishLayerVersionInput{
			LayerName:   &r.Name,
			Description: aws.String("created by the probe of dualboot, which deletes it; its flag -clean finds leftovers"),
			Content:     &types.LayerVersionContentInput{ZipFile: zip},
		})
	}, func(out *sdk.PublishLayerVersionOutput) any {
		arn = aws.ToString(out.LayerVersionArn)
		return struct{}{}
	})
	return arn, errors.Join(err, a.Err())
}
