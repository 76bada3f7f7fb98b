package fleet

import (
	"errors"
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
