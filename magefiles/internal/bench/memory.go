package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"example.com/dualboot/magefiles/internal/emulator"
	"example.com/dualboot/magefiles/internal/text"
)

// data is how many bytes each binary of a large function carries: its dual zip
// has two.
const data = 10_000_000

// large is a package whose binary has data in it.
const large = `package main

import (
	_ "embed"
	"os"
)

//go:embed data
var data string

func main() { os.Stdout.WriteString(data) }
`

// memory measures how much memory a deploy of large zips takes.
func (b *bench) memory(ctx context.Context) error {
	const most = 400_000_000
	content := make([]byte, data)
	rand.Read(content)
	n := 4 * b.n
	f, err := newShared(filepath.Join(b.dir, "memory"), b.root, n, 0, map[string][]byte{"main.go": []byte(large), "data": content})
	if err != nil {
		return err
	}
	defer os.RemoveAll(f.dir)
	b.progress.Notef("memory: the zips take %s on disk for a while", megabytes(int64(n)*3*data))

	what := fmt.Sprintf("peak memory: deploy, %s of 20 MB, once", text.Count(n, "function"))
	var peak int64
	s := onCloud(dualboot, f.names, emulator.Quotas{}, func(ctx context.Context, c *cloud) (time.Duration, error) {
		u, _, err := c.run(ctx, b.tool(f, c.Environment(), "deployProd"))
		peak = u.peak
		return u.took, err
	})
	s.runs = 1
	r := b.turns(ctx, what, s)[0]
	limit := row{what: what, ours: r.cell(), goal: "< 400 MB"}
	switch {
	case len(r.took) == 0:
	case peak == 0:
		limit.ours = "not measured on this system"
	default:
		limit.ours, limit.missed = megabytes(peak), peak >= most
	}
	b.add(limit)
	return nil
}
