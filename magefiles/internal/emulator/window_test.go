package emulator

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// windowFunction is a function of a server without processes.
type windowFunction struct {
	*testing.T
	server *Server
	*function
}

// update replaces what serves by the code and the configuration of two updates.
func (f windowFunction) update(code, configured int) {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	f.server.replace(f.function, &deployment{configuration: defaultConfiguration("f"), origin: origin{code, configured}})
}

// want checks what is in the window: the origins, in the order of the turns.
func (f windowFunction) want(origins ...string) {
	f.Helper()
	synctest.Wait()
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	var got []string
	for _, d := range f.window {
		got = append(got, fmt.Sprint(d.origin.code, " ", d.origin.configuration))
	}
	if diff := cmp.Diff(origins, got); diff != "" {
		f.Errorf("after %s (-want +got):\n%s", time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), diff)
	}
}

// A mixture is in the window until the window of either part is over, and the
// timer ends what is over without any invocation.
func TestWindowTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := newServer(Options{Window: time.Minute, Mixed: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f := windowFunction{t, s, &function{}}
		f.update(0, 0)
		f.want()
		f.update(1, 0)
		f.want("0 0")
		time.Sleep(30 * time.Second)
		f.update(1, 1)
		f.want("0 0", "1 0", "0 1")
		time.Sleep(15 * time.Second)
		f.update(2, 1)
		f.want("0 0", "1 0", "0 1", "1 1", "2 0")
		time.Sleep(15*time.Second - 1)
		f.want("0 0", "1 0", "0 1", "1 1", "2 0")
		time.Sleep(time.Nanosecond) // the end of 0 0
		f.want("1 0", "1 1", "2 0")
		time.Sleep(30 * time.Second) // the end of 1 0
		f.want("1 1")
		time.Sleep(15 * time.Second)
		f.want()
	})
}

func TestMoves(t *testing.T) {
	t.Parallel()
	updated := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	until := updated.Add(time.Minute)
	var got []time.Duration
	for number := range 8 {
		i := &instance{number: number, warmed: updated.Add(-time.Hour)}
		got = append(got, i.moves(until, time.Minute).Sub(updated))
	}
	slices.Sort(got)
	want := []time.Duration{7500e6, 15e9, 22500e6, 30e9, 37500e6, 45e9, 52500e6, 60e9}
	if !slices.Equal(got, want) {
		t.Errorf("eight instances move after %v, want %v", got, want)
	}
	if first := (&instance{warmed: updated}).moves(until, time.Minute); first != until {
		t.Errorf("the first instance moves at %s, want the end", first)
	}
	late := &instance{number: 1, warmed: updated.Add(40 * time.Second)}
	if after := late.moves(until, time.Minute).Sub(updated); after != 50*time.Second {
		t.Errorf("an instance in use since 40s moves after %s, want 50s", after)
	}
}
