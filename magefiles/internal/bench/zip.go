package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"example.com/dualboot/magefiles/internal/text"
)

// zip measures zips whose binaries are built already.
func (b *bench) zip(ctx context.Context) error {
	f := b.varied
	b.Progress("zip: building the binaries")
	if _, err := b.buildInto(ctx, f, "recipe"); err != nil {
		return err
	}
	ours := side{name: dualboot, run: b.tool(f, "zip").run}
	recipe := side{name: "recipe", missing: lacking("sh", "touch", "zip"), run: b.recipe(f, "zip", f.names).run}
	all, recipeAll := ours, recipe
	all.run, recipeAll.run = after(f.restorer("bin/*"), ours.run), after(f.restorer("recipe/*/*"), recipe.run)

	what := "zip, everything"
	zipped := b.measure(ctx, b.runs, what, all, recipeAll)
	b.row(what, zipped[0], zipped[1], wall, within(1./3))
	b.row("dual zips", zipped[0].sized(f.path("bin/*/lambda.zip")), zipped[1].sized(f.path("recipe/*/lambda.zip")), count, goal{
		text:   "≤ +5 %",
		ratio:  func(ours, recipe float64) string { return fmt.Sprintf("%+.1f %%", 100*(ours/recipe-1)) },
		missed: func(ours, recipe float64) bool { return ours/recipe > 1.05 },
	})

	what = "zip, nothing changed"
	unchanged := b.measure(ctx, b.runs, what, ours, recipe)
	b.row(what, unchanged[0], unchanged[1], wall, compared())
	return b.zipSharing(ctx)
}

// zipSharing measures zips of functions that share packages.
func (b *bench) zipSharing(ctx context.Context) error {
	f := b.sharing
	b.Progress("zip: building the binaries of shared packages")
	if _, err := b.tool(f, "build").run(ctx); err != nil {
		return err
	}
	unzip := f.restorer("bin/*")
	what := fmt.Sprintf("CPU time: zip, %s that share 4 packages", text.Count(len(f.names), "function"))
	sides := b.measure(ctx, b.runs, what,
		side{name: dualboot, run: after(unzip, b.tool(f, "zip").run)},
		side{name: "4 functions", run: after(unzip, b.tool(f, "zip", "-only="+strings.Join(f.names[:4], ",")).run)})
	b.row(what, sides[0], sides[1], cpu, within(1.3))
	return nil
}

// sized returns the side with the number of bytes that its last run has written
// to the files that match a pattern.
func (s side) sized(pattern string) side {
	var x sample
	files, _ := filepath.Glob(pattern)
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			x.count += info.Size()
		}
	}
	x.counted = megabytes(x.count)
	if len(s.samples) > 0 && x.count > 0 {
		s.samples = []sample{x}
	} else {
		s.samples = nil
	}
	return s
}
