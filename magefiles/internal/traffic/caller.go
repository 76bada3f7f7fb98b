package traffic

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// caller sends calls when they are due, whether or not earlier ones are answered,
// up to a number of calls in flight. It does not retry.
type caller struct {
	*base
	prefix string // of the request IDs

	echoes bool // some answer identified its request
	silent int  // good answers that did not
}

func newCaller(b *base) *caller { return &caller{base: b, prefix: uuid.NewString()[:24]} }

func (c *caller) run(producing, invoking context.Context, first time.Time) {
	slots := make(chan struct{}, c.options.concurrency)
	var calls sync.WaitGroup
	for n, due := range c.options.schedule(producing, first) {
		calls.Go(func() {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
				id := fmt.Sprintf("%s%012x", c.prefix, n) // in the form of a UUID
				c.call(invoking, id, c.sample(n).event(id), due)
			case <-invoking.Done():
				c.mu.Lock()
				defer c.mu.Unlock()
				c.unsent(errors.New("a call was due and not sent: too many calls waited for their answers"))
			}
		})
	}
	calls.Wait()
}

func (c *caller) call(ctx context.Context, id string, event []byte, due time.Time) {
	answer, err := c.invoke(ctx, event)
	own := false
	if err == nil && c.kind == API {
		own, err = c.verify(id, answer)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.invoked(time.Since(due), err)
	switch {
	case err != nil || c.kind != API:
	case own:
		c.echoes = true
	default:
		c.silent++
	}
}

// verify reports whether an answer contains the ID of its request. It fails if the
// answer contains another ID instead, or is a server error.
func (c *caller) verify(id string, answer []byte) (own bool, _ error) {
	var proxy struct {
		StatusCode      int    `json:"statusCode"`
		Body            string `json:"body"`
		IsBase64Encoded bool   `json:"isBase64Encoded"`
	}
	text := string(answer)
	if json.Unmarshal(answer, &proxy) == nil && proxy.IsBase64Encoded {
		body, _ := base64.StdEncoding.DecodeString(proxy.Body)
		text += "\n" + string(body)
	}
	if proxy.StatusCode >= http.StatusInternalServerError {
		return false, functionErrorf("the answer is %d %.200s", proxy.StatusCode, proxy.Body)
	}
	if strings.Contains(text, id) {
		return true, nil
	}
	if _, other, found := strings.Cut(text, c.prefix); found {
		return false, fmt.Errorf("the answer to request %s is for request %s%.12s", id, c.prefix, other)
	}
	return false, nil
}

// current counts the answers without an ID: as failures if the function identifies
// the request in others, and as unverified otherwise.
func (c *caller) current() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.report
	switch {
	case !c.echoes:
		r.Unverified = c.silent
	case c.silent > 0:
		r.fail(errors.New("the answer does not identify its request, as others do"), c.silent)
	}
	return r
}
