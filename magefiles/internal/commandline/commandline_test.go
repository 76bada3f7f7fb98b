package commandline

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func find(name string) (*Target, error) {
	flags := map[string]string{"only": "string", "concurrency": "int", "yes": "bool", "settle": "time.Duration", "rate": "float64"}
	withEnv := map[string]string{"only": "string", "env": "string"}
	targets := map[string]*Target{
		"build":      {Flags: map[string]string{"only": "string"}},
		"deploy":     {Arguments: []string{"environment"}, Flags: withEnv},
		"status":     {Flags: withEnv},
		"deployprod": {Flags: flags},
		"test":       {},
	}
	targets["lambda:deployprod"] = targets["deployprod"]
	if name == "broken" {
		return nil, errors.New("broken")
	}
	return targets[strings.ToLower(name)], nil
}

func TestCheck(t *testing.T) {
	for _, test := range []struct{ words, want string }{
		{"deployProd", ""},
		{"DEPLOYPROD -Only=a -yes", ""},
		{"build test deployProd", ""},
		{"build -only=a deploy prod -only=b deployProd -concurrency=3 test", ""},
		{"deploy deploy", ""},
		{"deploy -env=staging -only=a", ""},
		{"deployProd -settle=1m -rate=0.5 -yes=false", ""},
		{"deployProd example-api", `"example-api" is not a target, and deployProd takes no argument; to select functions, write: mage deployProd -only=example-api`},
		{"deploy prod extra", `"extra" is not a target, and deploy takes one argument; to select functions, write: mage deploy prod -only=extra`},
		{"deploy -only=a prod", `"prod" is not a target, and deploy takes one argument; for environment prod, write: mage deploy prod -only=a`},
		{"deploy -only=a eu", `"eu" is not a target, and deploy takes one argument; for environment eu, write: mage deploy eu -only=a`},
		{"deploy prod staging", `"staging" is not a target, and deploy takes one argument; for environment staging, write: mage deploy staging`},
		{"deploy -env=prod -only=a staging", `"staging" is not a target, and deploy takes one argument; for environment staging, write: mage deploy -env=staging -only=a`},
		{"status prod", `"prod" is not a target, and status takes no argument; for environment prod, write: mage status -env=prod`},
		{"status -only=a -env=prod Staging", `"Staging" is not a target, and status takes no argument; for environment Staging, write: mage status -only=a -env=Staging`},
		{"status a", `"a" is not a target, and status takes no argument; to select functions, write: mage status -only=a`},
		{"deployProd prod", `"prod" is not a target, and deployProd takes no argument; to select functions, write: mage deployProd -only=prod`},
		{"deployProd a b test", `"a" is not a target, and deployProd takes no argument; to select functions, write: mage deployProd -only=a,b`},
		{"deployProd -only=a -yes b", `"b" is not a target, and deployProd takes no argument; to select functions, write: mage deployProd -only=a,b -yes`},
		{"lambda:deployProd a", `"a" is not a target, and lambda:deployProd takes no argument; to select functions, write: mage lambda:deployProd -only=a`},
		{"deployProd test extra", `"extra" is not a target, and test takes no argument; list the targets with: mage -l`},
		{"test -v", `"-v" is not a target, and test takes no argument; list the targets with: mage -l`},
		{"nothing", `"nothing" is not a target; list the targets with: mage -l`},
		{"deployProd deploy", `deploy needs one argument; write: mage deploy <environment>`},
		{"deployProd -only=a -yes -only=b", `deployProd: -only is given twice, and mage keeps only the last; write it once, with commas between values if it takes several`},
		{"build deployProd -only=a -Only=b", `deployProd: -Only is given twice, and mage keeps only the last; write it once, with commas between values if it takes several`},
		{"deployProd -yes -yes", `deployProd: -yes is given twice; write it once`},
		{"build -only=a build -only=b", ""},
		{"deployProd build -force", `build has no flag "-force"; list its flags with: mage -h build`},
		{"build deployProd -only x", `deployProd: write -only=VALUE, with = and without a space`},
		{"build deployProd -concurrency=x", `deployProd: "x" is no int for -concurrency`},
		{"build deployProd -settle=1", `deployProd: "1" is no time.Duration for -settle`},
		{"build deployProd -yes=x", `deployProd: "x" is no bool for -yes`},
		{"build deployProd -rate=x", `deployProd: "x" is no float64 for -rate`},
		{"build broken", "broken"},
	} {
		got := ""
		if err := Check("mage", strings.Fields(test.words), find); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("mage %s\n got %q\nwant %q", test.words, got, test.want)
		}
	}
}

func TestTargets(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"deployProd a", "deployProd a"},
		{"-v -t 5m deployProd -v", "deployProd -v"},
		{"-t=5m -v=true deployProd", "deployProd"},
		{"-- deployProd", "deployProd"},
		{"-x deployProd", ""},
	} {
		if got := targets(strings.Fields(test.args)); !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("%s: %q, want %q", test.args, got, test.want)
		}
	}
}

func TestParseHelp(t *testing.T) {
	for _, test := range []struct {
		name, out string
		want      Target
	}{
		{"nothing", "Usage:\n\n\tmage test\n\n", Target{Flags: map[string]string{}}},
		{"comment that shows a usage", "Usage:\n\n\tx <a> <b>\n\nUsage:\n\n\tmage release <version>\n\n", Target{Arguments: []string{"version"}, Flags: map[string]string{}}},
		{"one flag", "Zip.\n\nUsage:\n\n\tmage zip [-only=<string>]\n\nFlags:\n\n\t-only=<string>  like -env=<string>\n\n", Target{Flags: map[string]string{"only": "string"}}},
		{"flags and aliases", "Usage:\n\n\tmage deploy <environment> [<flags>]\n\nFlags:\n\n\t-stopAfter=<int>       a\n\t-settle=<time.Duration>\n\nAliases: d, ship\n\n", Target{
			Arguments: []string{"environment"}, Flags: map[string]string{"stopafter": "int", "settle": "time.Duration"}, Aliases: []string{"d", "ship"},
		}},
	} {
		got, err := parseHelp(test.out)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(&test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if _, err := parseHelp("no help"); err == nil {
		t.Error("a help without a usage is accepted")
	}
}

func TestParseList(t *testing.T) {
	got := parseList("Move functions.\n\nTargets:\n  build            (local) builds\n  lambda:deploy*   deploys\n  test             \n\n* default target\n")
	if want := []string{"build", "lambda:deploy", "test"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestArgument(t *testing.T) {
	staging := "staging"
	for _, test := range []struct {
		word string
		flag *string
		want string // or an error
	}{
		{"staging", nil, "staging"},
		{"-env=staging", nil, "staging"},
		{"-Env=staging", nil, "staging"},
		{"-env=", nil, "-env is empty; write: mage deploy -env=ENVIRONMENT"},
		{"-env", nil, "write -env=ENVIRONMENT, with = and without a space"},
		{"-only=a", &staging, "the environment comes first; write: mage deploy staging -only=a"},
		{"-only=a", nil, "deploy needs the environment first; write: mage deploy ENVIRONMENT -only=a"},
		{"prod", &staging, `the environment is "prod" and -env is "staging"; write one of them`},
		{"", nil, "the environment is empty"},
	} {
		got, err := (*Program)(nil).Argument("deploy", "environment", test.word, "env", test.flag)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: %q, want %q", test.word, got, test.want)
		}
	}
}
