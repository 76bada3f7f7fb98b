package traffic

import (
	"math"
	"testing"
)

func TestRate(t *testing.T) {
	for _, rate := range []float64{-1, 1e6 + 1, math.NaN(), math.Inf(1)} {
		if _, err := Start(t.Context(), newFake().config(), nil, Options{Rate: rate}); err == nil {
			t.Errorf("a rate of %v was accepted", rate)
		}
	}
}

func TestNoSources(t *testing.T) {
	tr, err := Start(t.Context(), newFake().config(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := tr.Stop(); len(r) != 0 {
		t.Errorf("report: %+v", r)
	}
}
