package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/modfile"

	"example.com/dualboot/magefiles/internal/emulator"
)

// start measures how soon a command is there.
func (b *bench) start(ctx context.Context) error {
	const most = 300 * time.Millisecond
	adopter, err := b.adopter()
	if err != nil {
		return err
	}
	empty := &fleet{dir: filepath.Join(b.dir, "empty")}
	if err := errors.Join(empty.writeModule(b.root), empty.write("magefiles/magefile.go", []byte("package main\n\nfunc Nothing() {}\n"))); err != nil {
		return err
	}
	c, err := openCloud(ctx, adopter.names, emulator.Quotas{})
	if err != nil {
		return err
	}
	defer c.Close()

	what := "status of 1 function, compiled by `mage -compile`"
	firsts := result{name: dualboot, missing: failed}
	status := side{name: dualboot, run: func(ctx context.Context) (time.Duration, error) {
		u, err := b.tool(adopter, c.Environment(), "status").run(ctx)
		if err == nil {
			firsts.took = append(firsts.took, u.first)
		}
		return u.took, err
	}}
	whole := b.turns(ctx, what, status)[0]
	if len(whole.took) == 0 {
		firsts.took = nil
	}
	limit := func(what string, r result) row {
		return row{what: what, ours: r.cell(), goal: "≤ " + seconds(most), missed: len(r.took) > 0 && median(r.took) > most}
	}
	b.add(limit(what+", until its first line", firsts), limit(what, whole))

	mage := func(f *fleet, target string) command {
		return command{args: []string{b.gocmd, "tool", "mage", target}, dir: f.dir, env: slices.Concat(b.env, c.Environment())}
	}
	if err := errors.Join(
		b.once(ctx, "start: compiling the targets, as an adopter does", mage(adopter, "status")),
		b.once(ctx, "start: compiling an empty target", mage(empty, "nothing")),
	); err != nil {
		return err
	}
	what = "status of 1 function, by `go tool mage`"
	r := b.turns(ctx, what,
		commands(dualboot, nil, mage(adopter, "status")),
		commands("an empty target", nil, mage(empty, "nothing")))
	overhead := versus(what, r[0], r[1], goal{})
	overhead.goal = "≤ +" + seconds(most)
	if len(r[0].took) > 0 && len(r[1].took) > 0 {
		more := median(r[0].took) - median(r[1].took)
		overhead.ratio, overhead.missed = "+"+seconds(more), more > most
		if more < 0 {
			overhead.ratio = "-" + seconds(-more)
		}
	}
	b.add(overhead)
	return nil
}

// adopter is a repository with one function that imports the targets.
func (b *bench) adopter() (*fleet, error) {
	f, err := newVaried(filepath.Join(b.dir, "adopter"), b.root, 1)
	if err != nil {
		return nil, err
	}
	own, err := readModule(b.root)
	if err != nil {
		return nil, err
	}
	path := own.Module.Mod.Path
	return f, errors.Join(
		f.writeModule(b.root, func(mod *modfile.File) error {
			return errors.Join(mod.AddRequire(path, "v0.0.0"), mod.AddReplace(path, "", b.root, ""))
		}),
		f.write("magefiles/magefile.go", fmt.Appendf(nil, "package main\n\nimport (\n\t//mage:import\n\t_ %q\n)\n", path+"/magefiles/targets")),
	)
}
