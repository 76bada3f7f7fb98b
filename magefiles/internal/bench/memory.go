package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/text"
)

// memory measures the memory that a deploy of large zips takes. The functions
// share as many packages as dualboot compresses at the same time.
func (b *bench) memory(ctx context.Context) error {
	const (
		packages = 4
		size     = 10_000_000 // of the data in each binary; a dual zip has two binaries
		limit    = 400_000_000
	)
	n, data := 4*b.n, make([]byte, size)
	f := b.newFleet("memory", n, packages, 0)
	for i := range packages {
		rand.Read(data)
		f.writeSource(i, "_files/large/main.go", "")
		f.write(f.source(i, "data"), string(data))
	}
	defer os.RemoveAll(f.dir)

	what := fmt.Sprintf("peak memory: deploy, %s of 20 MB, once", text.Count(n, "function"))
	ours := b.measureOurs(ctx, 1, what, migration(f.names, emulator.Quotas{}, b.tool(f, "deployProd")))
	b.row(what, ours, side{}, peak, goal{text: "< 400 MB", missed: func(peak, _ float64) bool { return peak >= limit }})
	return nil
}

func peak(x sample) (float64, string) {
	if x.peak == 0 {
		return 0, "not measured on this system"
	}
	return float64(x.peak), megabytes(x.peak)
}
