package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"example.com/dualboot/magefiles/internal/text"
)

// fleet is the one of n functions of all kinds, written when it is needed first.
func (b *bench) fleet() (*fleet, error) {
	if b.varied != nil {
		return b.varied, nil
	}
	f, err := newVaried(filepath.Join(b.dir, "fleet"), b.root, b.n)
	if err != nil {
		return nil, fmt.Errorf("writing a fleet: %w", err)
	}
	for _, name := range f.names {
		if err := os.MkdirAll(f.path("recipe/"+name), 0o755); err != nil {
			return nil, err
		}
	}
	b.varied = f
	return f, nil
}

// build measures what is built, with all packages compiled before.
func (b *bench) build(ctx context.Context) error {
	f, err := b.fleet()
	if err != nil {
		return err
	}
	ours := commands(dualboot, nil, b.tool(f, nil, "build"))
	recipe := b.recipe(f, recipeBuild(), nil)
	bare := commands("two bare `go build`", nil, b.bare(f)...)
	b.progress.Notef("build: compiling %s", text.Count(b.n, "function"))
	for _, s := range []*side{&ours, &bare, &recipe} {
		if s.missing != "" {
			continue
		}
		_, err := s.run(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			b.fail(ctx, "build, compiling, "+s.name, err)
			s.missing = failed
		}
	}

	what := "build, nothing changed"
	unchanged := b.turns(ctx, what, ours, recipe, bare)
	b.add(
		versus(what, unchanged[0], unchanged[1], faster(30)),
		versus(what, unchanged[0], unchanged[2], within(2)))

	// The recipe links everything each time, so there is nothing to measure anew.
	asAbove := unchanged[1]
	asAbove.name += ", as above"
	var linked []int
	what = "build, one function changed"
	changed := b.turns(ctx, what, side{name: dualboot, missing: ours.missing, run: func(ctx context.Context) (time.Duration, error) {
		if err := f.change(f.names[0], rand.Text()); err != nil {
			return 0, err
		}
		before, err := binaries(f)
		if err != nil {
			return 0, err
		}
		took, err := ours.run(ctx)
		if err != nil {
			return 0, err
		}
		after, err := binaries(f)
		linked = append(linked, replaced(before, after))
		return took, err
	}})[0]
	b.add(versus(what, changed, asAbove, goal{}))
	count := row{what: "binaries linked for one changed function", ours: changed.cell(), goal: "2"}
	if len(changed.took) > 0 {
		least, most := slices.Min(linked), slices.Max(linked)
		count.ours, count.missed = fmt.Sprint(most), least != 2 || most != 2
	}
	b.add(count)

	what = "build, only linking left"
	removing := func(dir string) func() error {
		return func() error { return os.RemoveAll(f.path(dir)) }
	}
	cold := b.turns(ctx, what,
		commands(dualboot, removing("bin"), b.tool(f, nil, "build")),
		commands(bare.name, removing("bare"), b.bare(f)...))
	b.add(versus(what, cold[0], cold[1], within(1.15)))
	return removing("bare")()
}

// bare are the go builds that ours come down to, typed by hand.
func (b *bench) bare(f *fleet) []command {
	env := slices.Concat(b.env, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64"})
	args := []string{b.gocmd, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}
	return []command{
		{args: slices.Concat(args, []string{"-o", "bare/lambda/", "./functions/..."}), dir: f.dir, env: env},
		{args: slices.Concat(args, []string{"-tags=lambda.norpc,timetzdata", "-o", "bare/bootstrap/", "./functions/..."}), dir: f.dir, env: env},
	}
}

// binaries returns the binaries that the tool has built, by path.
func binaries(f *fleet) (map[string]fs.FileInfo, error) {
	found := map[string]fs.FileInfo{}
	err := filepath.WalkDir(f.path("bin/.build"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		found[path], err = entry.Info()
		return err
	})
	return found, err
}

// replaced counts the files that are others than before. Times do not tell: go
// build sets that of a binary that it leaves as it is, too.
func replaced(before, after map[string]fs.FileInfo) (n int) {
	for path, info := range after {
		if was, ok := before[path]; !ok || !os.SameFile(was, info) {
			n++
		}
	}
	return n
}
