package awsclient

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// turn is the turn of one call.
type turn struct {
	stop context.Context
	sent bool // an attempt was sent
}

type turnKey struct{}

// Until returns a context for one call that fails with [ErrNotSent] if stop is
// done before its first attempt is sent. Later attempts are not stopped.
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
		err = &aws.RequestCanceledError{Err: err} // not retried
	}
	return err
}
