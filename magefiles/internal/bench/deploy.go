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
	b.row(what, single[0], single[1], wall, compared())

	what = "deploy, " + text.Count(b.n, "function")
	var again side
	ours := b.measureOurs(ctx, b.runs, what, onCloud(f.names, unlimited, func(ctx context.Context, c *cloud) (sample, error) {
		first, err := c.migrate(ctx, b.tool(f, "deployProd"))
		if err != nil {
			return first, err
		}
		second, err := c.migrate(ctx, b.tool(f, "deployProd"))
		again.samples = append(again.samples, second)
		return first, err
	}))
	if ours.missing != "" {
		again = ours
	}
	// The recipe takes minutes.
	recipe := b.measure(ctx, 1, what,
		side{name: "recipe, once", missing: lacking, run: migration(f.names, unlimited, b.recipe(f, "deploy", f.names))})[0]
	asAbove := recipe.as("recipe, as above")
	alone, _ := single[0].median(wall)
	updates, others := updates(b.n-1, 1)
	b.row(what, ours, recipe, wall, compared())
	b.row(what, ours, calculated("1 function + "+updates, alone+others), wall, within(1.3))
	b.row("calls of "+what, ours, recipe, count, exactly(2*b.n, text.Count(2*b.n, "write")))
	b.row(what+" again", again, asAbove, wall, compared())
	b.row("calls of "+what+" again", again, asAbove, count, exactly(0, "0 writes"))
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
	b.Progress("deploy: zipping and deploying functions that share packages")
	_, err = c.migrate(ctx, b.tool(f, "deployProd"))
	_, bareErr := bare.run(ctx)
	if err := errors.Join(err, bareErr); err != nil {
		return err
	}

	what := fmt.Sprintf("deploy, %s that share 4 packages", text.Count(len(f.names), "unchanged function"))
	sides := b.measure(ctx, b.runs, what, side{name: dualboot, run: func(ctx context.Context) (sample, error) {
		x, err := c.migrate(ctx, b.tool(f, "deployProd"))
		if err == nil && x.count > 0 {
			err = fmt.Errorf("unchanged functions were updated: %s", x.counted)
		}
		return x, err
	}}, bare)
	seconds := float64(len(f.names)) / perSecond
	bound := calculated(fmt.Sprintf("%s at %d/s", text.Count(len(f.names), "read"), perSecond), seconds)
	if build, _ := sides[1].median(wall); build > seconds {
		bound = sides[1]
	}
	b.row(what, sides[0], bound, wall, within(1.2))
	return nil
}

// updates returns the name and the seconds of two updates for each function at
// a share of AWS's quota for them. Reads have a larger quota of their own.
func updates(functions int, share float64) (name string, seconds float64) {
	rate := share * emulator.AWSQuotas().ControlPlane
	return fmt.Sprintf("%s at %s/s", text.Count(2*functions, "update"), text.Digits(rate)), float64(2*functions) / rate
}
