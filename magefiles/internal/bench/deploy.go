package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/text"
)

// deploy measures the way to AWS without quotas, and without the settle delay,
// which the recipe does not have. Everything is built and zipped before.
func (b *bench) deploy(ctx context.Context) error {
	f, err := b.fleet()
	if err != nil {
		return err
	}
	if err := b.once(ctx, "deploy: building and zipping", b.tool(f, nil, "zip")); err != nil {
		return err
	}

	what := "deploy, 1 function"
	one := f.names[:1]
	ours := onCloud(dualboot, one, emulator.Quotas{}, func(ctx context.Context, c *cloud) (time.Duration, error) {
		u, _, err := c.run(ctx, b.tool(f, c.Environment(), "deployProd", "-only="+one[0]))
		return u.took, err
	})
	recipe, _ := b.recipeDeployment(f, one)
	single := b.turns(ctx, what, ours, recipe)
	b.add(versus(what, single[0], single[1], goal{}))

	what = "deploy, " + text.Count(b.n, "function")
	var made, madeAgain calls
	again := result{name: dualboot, missing: failed}
	ours = onCloud(dualboot, f.names, emulator.Quotas{}, func(ctx context.Context, c *cloud) (time.Duration, error) {
		first, n, err := c.run(ctx, b.tool(f, c.Environment(), "deployProd"))
		if err != nil {
			return 0, err
		}
		second, m, err := c.run(ctx, b.tool(f, c.Environment(), "deployProd"))
		if err != nil {
			return 0, fmt.Errorf("again: %w", err)
		}
		made, madeAgain, again.took = n, m, append(again.took, second.took)
		return first.took, nil
	})
	recipe, recipeMade := b.recipeDeployment(f, f.names)
	recipe.name, recipe.runs = "recipe, once", 1 // it takes long
	fleet := b.turns(ctx, what, ours, recipe)
	if len(fleet[0].took) == 0 {
		again.took = nil
	}
	asAbove := fleet[1]
	asAbove.name = "recipe, as above"
	b.add(
		versus(what, fleet[0], fleet[1], goal{}),
		versus(what, fleet[0], forced(single[0], b.n), within(1.3)),
		callsRow(what, fleet[0], made, fleet[1], *recipeMade, 2*b.n),
		versus(what+" again", again, asAbove, goal{}),
		callsRow(what+" again", again, madeAgain, asAbove, *recipeMade, 0),
	)
	return nil
}

// recipeDeployment is the side of the recipe, and the calls that it makes.
func (b *bench) recipeDeployment(f *fleet, names []string) (side, *calls) {
	made := new(calls)
	s := onCloud("recipe", names, emulator.Quotas{}, func(ctx context.Context, c *cloud) (time.Duration, error) {
		u, n, err := c.run(ctx, recipeDeploy().command(f, slices.Concat(b.env, c.Environment()), names))
		*made = n
		return u.took, err
	})
	s.missing = recipeDeploy().missing()
	return s, made
}

// forced is what a fleet takes at least, by what one function takes: AWS takes
// two updates of each function of the rest one after another.
func forced(one result, n int) result {
	rest := updates(n-1, 1)
	r := result{name: "1 function + " + rest.name, missing: one.missing}
	if len(one.took) > 0 {
		r.took = []time.Duration{median(one.took) + median(rest.took)}
	}
	return r
}

// updates is how long the updates of a migration take at a share of AWS's quota.
// The reads have a larger quota of their own.
func updates(functions int, share float64) result {
	rate := share * emulator.AWSQuotas().ControlPlane
	return known(fmt.Sprintf("%d updates at %s/s", 2*functions, digits(rate)), atRate(2*functions, rate))
}

// atRate is how long so many calls take.
func atRate(calls int, perSecond float64) time.Duration {
	return time.Duration(float64(calls) / perSecond * float64(time.Second))
}

// callsRow compares the calls that both sides have made.
func callsRow(what string, ours result, made calls, recipe result, recipeMade calls, writes int) row {
	r := row{
		what:   "calls of " + what,
		ours:   made.String(),
		other:  recipe.name + ": " + recipeMade.String(),
		goal:   fmt.Sprintf("%d writes", writes),
		missed: len(ours.took) > 0 && made.writes != writes,
	}
	if len(ours.took) == 0 {
		r.ours = ours.cell()
	}
	if len(recipe.took) == 0 {
		r.other = recipe.name + ": " + recipe.cell()
	}
	return r
}
