package match

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"example.com/dualboot/magefiles/internal/manifest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// deployed parses functions such as "prod-a prod-b:python3.12 prod-c:image", with
// an optional handler and architecture: "prod-a:go1.x:main prod-b:provided.al2:x:arm64".
// The default is go1.x, lambda and x86_64.
func deployed(text string) []Deployed {
	var list []Deployed
	for field := range strings.FieldsSeq(text) {
		d := Deployed{Runtime: "go1.x", Handler: "lambda", Architecture: "x86_64"}
		for i, part := range strings.Split(field, ":") {
			*[]*string{&d.Name, &d.Runtime, &d.Handler, &d.Architecture}[i] = part
		}
		if d.Runtime == "image" {
			d.Runtime, d.Handler = "", ""
		}
		list = append(list, d)
	}
	return list
}

// lines describes a matching, one line each.
func lines(m Matching) string {
	list := []string{fmt.Sprintf("prefix %q", m.Prefix)}
	if m.Architecture != "" {
		list = append(list, m.Architecture)
	}
	for _, f := range m.Functions {
		line := f.Name + " " + f.Package
		for _, env := range slices.Sorted(maps.Keys(f.Names)) {
			line += fmt.Sprintf(" %s=%s", env, f.Names[env])
		}
		if !f.Dual {
			line += " not dual"
		}
		if f.RollbackTo != "" {
			line += " from " + f.RollbackTo
		}
		if f.Handler != "" {
			line += " handler " + f.Handler
		}
		if f.Architecture != "" {
			line += " " + f.Architecture
		}
		list = append(list, line)
	}
	for _, u := range m.Unmatched {
		list = append(list, "- "+u.Name+": "+u.Reason)
	}
	if f := m.Example; f != nil {
		line := "e.g. " + f.Name + " " + f.Package
		if len(f.Names) > 0 {
			line += " with its function name"
		}
		list = append(list, line)
	}
	return strings.Join(list, "\n") + "\n"
}

func TestMatch(t *testing.T) {
	const golden = "testdata/match.txtar"
	archive, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range archive.Files {
		t.Run(file.Name, func(t *testing.T) {
			input, want, ok := strings.Cut(string(file.Data), "\n\n")
			given := map[string]string{"env": "prod"}
			for line := range strings.Lines(input) {
				name, value, _ := strings.Cut(line, ":")
				given[name] = strings.TrimSpace(value)
			}
			if !ok || len(given) != 3 {
				t.Fatalf("malformed input:\n%s", input)
			}
			got := lines(Match(given["env"], deployed(given["functions"]), strings.Fields(given["packages"])))
			if *update {
				archive.Files[i].Data = []byte(input + "\n\n" + got)
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(golden, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, test := range []struct {
		prefix, env string
		want        kind
	}{
		{"", "prod", neutral},
		{"acme-", "prod", neutral},
		{"prod-", "prod", own},
		{"Prod_", "prod", own},
		{"acme-prod-api_", "prod", own},
		{"production-", "prod", own},
		{"prod-", "live", own},
		{"product-", "prod", neutral},
		{"stg-", "prod", foreign},
		{"acme_STAGING_", "prod", foreign},
		{"prod-stg-", "prod", foreign},
		{"stg-", "staging", own},
		{"alice-", "alice", own},
		{"alice-dev-", "alice", foreign},
		{"prod-eu-", "prod-eu", own},
		{"prod-", "prod-eu", neutral},
		{"eu-prod-", "prod-eu", neutral},
		{"prod_eu_", "prod-eu", own},
		{"dev-eu-", "prod-eu", foreign},
	} {
		if got := kindOf(test.prefix, test.env); got != test.want {
			t.Errorf("%q for %s: got %d, want %d", test.prefix, test.env, got, test.want)
		}
	}
}

func TestCandidates(t *testing.T) {
	for pkg, want := range map[string]string{
		".":                          "",
		"./orders":                   "orders",
		"./Order_Stream":             "order-stream",
		"./services/orders/stream":   "orders-stream services-orders-stream stream",
		"./orders/cmd":               "orders orders-cmd",
		"./cmd/orders":               "cmd-orders orders",
		"./orders/cmd/stream/lambda": "cmd-stream-lambda orders-cmd-stream-lambda orders-stream stream stream-lambda",
		"./lambda":                   "lambda",
		"./orders/s3Copy/Handler":    "orders-s3-copy orders-s3-copy-handler s3-copy s3-copy-handler",
		"./cmd/lambda":               "cmd-lambda lambda",
	} {
		var names []string
		for _, c := range candidates(pkg) {
			names = append(names, c.name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %q, want %q", pkg, got, want)
		}
	}
}

// TestMatchRandom checks the properties of every matching: the pairs make a valid
// manifest with the deployed function names, each function and each package
// appears once, and the order of the deployed functions does not matter.
func TestMatchRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	word := func() string {
		return pick("a", "b", "B", "api", "Api", "main", "stg", "prod", "x_y", "x-y", "xY", "function")
	}
	made := 0
	for range 1000 {
		env := pick("prod", "stg", "dev")
		var functions []Deployed
		var packages []string
		for range r.IntN(6) {
			name := pick("prod-", "prod_", "stg-", "acme-", "Prod", "") + word() + pick("", "", "-"+word(), "_"+word(), "Function", "-Api-1AB2C3D4E5F6")
			functions = append(functions, Deployed{
				name, pick("go1.x", "go1.x", "provided.al2", "python3.12"), pick("lambda", "main", "./main", ""), pick("x86_64", "arm64"),
			})
			packages = append(packages, "./"+word()+pick("", "", "/"+word(), "/"+word()+"/"+word()))
		}
		functions = slices.CompactFunc(slices.SortedFunc(slices.Values(functions), func(a, b Deployed) int { return strings.Compare(a.Name, b.Name) }),
			func(a, b Deployed) bool { return a.Name == b.Name })
		slices.Sort(packages)
		packages = slices.Compact(packages)
		case_ := fmt.Sprintf("%s %v %v", env, functions, packages)

		m := Match(env, functions, packages)
		slices.Reverse(functions)
		if diff := cmp.Diff(lines(m), lines(Match(env, functions, packages))); diff != "" {
			t.Fatalf("%s\nin another order:\n%s", case_, diff)
		}

		seen := map[string]int{}
		e := manifest.Environment{Name: env, Prefix: m.Prefix, Dual: true, Settle: manifest.DefaultSettle}
		for _, f := range m.Functions {
			seen[e.FunctionName(f)]++
			seen[f.Package]++
		}
		for _, u := range m.Unmatched {
			seen[u.Name]++
			if u.Reason == "" || strings.Contains(u.Reason, "%!") {
				t.Errorf("%s\n%+v: bad reason", case_, u)
			}
		}
		for _, d := range functions {
			want := 1
			if d.Runtime == "python3.12" {
				want = 0
			}
			if seen[d.Name] != want {
				t.Fatalf("%s\n%s appears %d times, want %d\n%s", case_, d.Name, seen[d.Name], want, lines(m))
			}
			delete(seen, d.Name)
		}
		for _, pkg := range packages {
			if seen[pkg] != 1 {
				t.Fatalf("%s\n%s appears %d times, want 1", case_, pkg, seen[pkg])
			}
			delete(seen, pkg)
		}
		if len(seen) > 0 {
			t.Fatalf("%s\nunknown: %v", case_, seen)
		}

		if len(m.Functions) > 0 {
			made++
			whole := manifest.Manifest{Architecture: m.Architecture, Environments: map[string]manifest.Environment{env: e}, Functions: m.Functions}
			if err := manifest.Create(filepath.Join(t.TempDir(), "lambdas.json"), &whole); err != nil {
				t.Fatalf("%s\n%v", case_, err)
			}
		}
	}
	if made < 200 {
		t.Errorf("only %d of 1000 had a pair", made)
	}
}

// TestMatchLarge fails by timeout if matching a large account takes too long.
func TestMatchLarge(t *testing.T) {
	var functions []Deployed
	var packages []string
	for i := range 500 {
		for _, env := range []string{"dev", "stg", "prod"} {
			functions = append(functions, Deployed{Name: fmt.Sprintf("%s-service%03d-api", env, i), Runtime: "go1.x"})
		}
		packages = append(packages, fmt.Sprintf("./services/service%03d/api", i))
	}
	packages = append(packages, "./api")
	m := Match("prod", functions, packages)
	if m.Prefix != "prod-" || len(m.Functions) != 500 || len(m.Unmatched) != 1001 {
		t.Errorf("prefix %q, %d functions, %d unmatched", m.Prefix, len(m.Functions), len(m.Unmatched))
	}
}
