package manifest

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"
)

const fleet = `{
  "environments": {
    "prod": {"prefix": "prod-"},
    "stg": {"prefix": "stg-", "dual": false}
  },
  "functions": [
    {"name": "example-api", "package": "./functions/example-api"},
    {"name": "order-stream", "package": "./functions/order-stream", "names": {"prod": "legacy_orders"}},
    {"name": "order-report", "package": "./functions/order-report", "dual": false}
  ]
}
`

func parse(t testing.TB, data string) *Manifest {
	t.Helper()
	m, err := Parse("lambdas.json", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestChoice(t *testing.T) {
	for _, test := range []struct{ glob, has, unused string }{
		{"", "a b ab", ""},
		{"a*", "a ab", ""},
		{"b,a", "a b", ""},
		{"b, c, d", "b", "c"},
	} {
		c, err := Choose(test.glob)
		if err != nil {
			t.Fatal(err)
		}
		var has []string
		for _, name := range []string{"a", "b", "ab"} {
			if c.Has(name, "") {
				has = append(has, name)
			}
		}
		if got := strings.Join(has, " "); got != test.has || c.Unused() != test.unused {
			t.Errorf("%q has %q, and %q is unused; want %q and %q", test.glob, got, c.Unused(), test.has, test.unused)
		}
	}
	if _, err := Choose("[a"); !errors.Is(err, path.ErrBadPattern) {
		t.Errorf("error %v of a malformed pattern", err)
	}
}

func TestSelect(t *testing.T) {
	m := parse(t, fleet)
	for _, test := range []struct{ env, glob, want string }{
		{"prod", "", "prod-example-api dual, legacy_orders dual, prod-order-report"},
		{"stg", "", "stg-example-api, stg-order-stream, stg-order-report"},
		{"prod", "*", "prod-example-api dual, legacy_orders dual, prod-order-report"},
		{"prod", "order-*", "legacy_orders dual, prod-order-report"},
		{"prod", "legacy_*", "legacy_orders dual"},
		{"prod", "prod-*", "prod-example-api dual, prod-order-report"},
		{"stg", "stg-order-stream", "stg-order-stream"},
		{"prod", "order-report, e[w-y]ample-ap?", "prod-example-api dual, prod-order-report"},
		{"prod", "order-report,order-*", "legacy_orders dual, prod-order-report"},
	} {
		t.Run(test.env+" "+test.glob, func(t *testing.T) {
			targets, err := m.Select(test.env, test.glob)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, target := range targets {
				name := target.FunctionName
				if target.Dual {
					name += " dual"
				}
				if target.Environment.Name != test.env {
					t.Errorf("%s is in environment %q", name, target.Environment.Name)
				}
				got = append(got, name)
			}
			if got := strings.Join(got, ", "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestLevels checks that a function's own value counts, else the environment's,
// else the file's.
func TestLevels(t *testing.T) {
	const none, file = "", `"architecture": "arm64", "layerArchitectures": ["arm64"], "single": true, "snapshot": true`
	const other, both = `"architecture": "x86_64", "layerArchitectures": ["x86_64"], "single": false, "snapshot": false`, `"layerArchitectures": ["arm64", "x86_64"], "snapshot": false`
	for _, test := range []struct{ file, environment, function, selected, matched string }{
		{none, none, none, "false false [] ", "false false [] "},
		{file, none, none, "true true [arm64] arm64", "true true [arm64] arm64"},
		{none, file, none, "true true [arm64] arm64", "false false [] "},
		{none, none, file, "true true [arm64] arm64", "true true [arm64] arm64"},
		{file, other, none, "false false [x86_64] x86_64", "true true [arm64] arm64"},
		{file, none, other, "false false [x86_64] x86_64", "false false [x86_64] x86_64"},
		{none, file, other, "false false [x86_64] x86_64", "false false [x86_64] x86_64"},
		{other, file, both, "false true [arm64 x86_64] arm64", "false false [arm64 x86_64] x86_64"},
	} {
		members := func(own, rest string) string {
			return strings.Trim(own+", "+rest, ", ")
		}
		m := parse(t, fmt.Sprintf(`{%s}`, members(test.file, fmt.Sprintf(`"environments": {"dev": {%s}}, "functions": [{%s}]`,
			test.environment, members(test.function, `"name": "a", "package": "./a"`)))))
		selected, err := m.Select("dev", "")
		if err != nil {
			t.Fatal(err)
		}
		matched, err := m.Match("")
		if err != nil {
			t.Fatal(err)
		}
		for _, check := range []struct {
			target                   Target
			what, functionName, want string
		}{
			{selected[0], "selected", "a", test.selected},
			{matched[0], "matched", "", test.matched},
		} {
			got := fmt.Sprintf("%t %t %v %s", check.target.Snapshot, check.target.Single, check.target.LayerArchitectures, check.target.Architecture)
			if got != check.want || !check.target.Dual || check.target.FunctionName != check.functionName {
				t.Errorf("%+v: %s %s, want %s: %+v", test, check.what, got, check.want, check.target)
			}
		}
	}
}

func TestSelectErrors(t *testing.T) {
	m := parse(t, fleet)
	for _, test := range []struct{ env, glob, want string }{
		{"prd", "", `lambdas.json:2:19: /environments: no environment "prd" (did you mean "prod"?)`},
		{"production", "*", `lambdas.json:2:19: /environments: no environment "production" (did you mean "prod"?)`},
		{"PROD", "", `lambdas.json:2:19: /environments: no environment "PROD" (did you mean "prod"?)`},
		{"", "", `lambdas.json:2:19: /environments: no environment "" (known: prod, stg)`},
		{"prod", "exmaple-api", `lambdas.json:6:16: /functions: no function of environment "prod" matches "exmaple-api" (did you mean "example-api"?)`},
		{"prod", "legacy-orders", `lambdas.json:6:16: /functions: no function of environment "prod" matches "legacy-orders" (did you mean "legacy_orders"?)`},
		{"prod", "stg-*", `lambdas.json:6:16: /functions: no function of environment "prod" matches "stg-*" (known: example-api, order-stream, order-report)`},
		{"prod", "example-api,nightly", `lambdas.json:6:16: /functions: no function of environment "prod" matches "nightly" (known: example-api, order-stream, order-report)`},
		{"prod", "[a-", `pattern "[a-" in "[a-": syntax error in pattern (write a name, or use *, ? and [a-z], with commas between several)`},
		{"prod", "example-api[", `pattern "example-api[" in "example-api[": syntax error in pattern (write a name, or use *, ? and [a-z], with commas between several)`},
		{"prod", "example-api,", `pattern "" in "example-api,": syntax error in pattern (write a name, or use *, ? and [a-z], with commas between several)`},
	} {
		t.Run(test.env+" "+test.glob, func(t *testing.T) {
			targets, err := m.Select(test.env, test.glob)
			checkLines(t, err, test.want)
			if targets != nil {
				t.Errorf("got targets %v", targets)
			}
			var problem Problem
			if !errors.As(err, &problem) && !errors.Is(err, path.ErrBadPattern) {
				t.Errorf("got %T, want a Problem or path.ErrBadPattern", err)
			}
		})
	}
}

func TestRollbackTo(t *testing.T) {
	m := parse(t, `{"environments": {"prod": {}, "dev": {"rollbackTo": "provided"}, "stg": {"rollbackTo": "go1.x", "dual": false}}, "functions": [
		{"name": "a", "package": "./a"},
		{"name": "b", "package": "./b", "dual": false},
		{"name": "c", "package": "./c", "rollbackTo": "provided.al2"},
		{"name": "d", "package": "./d", "rollbackTo": "provided.al2", "dual": false},
		{"name": "e", "package": "./e", "rollbackTo": "go1.x"}
	]}`)
	for env, want := range map[string]string{
		"prod": "[go1.x  provided.al2 provided.al2 go1.x]",
		"dev":  "[provided provided provided.al2 provided.al2 go1.x]",
		"stg":  "[go1.x  provided.al2 provided.al2 go1.x]",
	} {
		targets, err := m.Select(env, "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, target := range targets {
			got = append(got, target.RollbackTo)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, want %s", env, got, want)
		}
	}
}

func TestMatch(t *testing.T) {
	m := parse(t, fleet)
	for _, test := range []struct{ glob, want, err string }{
		{"", "example-api order-stream order-report", ""},
		{"order-*", "order-stream order-report", ""},
		{"order-report, example-api", "example-api order-report", ""},
		{"prod-example-api", "", `lambdas.json:6:16: /functions: no function matches "prod-example-api" (did you mean "example-api"?)`},
		{"order-strem", "", `lambdas.json:6:16: /functions: no function matches "order-strem" (did you mean "order-stream"?)`},
		{"order-*,nightly", "", `lambdas.json:6:16: /functions: no function matches "nightly" (known: example-api, order-stream, order-report)`},
		{"[", "", `pattern "[" in "[": syntax error in pattern (write a name, or use *, ? and [a-z], with commas between several)`},
	} {
		t.Run(test.glob, func(t *testing.T) {
			targets, err := m.Match(test.glob)
			if test.err == "" {
				checkLines(t, err)
			} else {
				checkLines(t, err, test.err)
			}
			var got []string
			for _, target := range targets {
				got = append(got, target.Function.Name)
				if target.FunctionName != "" || target.Dual != target.Function.Dual {
					t.Errorf("got function name %q and dual %t of %s", target.FunctionName, target.Dual, target.Function.Name)
				}
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestWithoutFile checks the errors of a manifest that was not parsed.
func TestWithoutFile(t *testing.T) {
	m := Manifest{Environments: map[string]Environment{"dev": {Name: "dev"}}}
	_, err := m.Environment("prod")
	checkLines(t, err, `/environments: no environment "prod" (known: dev)`)
}

func TestPattern(t *testing.T) {
	glob, empty := "a*", ""
	if got, err := Pattern(nil); got != "" || err != nil {
		t.Errorf("without a flag: %q, %v", got, err)
	}
	if got, err := Pattern(&glob); got != glob || err != nil {
		t.Errorf("with a flag: %q, %v", got, err)
	}
	if _, err := Pattern(&empty); err == nil || err.Error() != "-only is empty; leave it out to choose all functions" {
		t.Errorf("with an empty flag: %v", err)
	}
}
