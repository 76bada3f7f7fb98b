package bench

import (
	"context"
	"errors"
	"fmt"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/text"
)

// deploy measures deploys of zips that exist already, without quotas and, like
// the recipe, without a settle delay.
func (b *bench) deploy(ctx context.Context) error {
	f, unlimited, lacking := b.varied, emulator.Quotas{}, lacking("sh", "aws", "jq")
	b.Progress("deploy: building and zipping")
	if _, err := b.tool(f, "zip").run(ctx); err != nil {
		return err
	}

	what, one := "deploy, 1 function", f.names[:1]
	single := b.measure(ctx, b.runs, what,
		side{name: dualboot, run: migration(one, unlimited, b.tool(f, "deployProd", "-only="+one[0]))},
		side{name: "recipe", missing: lacking, run: migration(one, unlimited, b.recipe(f, "deploy", one))})
	b.row(what, single[0].wall(), single[1].wall(), compared())

	what = "deploy, " + text.Count(b.n, "function")
	var again side
	ours := b.measure(ctx, b.runs, what, side{name: dualboot, run: onCloud(f.names, unlimited, func(ctx context.Context, c *cloud) (sample, error) {
		first, err := c.migrate(ctx, b.tool(f, "deployProd"))
		if err != nil {
			return first, err
		}
		second, err := c.migrate(ctx, b.tool(f, "deployProd"))
		again.samples = append(again.samples, second)
		return first, err
	})})[0]
	if ours.missing != "" {
		again = ours
	}
	// The recipe takes minutes.
	recipe := b.measure(ctx, 1, what, side{name: "recipe, once", missing: lacking, run: migration(f.names, unlimited, b.recipe(f, "deploy", f.names))})[0]
	rest := updates(b.n-1, 1)
	b.row(what, ours.wall(), recipe.wall(), compared())
	b.row(what, ours.wall(), duration("1 function + "+rest.name, single[0].wall().value+rest.value), within(1.3))
	b.row("calls of "+what, ours.count(), recipe.count(), exactly(2*b.n, text.Count(2*b.n, "write")))
	recipe.name = "recipe, as above"
	b.row(what+" again", again.wall(), recipe.wall(), compared())
	b.row("calls of "+what+" again", again.count(), recipe.count(), exactly(0, "0 writes"))
	return b.deployUnchanged(ctx)
}

// deployUnchanged measures deploys that only check what is built and read the
// functions.
func (b *bench) deployUnchanged(ctx context.Context) error {
	const perSecond = 90 // leaves a tenth of AWS's quota for GetFunction to others
	f, bare := b.sharing, b.bare(b.sharing)
	c, err := openCloud(ctx, f.names, emulator.Quotas{})
	if err != nil {
		return err
	}
	defer c.Close()
	deploy := func(ctx context.Context) (sample, error) { return c.migrate(ctx, b.tool(f, "deployProd")) }
	b.Progress("deploy: zipping and deploying functions that share packages")
	_, err = deploy(ctx)
	_, bareErr := bare.run(ctx)
	if err := errors.Join(err, bareErr); err != nil {
		return err
	}

	what := fmt.Sprintf("deploy, %s that share 4 packages", text.Count(len(f.names), "unchanged function"))
	sides := b.measure(ctx, b.runs, what, side{name: dualboot, run: deploy}, bare)
	bound := duration(fmt.Sprintf("%s at %d/s", text.Count(len(f.names), "read"), perSecond), float64(len(f.names))/perSecond)
	if build := sides[1].wall(); build.value > bound.value {
		bound = build
	}
	b.row(what, sides[0].wall(), bound, within(1.2))
	return nil
}

// updates returns the time of two updates for each function at a share of AWS's
// quota for them. Reads have a larger quota of their own.
func updates(functions int, share float64) figure {
	rate := share * emulator.AWSQuotas().ControlPlane
	return duration(fmt.Sprintf("%s at %s/s", text.Count(2*functions, "update"), text.Digits(rate)), float64(2*functions)/rate)
}
