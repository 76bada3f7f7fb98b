package fleet

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/hashicorp/go-multierror"

	"example.com/dualboot/magefiles/internal/manifest"
)

// failed returns a function that has failed with err while doing.
func failed(name, doing string, err error) *Function {
	f := &Function{Target: manifest.Target{FunctionName: name}}
	if err != nil {
		f.Fail(Building, doing, err)
	}
	return f
}

func TestErrors(t *testing.T) {
	broken := errors.New("go: errors parsing go.mod:\ngo.mod:3: unknown directive")
	err := Errors([]*Function{
		failed("a", "building", broken),
		failed("fine", "", nil),
		failed("b", "building", broken),
		failed("c", "zipping", errors.New("no space left")),
		failed("d", "building", broken),
		{Err: errors.New("another")},
		{Err: errors.New("another")},
	})
	want := `6 of 7 functions failed:
  - building "a", "b", "d": go: errors parsing go.mod:
    go.mod:3: unknown directive
  - zipping "c": no space left
  - another`
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
	if multi, ok := errors.AsType[*multierror.Error](err); !ok || len(multi.Errors) != 6 {
		t.Errorf("error is a %T, want a *multierror.Error of 6", err)
	}
	if !errors.Is(err, broken) {
		t.Error("the cause is lost")
	}
}

// TestStopped counts what an interrupt has left, and lists what failed.
func TestStopped(t *testing.T) {
	interrupted := fmt.Errorf("%w; left to do: all", ErrInterrupted)
	list := []*Function{
		failed("a", "settling", interrupted), failed("b", "updating the code of", interrupted), failed("c", "zipping", errors.New("no space left")),
		failed("d", "settling", interrupted), failed("fine", "", nil),
	}
	want := `interrupted; 3 functions are left; run the same command again
  - 2 while settling
  - 1 before updating the code
1 of 5 functions failed:
  - zipping "c": no space left`
	if err := Errors(list); err == nil || err.Error() != want || !errors.Is(err, ErrInterrupted) {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
	want = "interrupted; 1 function is left; run the same command again\n  - 1 while settling"
	if err := Errors(list[3:]); err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
	if got := Distinct(Flatten(Errors(list))); len(got) != 2 || got[1] != `zipping "c": no space left` {
		t.Errorf("distinct errors %q", got)
	}
	if !list[0].Stopped() || list[2].Stopped() || list[4].Stopped() {
		t.Error("Stopped does not tell functions apart")
	}
}

// TestMissing checks that a wrong region is one line.
func TestMissing(t *testing.T) {
	var list []*Function
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		list = append(list, failed(name, "reading", AsMissing(errors.New("not found: "+name))))
	}
	want := `7 of 8 functions failed:
  - reading 7 functions: they do not exist; check the region and the prefix: "a", "b", "c", "d", "e" and 2 more`
	if err := Errors(append(list, failed("fine", "", nil))); err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
	if err := Errors(list[:1]); err == nil || err.Error() != "1 of 1 functions failed:\n  - reading \"a\": not found: a" {
		t.Errorf("error %v", err)
	}
	if !Missing(list[0].Err) || Missing(errors.New("not found")) || Missing(nil) {
		t.Error("Missing does not tell errors apart")
	}
}

// TestFlatten checks that no error is lost in joined, multiple and wrapped ones.
func TestFlatten(t *testing.T) {
	list := []*Function{failed("a", "building", errors.New("first")), failed("b", "reading", errors.New("second")), failed("fine", "", nil)}
	list[0].Err = errors.Join(list[0].Err, failed("a", "invoking", errors.New("third")).Err)
	err := fmt.Errorf("wrapped: %w", errors.Join(Errors(list), errors.New("another"), fmt.Errorf("writing: %w", errors.New("no space left"))))
	var got []string
	errs := Flatten(err)
	for _, err := range errs {
		got = append(got, err.Error())
	}
	want := []string{`building "a": first`, `invoking "a": third`, `reading "b": second`, "another", "writing: no space left"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := len(Failures(errs)); n != 3 {
		t.Errorf("%d are about a function, want 3", n)
	}
	if errs := Flatten(nil); errs != nil {
		t.Errorf("no error is %v", errs)
	}
}

func TestNoErrors(t *testing.T) {
	if err := Errors([]*Function{{}, {}}); err != nil {
		t.Errorf("error %v", err)
	}
}

func TestFailKeepsTheFirst(t *testing.T) {
	f := failed("a", "reading", errors.New("first"))
	f.Fail(Applying, "updating the code of", errors.New("second"))
	if e, ok := errors.AsType[*Error](f.Err); !ok || e.Stage != Building || e.Error() != `reading "a": first` {
		t.Errorf("error %v", f.Err)
	}
}

func TestLabel(t *testing.T) {
	f := &Function{Target: manifest.Target{Function: manifest.Function{Name: "api"}}}
	if f.Label() != "api" {
		t.Errorf("label %q", f.Label())
	}
	f.FunctionName = "prod-api"
	if f.Label() != "prod-api" {
		t.Errorf("label %q", f.Label())
	}
}
