package bench

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/modfile"

	"example.com/dualboot/magefiles/internal/emulator"
)

// start measures how soon a command responds.
func (b *bench) start(ctx context.Context) error {
	const limit = 0.3 // seconds
	adopter := b.adopter()
	empty := b.newFleet("empty", 1, 1, 0)
	empty.write("magefiles/magefile.go", "package main\n\nfunc Nothing() {}\n")
	c, err := openCloud(ctx, adopter.names, emulator.Quotas{})
	if err != nil {
		return err
	}
	defer c.Close()

	what := "status of 1 function, compiled by `mage -compile`"
	status := b.measureOurs(ctx, b.runs, what, b.tool(adopter, "status").with(c.Environment()...).run)
	soon := goal{text: "≤ 300ms", missed: func(took, _ float64) bool { return took > limit }}
	b.row(what+", until its first line", status, side{}, first, soon)
	b.row(what, status, side{}, wall, soon)

	ours := b.script(adopter, b.Go, "tool", "mage", "status").with(c.Environment()...)
	nothing := b.script(empty, b.Go, "tool", "mage", "nothing")
	b.Progress("start: compiling the targets of an adopter, and an empty target")
	_, err = ours.run(ctx)
	_, emptyErr := nothing.run(ctx)
	if err := errors.Join(err, emptyErr); err != nil {
		return err
	}
	what = "status of 1 function, by `go tool mage`"
	sides := b.measure(ctx, b.runs, what, side{name: dualboot, run: ours.run}, side{name: "an empty target", run: nothing.run})
	b.row(what, sides[0], sides[1], wall, goal{
		text:   "≤ +300ms",
		ratio:  func(ours, empty float64) string { return fmt.Sprintf("%+.0fms", 1000*(ours-empty)) },
		missed: func(ours, empty float64) bool { return ours-empty > limit },
	})
	return nil
}

// adopter returns a repository that imports the targets.
func (b *bench) adopter() *fleet {
	f := b.newFleet("adopter", 1, 1, 0)
	f.write("go.mod", fmt.Sprintf("%s\nrequire %s v0.0.0\n\nreplace %[2]s => %s\n", b.goMod, b.module, modfile.AutoQuote(b.Root)))
	f.write("magefiles/magefile.go", fmt.Sprintf("package main\n\nimport (\n\t//mage:import\n\t_ %q\n)\n", b.module+"/magefiles/targets"))
	return f
}
