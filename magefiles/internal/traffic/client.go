package traffic

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// NewInvoker returns a client that sends each request once, without the SDK's
// retries, and keeps enough connections open for many functions at once. An
// HTTP client that is set in the configuration is used as it is, unless it is
// the SDK's own.
func NewInvoker(config aws.Config) Invoker {
	return lambda.NewFromConfig(config, func(o *lambda.Options) {
		o.Retryer = aws.NopRetryer{}
		own, ok := o.HTTPClient.(*awshttp.BuildableClient)
		if o.HTTPClient == nil {
			own, ok = awshttp.NewBuildableClient(), true
		}
		if ok {
			o.HTTPClient = own.WithTransportOptions(func(t *http.Transport) {
				t.MaxIdleConns, t.MaxIdleConnsPerHost = 1024, 1024
				t.IdleConnTimeout = time.Minute
			})
		}
	})
}
