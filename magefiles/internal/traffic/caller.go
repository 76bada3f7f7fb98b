package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// caller sends calls and waits for their answers. It is an open loop: a call is
// sent when it is due, whether or not earlier ones are answered. It does not
// retry.
type caller struct {
	invoker  Invoker
	options  Options
	template *template
	prefix   string // of the identifiers of this caller's calls
	tally    tally

	// Under the tally's mutex:
	echoes bool // some answer held the identifier of its request
	silent int  // good answers that held none
}

func newCaller(invoker Invoker, function string, t *template, o Options) *caller {
	return &caller{
		invoker:  invoker,
		options:  o,
		template: t,
		prefix:   uuid.NewString()[:24],
		tally:    tally{Report: Report{Function: function, Kind: t.kind}},
	}
}

// id is the identifier of the nth call, in the form of a UUID.
func (c *caller) id(n int) string { return fmt.Sprintf("%s%012x", c.prefix, n) }

func (c *caller) run(producing, invoking context.Context, first time.Time) {
	slots := make(chan struct{}, c.options.Concurrency)
	var calls sync.WaitGroup
	schedule(producing, first, c.options.interval, func(n int, due time.Time) {
		calls.Go(func() {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
				c.call(invoking, n, due)
			case <-invoking.Done():
				c.unsent()
			}
		})
	})
	calls.Wait()
}

// call makes the nth call.
func (c *caller) call(ctx context.Context, n int, due time.Time) {
	id := c.id(n)
	answer, failed := invoke(ctx, c.invoker, c.tally.Function, c.template.call(id))
	latency := time.Since(due)
	own := false
	if failed == nil && c.template.kind == API {
		own, failed = c.verify(id, answer)
	}
	c.tally.invoked(latency, failed)
	if failed != nil || c.template.kind != API {
		return
	}
	c.tally.mu.Lock()
	defer c.tally.mu.Unlock()
	if own {
		c.echoes = true
	} else {
		c.silent++
	}
}

// unsent counts a call that was due and found no slot until the end.
func (c *caller) unsent() {
	c.tally.mu.Lock()
	defer c.tally.mu.Unlock()
	c.tally.fail(&failure{kind: "not sent", err: errors.New("the call was due and could not be sent, since too many were waiting for answers")}, 1)
}

// verify says whether an answer holds the identifier of its own request. One
// that instead holds that of another request is a failure.
func (c *caller) verify(id string, answer []byte) (own bool, _ *failure) {
	var proxy struct {
		Body            []byte `json:"body"` // decodes base64
		IsBase64Encoded bool   `json:"isBase64Encoded"`
	}
	text := string(answer)
	if json.Unmarshal(answer, &proxy) == nil && proxy.IsBase64Encoded {
		text += "\n" + string(proxy.Body)
	}
	if strings.Contains(text, id) {
		return true, nil
	}
	if _, other, found := strings.Cut(text, c.prefix); found {
		return false, &failure{kind: "answer for another request", err: fmt.Errorf("the answer to request %s is for request %s%.12s", id, c.prefix, other)}
	}
	return false, nil
}

// report takes a function that has ever said for which request its answer is as
// one that always does: its other answers are then failures. Of a function
// that never does they are not, but cannot be verified either.
func (c *caller) report(bool) Report {
	r := c.tally.copy()
	c.tally.mu.Lock()
	defer c.tally.mu.Unlock()
	switch {
	case !c.echoes:
		r.Unverified = c.silent
	case c.silent > 0:
		r.fail(&failure{kind: "answer for no request", err: errors.New("the answer does not hold the identifier of its request, as others do")}, c.silent)
	}
	return r
}
