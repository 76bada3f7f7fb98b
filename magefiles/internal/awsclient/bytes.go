package awsclient

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// weigh counts the bytes in the bodies of requests while they are sent.
func (c *calls) weigh(cfg *aws.Config) {
	weigh := middleware.DeserializeMiddlewareFunc("CountBytes", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		// The request is the one of this attempt, and it is signed.
		if r, ok := in.Request.(*smithyhttp.Request); ok && r.GetStream() != nil && r.ContentLength > 0 {
			counted, err := r.SetStream(&countingReader{r.GetStream(), c})
			if err == nil {
				in.Request = counted
			}
		}
		return next.HandleDeserialize(ctx, in)
	})
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(weigh, middleware.Before)
	})
}

// countingReader counts what is read from it.
type countingReader struct {
	io.Reader
	calls *calls
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.calls.mu.Lock()
	defer r.calls.mu.Unlock()
	r.calls.bytes += int64(n)
	return n, err
}
