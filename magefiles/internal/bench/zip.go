package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// zip measures what is zipped, with all binaries built before.
func (b *bench) zip(ctx context.Context) error {
	f, err := b.fleet()
	if err != nil {
		return err
	}
	b.progress.Notef("zip: building the binaries")
	built, err := b.tool(f, nil, "build").run(ctx)
	if err != nil {
		return err
	}
	if err := layOut(f, built.stdout); err != nil {
		return fmt.Errorf("laying out the binaries for the recipe: %w", err)
	}
	removing := func(pattern string) func() error {
		return func() error { return removeAll(f.path(pattern)) }
	}
	ours := b.tool(f, nil, "zip")

	what := "zip, everything"
	all := b.turns(ctx, what,
		commands(dualboot, removing("bin/f*"), ours),
		b.recipe(f, recipeZip(), removing("recipe/*/lambda.zip")))
	b.add(versus(what, all[0], all[1], faster(3)))
	b.add(sizes(f, all[0], all[1]))

	what = "zip, nothing changed"
	unchanged := b.turns(ctx, what, commands(dualboot, nil, ours), b.recipe(f, recipeZip(), nil))
	b.add(versus(what, unchanged[0], unchanged[1], goal{}))
	return nil
}

// layOut puts the binaries that the tool says it has built where the recipe has
// its own.
func layOut(f *fleet, built string) error {
	for line := range strings.Lines(built) {
		var function struct {
			Name     string
			Binaries map[string]string
		}
		if err := json.Unmarshal([]byte(line), &function); err != nil {
			return err
		}
		for name, file := range function.Binaries {
			to := f.path("recipe/" + function.Name + "/" + name)
			if err := removeAll(to); err != nil {
				return err
			}
			if err := os.Link(f.path(file), to); err != nil {
				return err
			}
		}
	}
	return nil
}

// sizes compares the dual zips of both sides.
func sizes(f *fleet, ours, recipe result) row {
	const most = 1.05
	r := row{what: "dual zips", ours: ours.cell(), other: "recipe: " + recipe.cell(), goal: "≤ +5 %"}
	if len(ours.took) == 0 {
		return r
	}
	a, err := total(f.path("bin/*/lambda.zip"))
	if err != nil {
		r.ours = failed
		return r
	}
	r.ours = megabytes(a)
	if len(recipe.took) == 0 {
		return r
	}
	b, err := total(f.path("recipe/*/lambda.zip"))
	if err != nil {
		r.other = "recipe: " + failed
		return r
	}
	times := float64(a) / float64(b)
	r.other = "recipe: " + megabytes(b)
	r.ratio, r.missed = fmt.Sprintf("%+.1f %%", 100*(times-1)), times > most
	return r
}

// total returns the bytes of the files that match, of which there must be some.
func total(pattern string) (sum int64, err error) {
	files, err := filepath.Glob(pattern)
	if err == nil && len(files) == 0 {
		err = os.ErrNotExist
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return 0, err
		}
		sum += info.Size()
	}
	return sum, err
}

func removeAll(pattern string) error {
	files, err := filepath.Glob(pattern)
	for _, file := range files {
		err = errors.Join(err, os.RemoveAll(file))
	}
	return err
}
