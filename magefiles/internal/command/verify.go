package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/health"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/rollout"
	"example.com/dualboot/magefiles/internal/text"
)

// VerifyOptions are the options of Verify.
type VerifyOptions struct {
	Selection
}

// Verify compares CloudWatch's metrics of each function of an environment since
// its last change with those before, and writes them. The error names the
// functions that are not healthy. It is [fleet.ErrNotYet] if all others are, and
// some were changed too recently or are not migrated yet.
func (w Workspace) Verify(ctx context.Context, o VerifyOptions) (err error) {
	w, end := w.begin(ctx, "verify", o.Env)
	defer end(&err)
	s, err := w.open(ctx, o.Selection)
	if err != nil {
		return err
	}
	reading := s.UI.Stage("reading", "function", len(s.functions))
	fleet.Each(s.functions, defaultConcurrency, func(f *fleet.Function) {
		s.rollout.Observe(ctx, f)
		s.rollout.Look(ctx, f)
		if err := f.Observed.Insurance.Diverted(); err != nil && f.Err == nil {
			f.Fail(fleet.Verifying, "verifying", fmt.Errorf("%w; the metrics, which are of all versions, say nothing about %s; deploy it first", err, lambda.ProvidedAL2023))
		}
		reading.Done()
	})
	compared := s.compare(ctx, s.functions)
	var comparisons []health.Comparison
	var early, unmigrated []*fleet.Function
	var notBefore time.Time
	for _, f := range s.functions {
		c, ok := compared[f]
		if !ok {
			continue
		}
		if f.Observed.Runtime != lambda.ProvidedAL2023 {
			c = c.Unmigrated()
		}
		comparisons = append(comparisons, c)
		switch {
		case c.NotMigrated:
			unmigrated = append(unmigrated, f)
		case !c.NotBefore.IsZero():
			early = append(early, f)
			if c.NotBefore.After(notBefore) {
				notBefore = c.NotBefore
			}
		case !c.Healthy():
			f.Fail(fleet.Verifying, "verifying", problems(c))
		}
	}
	if err := s.UI.Health(comparisons, time.Now()); err != nil {
		return err
	}
	s.notef("the metrics include all versions and aliases of a function; calls: %s", s.calls())
	if len(early) > 0 {
		s.notef("not yet: %s changed a moment ago and can be judged from %s: %s", were(len(early)), text.Minute(notBefore), names(early))
	}
	if len(unmigrated) > 0 {
		s.notef("not migrated yet: %s: %s", text.Count(len(unmigrated), "function"), few(unmigrated))
	}
	if err := fleet.Errors(s.functions); err != nil || len(early)+len(unmigrated) == 0 {
		return err
	}
	return fleet.ErrNotYet
}

// problems returns why a function is not known to be healthy.
func problems(c health.Comparison) error {
	return errors.New(cmp.Or(c.Early, strings.Join(c.Problems, "; ")))
}

// gate refuses the functions that have something to do and are not healthy.
func (s *session) gate(ctx context.Context) {
	var pending []*fleet.Function
	for _, f := range s.functions {
		if rollout.Preview(f); f.Err == nil && len(f.Plan) > 0 {
			pending = append(pending, f)
		}
	}
	for f, c := range s.compare(ctx, pending) {
		if !c.Healthy() {
			f.Fail(fleet.Verifying, "refusing to clean up", fmt.Errorf("%w; pass -force to clean it up anyway", problems(c)))
		}
	}
}

// comparing limits the functions whose metrics are read at the same time.
const comparing = 16

// compare compares the metrics of the functions that were read.
func (s *session) compare(ctx context.Context, functions []*fleet.Function) map[*fleet.Function]health.Comparison {
	client := cloudwatch.NewFromConfig(s.client.Config)
	compared := map[*fleet.Function]health.Comparison{}
	var mu sync.Mutex
	measuring := s.UI.Stage("reading metrics", "function", len(functions))
	defer measuring.End()
	fleet.Each(functions, comparing, func(f *fleet.Function) {
		defer measuring.Done()
		if f.Err != nil {
			return
		}
		c, err := health.Compare(ctx, client, f.Observed)
		if err != nil {
			if ctx.Err() != nil {
				err = fleet.ErrInterrupted
			}
			f.Fail(fleet.Verifying, "verifying", err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		compared[f] = c
	})
	return compared
}
