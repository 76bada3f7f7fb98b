// Package lab gives experiments functions on AWS that exist for a few minutes,
// records what AWS answers about them, and deletes them.
package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"example.com/dualboot/magefiles/internal/awsclient"
)

// Prefix is how the names of everything that a probe creates begin.
const Prefix = "dualboot-probe-"

// Tag is the tag of each function; its value is the ID of the run.
const Tag = "dualboot-probe"

// grace is how long a creation, and then the deletions, may go on after an
// interrupt: mage ends a target 5 s after Ctrl-C.
const grace = 2 * time.Second

// Options say how a run reaches AWS.
type Options struct {
	// Client sends calls below the quotas, and retries throttled ones.
	Client *sdk.Client
	// Unpaced does neither. It invokes functions, and measures quotas.
	Unpaced *sdk.Client
	// Role is the ARN of the execution role of the functions.
	Role string
	// Program is the path of the function's binary for linux/amd64.
	Program string
	// Journal is the directory for the list of what exists.
	Journal string
	// Account and Region are noted in the journal.
	Account, Region string
	// Poll is the interval between two reads of a function; default 200 ms.
	Poll time.Duration
}

// Run is one run of a probe. Everything that it creates has its ID in the name.
type Run struct {
	ID      string
	options Options
	journal *journal
	program compressed
}

// New starts a run. It sends nothing.
func New(o Options) (*Run, error) {
	if o.Poll == 0 {
		o.Poll = 200 * time.Millisecond
	}
	program, err := compressFile(o.Program)
	if err != nil {
		return nil, err
	}
	id := strings.ToLower(rand.Text()[:8])
	return &Run{ID: id, options: o, program: program, journal: newJournal(o.Journal, id, o.Account, o.Region)}, nil
}

// Lab is the part of a run that belongs to one experiment.
type Lab struct {
	*Run
	name string

	mu    sync.Mutex
	count int
	made  []Resource
}

// Enter returns a lab for the experiment of that name.
func (r *Run) Enter(name string) *Lab { return &Lab{Run: r, name: name} }

// Unpaced returns the client that neither waits for the quotas nor retries.
func (r *Run) Unpaced() *sdk.Client { return r.options.Unpaced }

// Close deletes what the lab has created, and returns an error for what is left.
// It goes on for a while after ctx is done.
func (l *Lab) Close(ctx context.Context) error {
	ctx, cancel := outlive(ctx)
	defer cancel()
	var group sync.WaitGroup
	errs := make([]error, len(l.made))
	for i, r := range l.made {
		group.Go(func() {
			if errs[i] = r.delete(ctx, l.options.Client, l.options.Poll); errs[i] == nil {
				errs[i] = l.journal.remove(r)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// add notes a resource before it is created.
func (l *Lab) add(kind Kind) (Resource, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	r := Resource{Kind: kind, Name: fmt.Sprintf("%s%s-%s-%d", Prefix, l.ID, l.name, l.count)}
	l.made = append(l.made, r)
	return r, l.journal.add(r)
}

// outlive returns a context that ends [grace] after ctx, or after two minutes.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return longer, func() { stop(); cancel() }
}

// creating returns a context for a call that creates something: it outlives ctx,
// so that Close knows of what the call has created, but the call is not sent after
// ctx is done.
func creating(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := outlive(ctx)
	return awsclient.Until(longer, ctx), cancel
}

// Sleep waits and returns the error of ctx if that is done before.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
