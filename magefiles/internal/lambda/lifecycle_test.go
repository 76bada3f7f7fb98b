package lambda

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T) *Lifecycle {
	t.Helper()
	p, err := LoadLifecycle()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFileIsSortedAndComplete(t *testing.T) {
	p := load(t)
	if p.Checked.IsZero() || p.Table == "" || len(p.Sources) == 0 {
		t.Errorf("checked %v against %d sources of %q", p.Checked, len(p.Sources), p.Table)
	}
	for _, s := range p.Sources {
		if !strings.HasPrefix(s.URL, "https://") || s.Date.IsZero() || s.Date.Compare(p.Checked) > 0 {
			t.Errorf("source %q of %v", s.URL, s.Date)
		}
	}
	for i, r := range p.Runtimes {
		if i > 0 && p.Runtimes[i-1].Name >= r.Name {
			t.Errorf("%q comes after %q", r.Name, p.Runtimes[i-1].Name)
		}
		if r.Deprecated.IsZero() && !(r.BlockCreate.IsZero() && r.BlockUpdate.IsZero()) {
			t.Errorf("%s is to be blocked but not to be deprecated", r.Name)
		}
	}
}

// Every runtime is deprecated, then blocked for creation, then for updates, but
// for a few old ones.
func TestDatesFollowEachOther(t *testing.T) {
	disordered := []string{"dotnetcore2.0", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10"}
	var got []string
	for _, r := range load(t).Runtimes {
		dates := slices.DeleteFunc([]Date{r.Deprecated, r.BlockCreate, r.BlockUpdate}, Date.IsZero)
		if !slices.IsSortedFunc(dates, Date.Compare) {
			got = append(got, r.Name)
		}
		if !r.BlockUpdate.IsZero() && r.BlockCreate.Compare(r.BlockUpdate) > 0 {
			t.Errorf("%s: updates are blocked before creation", r.Name)
		}
	}
	if d := cmp.Diff(disordered, got); d != "" {
		t.Errorf("out of order (-want +got):\n%s", d)
	}
}

// The SDK's list and AWS's table are the same but for what is named here.
func TestCoversTheSDK(t *testing.T) {
	notInTheAPI := []string{"dotnet5.0", "dotnet7", "dotnet9"} // container images only
	left := map[string]bool{}
	for _, r := range load(t).Runtimes {
		left[r.Name] = true
	}
	for _, r := range types.Runtime("").Values() {
		if !left[string(r)] {
			t.Errorf("%s is missing", r)
		}
		delete(left, string(r))
	}
	if d := cmp.Diff(notInTheAPI, slices.Sorted(maps.Keys(left))); d != "" {
		t.Errorf("unknown to the SDK (-want +got):\n%s", d)
	}
}

// What the migration is about, so that an edit of the file is seen.
func TestLookup(t *testing.T) {
	p := load(t)
	for name, want := range map[string][3]string{
		"go1.x":           {"2024-01-08", "2024-02-08", "2027-03-03"},
		"provided.al2":    {"2026-07-31", "2027-02-01", "2027-03-03"},
		"provided.al2023": {"2029-06-30", "2029-07-31", "2029-08-31"},
		"python3.15":      {},
	} {
		r, ok := p.Lookup(name)
		got := [3]string{r.Deprecated.String(), r.BlockCreate.String(), r.BlockUpdate.String()}
		if !ok || r.Name != name || got != want {
			t.Errorf("%s: %v, %v, want %v", name, r, ok, want)
		}
	}
	for _, name := range []string{"", "go1", "zig1.x"} {
		if r, ok := p.Lookup(name); ok || r != (Runtime{}) {
			t.Errorf("found %q: %v", name, r)
		}
	}
}

func TestAsOf(t *testing.T) {
	p := &Lifecycle{Sources: []Source{{Date: date(t, "2026-06-02")}, {Date: date(t, "2026-08-15")}, {Date: date(t, "2026-01-01")}}}
	if got := p.AsOf().String(); got != "2026-08-15" {
		t.Errorf("as of %s", got)
	}
}

func TestDue(t *testing.T) {
	const day = 24 * time.Hour
	r := Runtime{Deprecated: date(t, "2027-06-30"), BlockUpdate: date(t, "2027-08-31")}
	for _, test := range []struct {
		name    string
		runtime Runtime
		today   string
		within  time.Duration
		want    bool
	}{
		{"far", r, "2027-01-01", 180 * day, false},
		{"the day before it is soon", r, "2027-03-03", 180 * day, false},
		{"soon", r, "2027-03-04", 180 * day, true},
		{"not yet deprecated", r, "2027-06-29", 0, false},
		{"deprecated", r, "2027-06-30", 0, true},
		{"blocked", r, "2027-08-31", 0, true},
		{"blocked long ago", r, "2030-01-01", 0, true},
		{"deprecated, never blocked", Runtime{Deprecated: date(t, "2026-11-10")}, "2026-11-22", 0, true},
		{"blocked before it is deprecated", Runtime{Deprecated: date(t, "2030-01-01"), BlockUpdate: date(t, "2027-01-01")}, "2027-01-01", 0, true},
		{"nothing announced", Runtime{}, "2026-11-22", 10000 * day, false},
	} {
		if got := test.runtime.Due(date(t, test.today).midnight, test.within); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestDays(t *testing.T) {
	tokyo, honolulu := time.FixedZone("Tokyo", 9*3600), time.FixedZone("Honolulu", -10*3600)
	now := time.Date(2027, 3, 2, 20, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		today time.Time
		want  int
	}{
		{now, 1},
		{now.In(tokyo), 0},
		{now.In(honolulu), 1},
		{time.Date(2027, 3, 4, 0, 0, 0, 0, time.UTC), -1},
		{time.Date(2026, 11, 22, 23, 59, 59, 0, tokyo), 101},
	} {
		if got := date(t, "2027-03-03").Days(test.today); got != test.want {
			t.Errorf("on %v: %d days, want %d", test.today, got, test.want)
		}
	}
}

func TestDateJSON(t *testing.T) {
	type dates struct {
		A Date
		B Date `json:",omitzero"`
	}
	var d dates
	if err := json.Unmarshal([]byte(`{"A":"2027-03-03"}`), &d); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(d); err != nil || string(got) != `{"A":"2027-03-03"}` {
		t.Errorf("%s, %v", got, err)
	}
	for _, bad := range []string{`"2027"`, `"2027-02-29"`, `"2027-3-3"`, `""`} {
		if err := json.Unmarshal([]byte(`{"A":`+bad+`}`), &d); err == nil {
			t.Errorf("%s was read as %v", bad, d.A)
		}
	}
}

func date(t *testing.T, text string) Date {
	t.Helper()
	var d Date
	if err := d.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return d
}
