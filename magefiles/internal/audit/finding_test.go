package audit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// TestEventSourceQualifiers checks whether an event source follows $LATEST, and
// whether there is a warning.
func TestEventSourceQualifiers(t *testing.T) {
	a := newAccount(t)
	for i, test := range []struct {
		name      string
		latest    types.Runtime
		versions  []types.Runtime
		qualifier string
		alias     string
		deleted   bool // whether the alias is deleted again
		follows   bool
		warnings  []string // with SOURCE for the event source
	}{
		{name: "none", latest: go1x, follows: true},
		{name: "$LATEST", latest: go1x, qualifier: ":$LATEST", follows: true},
		{name: "alias of $LATEST", latest: go1x, qualifier: ":live", alias: "live $LATEST", follows: true},
		{name: "deleted alias", latest: go1x, qualifier: ":live", alias: "live $LATEST", deleted: true, warnings: []string{`SOURCE reads for alias live: changing $LATEST does not move it`}},
		{name: "version", latest: al2023, versions: []types.Runtime{go1x}, qualifier: ":1", warnings: []string{`SOURCE reads for version 1: changing $LATEST does not move it`}},
		{name: "version on another runtime than $LATEST", latest: go1x, versions: []types.Runtime{al2023}, qualifier: ":1", warnings: []string{`SOURCE reads for version 1: changing $LATEST does not move it`}},
		{name: "version that is not due", latest: al2023, versions: []types.Runtime{go1x, al2023}, qualifier: ":2"},
		{name: "alias of a version that is not due", latest: al2023, versions: []types.Runtime{go1x, al2023}, qualifier: ":live", alias: "live 2"},
		{name: "alias with a second version that is due", latest: al2023, versions: []types.Runtime{go1x, al2023}, qualifier: ":live", alias: "live 2 1:0.25", warnings: []string{
			"alias live sends 25% to version 1, on go1.x: changing $LATEST does not move it",
			`SOURCE reads for alias live: changing $LATEST does not move it`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := fmt.Sprint("f", i)
			a.function(name, test.latest, test.versions...)
			if test.alias != "" {
				a.alias(name, test.alias)
			}
			a.mapping(name+test.qualifier, "sqs:"+name)
			if test.deleted {
				_, err := a.DeleteAlias(t.Context(), &sdk.DeleteAliasInput{FunctionName: &name, Name: aws.String("live")})
				a.check(err)
			}
			r := a.audit(Options{Only: func(n string) bool { return n == name }})
			if len(r.Findings) != 1 {
				t.Fatalf("%d findings", len(r.Findings))
			}
			f := r.Findings[0]
			if f.EventSources[0].FollowsLatest != test.follows {
				t.Errorf("follows $LATEST: %v", !test.follows)
			}
			got := strings.ReplaceAll(strings.Join(f.Warnings, "\n"), "sqs "+sourceArn("sqs", name), "SOURCE")
			if d := cmp.Diff(strings.Join(test.warnings, "\n"), got); d != "" {
				t.Errorf("warnings (-want +got):\n%s", d)
			}
		})
	}
}

func TestHandlerWarning(t *testing.T) {
	for _, test := range []struct{ runtime, handler, want string }{
		{"go1.x", "lambda", ""},
		{"provided.al2023", "main", ""},
		{"go1.x", "bin/main", ""},
		{"go1.x", "bootstrap", ""},
		{"provided.al2", "./main", ""},
		{"go1.x", "./main", `change its handler before it is deployed: handler "./main" is not the path of a file in the zip (write "main", relative to the root of the zip)`},
		{"go1.x", "../main", `change its handler before it is deployed: handler "../main" is not the path of a file in the zip (handlers look like main or bin/orders)`},
	} {
		f := Finding{Runtime: test.runtime, Handler: test.handler}
		f.warn()
		if got := strings.Join(f.Warnings, "\n"); got != test.want {
			t.Errorf("%s on %s: %q, want %q", test.handler, test.runtime, got, test.want)
		}
	}
}
