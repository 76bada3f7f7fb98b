package traffic_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"example.com/dualboot/magefiles/internal/traffic"
)

func TestBadOptions(t *testing.T) {
	for want, o := range map[string]traffic.Options{
		"rate -1":                {Rate: -1},
		"rate NaN":               {Rate: math.NaN()},
		"rate +Inf":              {Rate: math.Inf(1)},
		"concurrency -1":         {Concurrency: -1},
		"number of shards -1":    {Shards: -1},
		"batch size 10001":       {Batch: 10001},
		"number of attempts -1":  {Attempts: -1},
		"retry delay -1s":        {Retry: -time.Second},
		"drain time -1s is nega": {Drain: -time.Second},
	} {
		if _, err := traffic.Start(t.Context(), newFake(), nil, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

// Traffic of no functions ends.
func TestNoSources(t *testing.T) {
	tr, err := traffic.Start(t.Context(), newFake(), nil, traffic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := tr.Stop(); len(r) != 0 {
		t.Errorf("report: %+v", r)
	}
}
