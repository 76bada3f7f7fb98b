package match

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/manifest"
)

// deployed reads functions on AWS from a text such as "prod-a prod-b:python3.12":
// they are on go1.x unless the text says otherwise.
func deployed(text string) []Deployed {
	var list []Deployed
	for field := range strings.FieldsSeq(text) {
		name, runtime, ok := strings.Cut(field, ":")
		d := Deployed{Name: name, Runtime: "go1.x", PackageType: "Zip"}
		switch {
		case runtime == "image":
			d.Runtime, d.PackageType = "", "Image"
		case ok:
			d.Runtime = runtime
		}
		list = append(list, d)
	}
	return list
}

// lines describes a matching in lines of text.
func lines(m Matching) []string {
	list := []string{fmt.Sprintf("prefix %q", m.Prefix)}
	for _, f := range m.Functions {
		line := f.Name + " " + f.Package
		for _, env := range slices.Sorted(maps.Keys(f.Names)) {
			line += fmt.Sprintf(" %s=%s", env, f.Names[env])
		}
		if !f.Dual {
			line += " not dual"
		}
		list = append(list, line)
	}
	for _, u := range m.Unmatched {
		list = append(list, "- "+u.Function+u.Package+": "+u.Reason)
	}
	return list
}

var matchCases = []struct {
	name, env, deployed, packages string
	want                          string // lines; by default env is prod
}{
	{
		"prefix of the environment's name", "",
		"prod-orders prod-resize",
		"./functions/orders ./functions/resize",
		`prefix "prod-"
		orders ./functions/orders
		resize ./functions/resize`,
	},
	{
		"in the order of the packages, whatever the order of the functions", "",
		"prod-b prod-c prod-a",
		"./c ./a ./b",
		`prefix "prod-"
		c ./c
		a ./a
		b ./b`,
	},
	{
		"runtimes", "",
		"prod-a:provided prod-b:provided.al2 prod-c:provided.al2023 prod-d:python3.12 prod-e:image prod-f:image f:nodejs22.x",
		"./a ./b ./c ./d ./e ./g",
		`prefix "prod-"
		a ./a not dual
		b ./b not dual
		c ./c not dual
		- ./d: prod-d is on python3.12
		- ./e: prod-e is a container image
		- ./g: no function on go1.x or provided.* has a name like it`,
	},
	{
		"names in another style", "",
		"prod-Order_Stream prod-user-Table",
		"./order-stream ./User_table",
		`prefix "prod-"
		Order_Stream ./order-stream
		user-Table ./User_table`,
	},
	{
		"last elements that say nothing", "",
		"prod-orders prod-users prod-payments-handler prod-lambda",
		"./orders/cmd/main ./users/lambda ./payments/handler ./cmd/lambda",
		`prefix "prod-"
		orders ./orders/cmd/main
		users ./users/lambda
		payments-handler ./payments/handler
		lambda ./cmd/lambda`,
	},
	{
		"several last elements", "",
		"prod-orders-stream prod-users-stream prod-services-billing-api prod-a-c",
		"./services/orders/stream ./services/users/stream ./services/billing/api ./a/cmd/c",
		`prefix "prod-"
		orders-stream ./services/orders/stream
		users-stream ./services/users/stream
		services-billing-api ./services/billing/api
		a-c ./a/cmd/c`,
	},
	{
		"the package beside lambdas.json has no name", "",
		"prod-orders",
		". ./orders",
		`prefix "prod-"
		orders ./orders
		- .: no function on go1.x or provided.* has a name like it`,
	},
	{
		"nothing at all", "", "", "./a",
		`prefix ""
		- ./a: no function on go1.x or provided.* has a name like it`,
	},
	{
		"no packages", "", "prod-a x:python3.12", "",
		`prefix ""
		- prod-a: no package has a name like it`,
	},

	// prefixes
	{
		"side by side", "",
		"stg-a stg-b stg-c dev_a prod-a prod-b",
		"./a ./b ./c",
		`prefix "prod-"
		a ./a
		b ./b
		- dev_a: ./a is prod-a
		- stg-a: ./a is prod-a
		- stg-b: ./b is prod-b
		- stg-c: like ./c, but with prefix "stg-" instead of "prod-"
		- ./c: like stg-c, but with prefix "stg-" instead of "prod-"`,
	},
	{
		"what comes before prod is not prod", "",
		"prod-a pre-prod-b non_prod-c preprod-d",
		"./a ./b ./c ./d",
		`prefix "prod-"
		a ./a
		- non_prod-c: like ./c, but with prefix "non_prod-" instead of "prod-"
		- pre-prod-b: like ./b, but with prefix "pre-prod-" instead of "prod-"
		- preprod-d: like ./d, but with prefix "preprod-" instead of "prod-"
		- ./b: like pre-prod-b, but with prefix "pre-prod-" instead of "prod-"
		- ./c: like non_prod-c, but with prefix "non_prod-" instead of "prod-"
		- ./d: like preprod-d, but with prefix "preprod-" instead of "prod-"`,
	},
	{
		"side by side, the other one", "stg",
		"stg-a stg-b prod-a prod-b prod-c",
		"./a ./b ./c",
		`prefix "stg-"
		a ./a
		b ./b
		- prod-a: ./a is stg-a
		- prod-b: ./b is stg-b
		- prod-c: like ./c, but with prefix "prod-" instead of "stg-"
		- ./c: like prod-c, but with prefix "prod-" instead of "stg-"`,
	},
	{
		"the wrong account", "",
		"stg-a stg-b",
		"./a ./b",
		`prefix ""
		- stg-a: like ./a, but with prefix "stg-" instead of ""
		- stg-b: like ./b, but with prefix "stg-" instead of ""
		- ./a: like stg-a, but with prefix "stg-" instead of ""
		- ./b: like stg-b, but with prefix "stg-" instead of ""`,
	},
	{
		"underscore", "", "prod_a prod_b", "./a ./b",
		`prefix "prod_"
		a ./a
		b ./b`,
	},
	{
		"upper case", "", "PROD-a PROD-b", "./a ./b",
		`prefix "PROD-"
		a ./a
		b ./b`,
	},
	{
		"another word for it", "", "production-a stage-a", "./a",
		`prefix "production-"
		a ./a
		- stage-a: ./a is production-a`,
	},
	{
		"inside a longer prefix", "", "acme-prod-a acme-prod-b acme-stg-a acme-stg-b", "./a ./b",
		`prefix "acme-prod-"
		a ./a
		b ./b
		- acme-stg-a: ./a is acme-prod-a
		- acme-stg-b: ./b is acme-prod-b`,
	},
	{
		"its name alone before its name in a longer prefix", "", "prod-a acme-prod-a", "./a",
		`prefix "prod-"
		a ./a
		- acme-prod-a: ./a is prod-a`,
	},
	{
		"environment of two words", "prod-eu", "prod-eu-a prod-us-a prod-eu-b prod-us-b prod-us-c", "./a ./b ./c",
		`prefix "prod-eu-"
		a ./a
		b ./b
		- prod-us-a: ./a is prod-eu-a
		- prod-us-b: ./b is prod-eu-b
		- prod-us-c: like ./c, but with prefix "prod-us-" instead of "prod-eu-"
		- ./c: like prod-us-c, but with prefix "prod-us-" instead of "prod-eu-"`,
	},
	{
		"one that names no environment", "", "acme-a acme-b acme-c x", "./a ./b",
		`prefix "acme-"
		a ./a
		b ./b
		- acme-c: no package has a name like it
		- x: no package has a name like it`,
	},
	{
		"none", "", "a b", "./a ./b",
		`prefix ""
		a ./a
		b ./b`,
	},
	{
		"a shorter one leaves more to the name", "", "acme-orders-a acme-orders-b", "./orders/a ./orders/b",
		`prefix "acme-"
		orders-a ./orders/a
		orders-b ./orders/b`,
	},
	{
		"last elements that many share", "", "acme-orders-api acme-orders-stream acme-users-api", "./orders/api ./orders/stream ./users/api ./billing/api",
		`prefix "acme-"
		orders-api ./orders/api
		orders-stream ./orders/stream
		users-api ./users/api
		- ./billing/api: acme-users-api is ./users/api`,
	},
	{
		"not in the middle of a word", "", "prod-reorder prod-a", "./order ./a",
		`prefix "prod-"
		a ./a
		- prod-reorder: no package has a name like it
		- ./order: no function on go1.x or provided.* has a name like it`,
	},
	{
		"no suffixes", "", "prod-a-v2 prod-b", "./a ./b",
		`prefix "prod-"
		b ./b
		- prod-a-v2: no package has a name like it
		- ./a: no function on go1.x or provided.* has a name like it`,
	},
	{
		"a tie with the environment's", "", "a prod-b", "./a ./b",
		`prefix "prod-"
		a ./a prod=a
		b ./b`,
	},
	{
		"more without a prefix, but both for one package", "", "a b c prod-a", "./a ./b ./c",
		`prefix "prod-"
		a ./a
		- a: ./a is prod-a
		- b: like ./b, but with prefix "" instead of "prod-"
		- c: like ./c, but with prefix "" instead of "prod-"
		- ./b: like b, but with prefix "" instead of "prod-"
		- ./c: like c, but with prefix "" instead of "prod-"`,
	},
	{
		"more without a prefix", "", "a b c prod-d", "./a ./b ./c ./d",
		`prefix ""
		a ./a
		b ./b
		c ./c
		d ./d prod=prod-d`,
	},
	{
		"two equally likely", "dev", "alice-a bob-a alice-b bob-b x", "./a ./b ./c",
		`prefix ""
		- alice-a: the prefix of dev may be "bob-" or "alice-"
		- alice-b: the prefix of dev may be "bob-" or "alice-"
		- bob-a: the prefix of dev may be "bob-" or "alice-"
		- bob-b: the prefix of dev may be "bob-" or "alice-"
		- x: no package has a name like it
		- ./a: the prefix of dev may be "bob-" or "alice-"
		- ./b: the prefix of dev may be "bob-" or "alice-"
		- ./c: no function on go1.x or provided.* has a name like it`,
	},
	{
		"one more for one of two", "dev", "alice-a bob-a alice-b bob-b alice-c", "./a ./b ./c",
		`prefix "alice-"
		a ./a
		b ./b
		c ./c
		- bob-a: ./a is alice-a
		- bob-b: ./b is alice-b`,
	},

	// names
	{
		"no prefix at all", "", "prod-a prod-b image-resizer", "./a ./b ./image/resizer",
		`prefix "prod-"
		a ./a
		b ./b
		image-resizer ./image/resizer prod=image-resizer`,
	},
	{
		"another prefix with its name", "", "prod-a prod-b prod_c our-prod-d", "./a ./b ./c ./d",
		`prefix "prod-"
		a ./a
		b ./b
		c ./c prod=prod_c
		d ./d prod=our-prod-d`,
	},
	{
		"another prefix", "", "prod-a prod-b legacy-c", "./a ./b ./c",
		`prefix "prod-"
		a ./a
		b ./b
		- legacy-c: like ./c, but with prefix "legacy-" instead of "prod-"
		- ./c: like legacy-c, but with prefix "legacy-" instead of "prod-"`,
	},
	{
		"no prefix, but that is another environment's", "", "prod-a prod-b a c", "./a ./b ./c",
		`prefix "prod-"
		a ./a
		b ./b
		- a: ./a is prod-a
		- c: like ./c, but with prefix "" instead of "prod-"
		- ./c: like c, but with prefix "" instead of "prod-"`,
	},
	{
		"no prefix, but a stage", "", "prod-a prod-b stg-c", "./a ./b ./stg/c",
		`prefix "prod-"
		a ./a
		b ./b
		- stg-c: like ./stg/c, but with prefix "" instead of "prod-"
		- ./stg/c: like stg-c, but with prefix "" instead of "prod-"`,
	},
	{
		"no prefix, but there is another candidate", "", "prod-a prod-b c stg-c", "./a ./b ./c",
		`prefix "prod-"
		a ./a
		b ./b
		- c: like ./c, but with prefix "" instead of "prod-"
		- stg-c: like ./c, but with prefix "stg-" instead of "prod-"
		- ./c: like c, but with prefix "" instead of "prod-"`,
	},

	// doubt
	{
		"two packages for a function", "", "prod-a prod-stream", "./a ./orders/stream ./users/stream",
		`prefix "prod-"
		a ./a
		- prod-stream: it may be ./orders/stream or ./users/stream
		- ./orders/stream: prod-stream may be ./orders/stream or ./users/stream
		- ./users/stream: prod-stream may be ./orders/stream or ./users/stream`,
	},
	{
		"two functions for a package", "", "prod-a prod-order-stream prod-order_stream", "./a ./order-stream",
		`prefix "prod-"
		a ./a
		- prod-order-stream: ./order-stream may be prod-order-stream or prod-order_stream
		- prod-order_stream: ./order-stream may be prod-order-stream or prod-order_stream
		- ./order-stream: it may be prod-order-stream or prod-order_stream`,
	},
	{
		"a short name and a long one", "", "prod-a prod-api prod-orders-api", "./a ./api ./orders/api",
		`prefix "prod-"
		a ./a
		- prod-api: it may be ./api or ./orders/api
		- prod-orders-api: ./orders/api may be prod-api or prod-orders-api
		- ./api: prod-api may be ./api or ./orders/api
		- ./orders/api: it may be prod-api or prod-orders-api`,
	},
	{
		"many", "", "prod-x", "./a/x ./b/x ./c/x ./d/x ./e/x ./f/x",
		`prefix "prod-"
		- prod-x: it may be ./a/x, ./b/x, ./c/x, ./d/x or one of 2 more
		- ./a/x: prod-x may be ./a/x, ./b/x, ./c/x, ./d/x or one of 2 more
		- ./b/x: prod-x may be ./a/x, ./b/x, ./c/x, ./d/x or one of 2 more
		- ./c/x: prod-x may be ./a/x, ./b/x, ./c/x, ./d/x or one of 2 more
		- ./d/x: prod-x may be ./a/x, ./b/x, ./c/x, ./d/x or one of 2 more
		- ./e/x: prod-x may be ./a/x, ./b/x, ./c/x, ./d/x or one of 2 more
		- ./f/x: prod-x may be ./a/x, ./b/x, ./c/x, ./d/x or one of 2 more`,
	},
}

func TestMatch(t *testing.T) {
	for _, test := range matchCases {
		t.Run(test.name, func(t *testing.T) {
			env := test.env
			if env == "" {
				env = "prod"
			}
			packages := strings.Fields(test.packages)
			want := strings.Split(strings.ReplaceAll(test.want, "\t", ""), "\n")
			got := lines(Match(env, deployed(test.deployed), packages))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
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
		"./cmd/lambda":               "cmd-lambda lambda",
	} {
		if got := strings.Join(candidates(pkg), " "); got != want {
			t.Errorf("%s: got %q, want %q", pkg, got, want)
		}
	}
}

// TestMatchRandom checks what holds of every matching: the functions make a
// manifest that gives them the names that they have on AWS, nothing is in two
// pairs or missing, and the order of the functions on AWS does not matter.
func TestMatchRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	word := func() string { return pick("a", "b", "B", "api", "main", "stg", "prod", "x_y", "x-y") }
	made := 0
	for range 1000 {
		env := pick("prod", "stg", "dev")
		var functions []Deployed
		var packages []string
		for range r.IntN(6) {
			name := pick("prod-", "prod_", "stg-", "acme-", "") + word() + pick("", "", "-"+word(), "_"+word())
			functions = append(functions, Deployed{name, pick("go1.x", "go1.x", "provided.al2", "python3.12"), "Zip"})
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
			seen[u.Function+u.Package]++
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
				t.Fatalf("%s\n%s is there %d times, want %d\n%s", case_, d.Name, seen[d.Name], want, strings.Join(lines(m), "\n"))
			}
			delete(seen, d.Name)
		}
		for _, pkg := range packages {
			if seen[pkg] != 1 {
				t.Fatalf("%s\n%s is there %d times, want 1", case_, pkg, seen[pkg])
			}
			delete(seen, pkg)
		}
		if len(seen) > 0 {
			t.Fatalf("%s\nunknown: %v", case_, seen)
		}

		if len(m.Functions) > 0 {
			made++
			whole := manifest.Manifest{Environments: map[string]manifest.Environment{env: e}, Functions: m.Functions}
			if err := manifest.Create(filepath.Join(t.TempDir(), "lambdas.json"), &whole); err != nil {
				t.Fatalf("%s\n%v", case_, err)
			}
		}
	}
	if made < 200 {
		t.Errorf("only %d of 1000 had a pair", made)
	}
}

// TestMatchLarge checks that a large account is dealt with in time.
func TestMatchLarge(t *testing.T) {
	var functions []Deployed
	var packages []string
	for i := range 500 {
		for _, env := range []string{"dev", "stg", "prod"} {
			functions = append(functions, Deployed{fmt.Sprintf("%s-service%03d-api", env, i), "go1.x", "Zip"})
		}
		packages = append(packages, fmt.Sprintf("./services/service%03d/api", i))
	}
	packages = append(packages, "./api")
	m := Match("prod", functions, packages)
	if m.Prefix != "prod-" || len(m.Functions) != 500 || len(m.Unmatched) != 1001 {
		t.Errorf("prefix %q, %d functions, %d unmatched", m.Prefix, len(m.Functions), len(m.Unmatched))
	}
}
