package match

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

func TestOrphans(t *testing.T) {
	var all []Deployed
	for name, runtime := range map[string]string{
		"prod-api": lambda.Go1x, "prod-import": lambda.Go1x, "import": lambda.Go1x, "prod-old": lambda.ProvidedAL2, "prod-new": lambda.ProvidedAL2023,
		"stg-import": lambda.Go1x, "prod-API": lambda.Go1x, "api-api": lambda.Go1x, "page": "nodejs22.x",
	} {
		all = append(all, Deployed{Name: name, Runtime: runtime, Handler: "main", Architecture: lambda.ARM64})
	}
	m := Match("prod", all, []string{"./api"})
	m.Prefix = "prod-"
	m.Functions = []manifest.Function{{Name: "api", Package: "./api"}}
	got := m.Orphans("prod", all)
	want := []manifest.Function{
		{Name: "import", Source: manifest.Deployed, Dual: true, Names: map[string]string{"prod": "import"}},
		{Name: "prod-import", Source: manifest.Deployed, Dual: true, Names: map[string]string{"prod": "prod-import"}},
		{Name: "old", Source: manifest.Deployed, Dual: true, RollbackTo: lambda.ProvidedAL2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, u := range m.Unmatched {
		if u.Name == "import" || u.Name == "prod-old" {
			t.Errorf("%s is still left out", u.Name)
		}
	}
}
