package build

import (
	"os"
	"time"
)

// glance is the time between two looks at the binaries.
const glance = 250 * time.Millisecond

// watch calls report from time to time with the number of binaries that are there,
// until stop is called. The go command tells nothing, but it writes each binary as
// soon as it is linked, and touches one that is up to date.
func watch(report func(built, all int), units []*unit) (stop func()) {
	if report == nil {
		return func() {}
	}
	// A file system may round times down.
	since := time.Now().Truncate(time.Second)
	files := map[string]bool{} // whether they are built
	for _, u := range units {
		files[u.file] = false
	}
	report(0, len(files))
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(glance)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				report(look(files, since), len(files))
			}
		}
	}()
	return func() { close(done); <-stopped }
}

// look returns the number of files that were written since a time.
func look(files map[string]bool, since time.Time) (built int) {
	for file, there := range files {
		if !there {
			info, err := os.Stat(file)
			there = err == nil && !info.ModTime().Before(since)
			files[file] = there
		}
		if there {
			built++
		}
	}
	return built
}
