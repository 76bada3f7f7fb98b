package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// bare returns the builds that dualboot does, as people type them.
func (b *bench) bare(f *fleet) side {
	s := b.script(f).with("CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	flags := []string{b.Go, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}
	s.commands = [][]string{
		slices.Concat(flags, []string{"-o", "bare/lambda/", "./functions/..."}),
		slices.Concat(flags, []string{"-tags=lambda.norpc,timetzdata", "-o", "bare/bootstrap/", "./functions/..."}),
	}
	return side{name: "two bare `go build`", run: s.run}
}

// build measures builds whose packages are compiled already.
func (b *bench) build(ctx context.Context) error {
	f := b.varied
	compiled := b.measure(ctx, 1, "build, compiling",
		side{name: dualboot, run: b.tool(f, "build").run},
		side{name: "recipe", missing: lacking("sh"), run: b.recipe(f, "build", f.names).run},
		b.bare(f))
	ours, recipe, bare := compiled[0], compiled[1], compiled[2]

	what := "build, nothing changed"
	unchanged := b.measure(ctx, b.runs, what, ours, recipe, bare)
	b.row(what, unchanged[0], unchanged[1], wall, within(1./30))
	b.row(what, unchanged[0], unchanged[2], wall, within(2))

	// The recipe links all binaries each time, so it takes as long as above.
	what = "build, one function changed"
	ours.run = func(ctx context.Context) (sample, error) { return b.buildChange(ctx, f) }
	changed := b.measure(ctx, b.runs, what, ours)[0] // ours may have failed to compile
	b.row(what, changed, unchanged[1].as("recipe, as above"), wall, compared())
	b.row("binaries linked for one changed function", changed, side{}, count, exactly(2, "2"))

	what = "build, only linking left"
	ours.run, bare.run = after(f.remover("bin"), b.tool(f, "build").run), after(f.remover("bare"), bare.run)
	linking := b.measure(ctx, b.runs, what, ours, bare)
	b.row(what, linking[0], linking[1], wall, within(1.15))
	return f.remover("bare")()
}

// buildChange measures a build after a change of one function, and counts the
// binaries that it links.
func (b *bench) buildChange(ctx context.Context, f *fleet) (sample, error) {
	if x, err := b.buildInto(ctx, f, "before"); err != nil {
		return x, err
	}
	f.writeHandler(0, rand.Text())
	x, err := b.buildInto(ctx, f, "after")
	for _, name := range f.names {
		for _, binary := range []string{"/lambda", "/bootstrap"} {
			// Modification times do not tell: go build updates those of binaries
			// that it leaves as they are.
			before, _ := os.Stat(f.path("before/" + name + binary))
			after, _ := os.Stat(f.path("after/" + name + binary))
			if !os.SameFile(before, after) {
				x.count++
			}
		}
	}
	x.counted = fmt.Sprint(x.count)
	return x, err
}

// buildInto builds with dualboot and then links the binaries to names below dir,
// such as dir/f01/bootstrap.
func (b *bench) buildInto(ctx context.Context, f *fleet, dir string) (sample, error) {
	x, err := b.tool(f, "build").run(ctx)
	if err != nil {
		return x, err
	}
	for line := range strings.Lines(x.stdout) {
		var function struct {
			Name     string
			Binaries map[string]string // path by name
		}
		err := json.Unmarshal([]byte(line), &function)
		for name, file := range function.Binaries {
			to := f.path(dir + "/" + function.Name + "/" + name)
			err = errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o755), os.RemoveAll(to), os.Link(f.path(file), to))
		}
		if err != nil {
			return x, fmt.Errorf("linking the binaries to %s: %w", dir, err)
		}
	}
	return x, nil
}
