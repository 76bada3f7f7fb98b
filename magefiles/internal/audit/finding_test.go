package audit

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
)

// What an event source reads for decides whether $LATEST moves it, and whether
// there is a reason to say so.
func TestReadsFor(t *testing.T) {
	old, fine := types.RuntimeGo1x, types.RuntimeProvidedal2023
	for _, test := range []struct {
		name      string
		latest    types.Runtime
		versions  []types.Runtime
		qualifier string
		aliases   []types.AliasConfiguration
		follows   bool
		warnings  []string
	}{
		{"$LATEST", old, nil, "", nil, true, []string{}},
		{"$LATEST by its name", old, nil, latest, nil, true, []string{}},
		{"$LATEST by an alias", old, nil, "live", []types.AliasConfiguration{alias("live", latest)}, true, []string{}},
		{"an alias that is gone", old, nil, "live", nil, false, []string{`sqs arn:aws:sqs:ap-northeast-1:123456789012:jobs reads for "live": changing $LATEST does not move it`}},
		{"a version", fine, []types.Runtime{old}, "1", nil, false, []string{`sqs arn:aws:sqs:ap-northeast-1:123456789012:jobs reads for "1": changing $LATEST does not move it`}},
		{"a version that is fine, of a function that is not", old, []types.Runtime{fine}, "1", nil, false, []string{`sqs arn:aws:sqs:ap-northeast-1:123456789012:jobs reads for "1": changing $LATEST does not move it`}},
		{"a version that is fine, of a function that is too", fine, []types.Runtime{old, fine}, "2", nil, false, []string{}},
		{"an alias to a version that is fine", fine, []types.Runtime{old, fine}, "live", []types.AliasConfiguration{alias("live", "2")}, false, []string{}},
		{"an alias to the second version of which", fine, []types.Runtime{old, fine}, "live", []types.AliasConfiguration{weighted("live", "2", "1", 0.25)}, false, []string{
			"alias live sends 25% to version 1, on go1.x: changing $LATEST does not move it",
			`sqs arn:aws:sqs:ap-northeast-1:123456789012:jobs reads for "live": changing $LATEST does not move it`,
		}},
	} {
		r := run(t, &fake{
			functions: of("a", test.latest, test.versions...),
			mappings:  []types.EventSourceMappingConfiguration{mapping("a", test.qualifier, "sqs", "jobs")},
			aliases:   map[string][]types.AliasConfiguration{"a": test.aliases},
		}, Options{})
		if len(r.Findings) != 1 {
			t.Errorf("%s: %d findings", test.name, len(r.Findings))
			continue
		}
		f := r.Findings[0]
		if f.EventSources[0].FollowsLatest != test.follows {
			t.Errorf("%s: follows $LATEST: %v", test.name, !test.follows)
		}
		if d := cmp.Diff(test.warnings, f.Warnings); d != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", test.name, d)
		}
	}
}

func TestDay(t *testing.T) {
	p := plan(t)
	deprecated, blocked := p.Runtimes[0].Deprecated, p.Runtimes[0].BlockUpdate
	for want, d := range map[string]Day{
		"":                          day(lambda.Date{}, today),
		"2024-01-08, 1049 days ago": day(deprecated, today),
		"2027-03-03, in 101 days":   day(blocked, today),
		"2027-03-03, in 1 day":      day(blocked, today.AddDate(0, 0, 100)),
		"2027-03-03, today":         day(blocked, today.AddDate(0, 0, 101)),
		"2027-03-03, 1 day ago":     day(blocked, today.AddDate(0, 0, 102)),
	} {
		if got := d.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
