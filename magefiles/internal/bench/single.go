package bench

import (
	"context"
	"strings"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/text"
)

// single measures zips with one binary for both runtimes against zips with two:
// from linking to the end of the deploy.
func (b *bench) single(ctx context.Context) error {
	two, one := b.varied, b.newFleet("single", b.n, b.n, 0)
	one.write("lambdas.json", strings.Replace(one.manifest, `"environments"`, `"single": true, "environments"`, 1))
	deploy := func(f *fleet) run {
		return after(f.remover("bin"), migration(f.names, emulator.Quotas{}, b.tool(f, "deployProd")))
	}
	sides := []side{{name: "dualboot, `single`", run: deploy(one)}, {name: "two binaries", run: deploy(two)}}
	b.measure(ctx, 1, "single, compiling", sides...)
	what := "link, zip and deploy, " + text.Count(b.n, "function") + ", `single`"
	sides = b.measure(ctx, b.runs, what, sides...)
	b.row(what, sides[0], sides[1], wall, compared())
	b.row("CPU time of that", sides[0], sides[1], cpu, compared())
	b.row("dual zips, `single`", sides[0].sized(one.path("bin/*/lambda.zip")), sides[1].sized(two.path("bin/*/lambda.zip")), count, goal{
		ratio: func(ours, others float64) string { return text.Digits(ours/others) + " of it" },
	})
	return one.remover("bin")()
}
