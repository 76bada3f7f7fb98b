package quota

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// turn is what one call knows of its waiting.
type turn struct {
	stop context.Context
	sent bool // an attempt of it
}

type turnKey struct{}

// Until returns a context for one call, which waits for its turn only until
// stop is done, unless it has been sent before and is sent again. It then fails
// with [ErrNotSent]. What is on its way is not stopped.
func Until(ctx, stop context.Context) context.Context {
	return context.WithValue(ctx, turnKey{}, &turn{stop: stop})
}

// wait waits until an attempt of a call may be sent.
func wait(ctx context.Context, b *bucket) (err error) {
	t, _ := ctx.Value(turnKey{}).(*turn)
	if t == nil || t.sent {
		err = b.wait(ctx)
	} else {
		waiting, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(t.stop, cancel)()
		err = b.wait(waiting)
		if t.stop.Err() != nil {
			err = ErrNotSent
		}
		t.sent = err == nil
	}
	if err != nil {
		err = &aws.RequestCanceledError{Err: err} // which is not tried again
	}
	return err
}
