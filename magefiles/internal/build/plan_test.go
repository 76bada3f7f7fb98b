package build

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlan(t *testing.T) {
	of := func(s source, tags ...string) *unit { return &unit{source: s, function: &Function{Tags: tags}} }
	root := func(name string, tags ...string) *unit {
		return of(source{module: "/repo", pattern: "./functions/" + name, importPath: "example.com/repo/functions/" + name}, tags...)
	}
	nested := of(source{module: "/repo/nested", pattern: "./.", importPath: "example.com/nested"})
	versioned := of(source{module: "/repo", pattern: "./api/v2", importPath: "example.com/repo/api/v2"})

	tests := []struct {
		name     string
		kind     Kind
		platform Platform
		units    []*unit
		want     []string // directory and arguments, {n} for the nth output directory
		files    []string
	}{
		{
			name: "lambda", kind: Legacy, platform: AWS, units: []*unit{root("a"), root("b")},
			want:  []string{"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./functions/a ./functions/b"},
			files: []string{"{0}/a", "{0}/b"},
		},
		{
			name: "bootstrap", kind: Bootstrap, platform: AWS, units: []*unit{root("a"), root("b")},
			want:  []string{"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -tags=lambda.norpc,timetzdata -o {0}/ ./functions/a ./functions/b"},
			files: []string{"{0}/a", "{0}/b"},
		},
		{
			name: "tags of a function", kind: Bootstrap, platform: AWS, units: []*unit{root("a"), root("b", "zz", "aa"), root("c")},
			want: []string{
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -tags=lambda.norpc,timetzdata -o {0}/ ./functions/a ./functions/c",
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -tags=aa,lambda.norpc,timetzdata,zz -o {1}/ ./functions/b",
			},
			files: []string{"{0}/a", "{1}/b", "{0}/c"},
		},
		{
			name: "one package, two functions", kind: Legacy, platform: AWS, units: []*unit{root("a"), root("a")},
			want:  []string{"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./functions/a"},
			files: []string{"{0}/a", "{0}/a"},
		},
		{
			name: "packages of one name", kind: Legacy, platform: AWS, units: []*unit{root("x/a"), root("y/a"), root("y/a"), root("z")},
			want: []string{
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./functions/x/a ./functions/z",
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {1}/ ./functions/y/a",
			},
			files: []string{"{0}/a", "{1}/a", "{1}/a", "{0}/z"},
		},
		{
			name: "a nested module", kind: Legacy, platform: AWS, units: []*unit{root("a"), nested},
			want: []string{
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./functions/a",
				"/repo/nested: build -trimpath -buildvcs=false -ldflags=-s -w -o {1}/ ./.",
			},
			files: []string{"{0}/a", "{1}/nested"},
		},
		{
			name: "a major version", kind: Legacy, platform: Platform{"windows", "amd64"}, units: []*unit{versioned},
			want:  []string{"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./api/v2"},
			files: []string{"{0}/api.exe"},
		},
		{
			name: "names that differ by case", kind: Legacy, platform: AWS, units: []*unit{root("x/orders"), root("y/Orders")},
			want: []string{
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./functions/x/orders",
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {1}/ ./functions/y/Orders",
			},
			files: []string{"{0}/orders", "{1}/Orders"},
		},
		{name: "nothing", kind: Legacy, platform: AWS},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			place(test.units)
			commands := plan(Binary{Kind: test.kind}, test.platform, "out", test.units)
			var files []string
			for _, u := range test.units {
				files = append(files, u.file)
			}
			var got []string
			var names []string
			for i, c := range commands {
				dir := filepath.Join("out", test.platform.OS+"-"+test.platform.Arch, string(test.kind))
				if filepath.Dir(c.out) != dir {
					t.Errorf("command %d writes to %s, want below %s", i, c.out, dir)
				}
				names = append(names, c.out, "{"+string(rune('0'+i))+"}")
				got = append(got, c.dir+": "+strings.Join(c.args(), " "))
			}
			named := strings.NewReplacer(names...)
			for i := range got {
				got[i] = filepath.ToSlash(named.Replace(got[i]))
			}
			for i := range files {
				files[i] = filepath.ToSlash(named.Replace(files[i]))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.files, files); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPlanIsStable expects the paths of the run before, so that go build finds the
// executables.
func TestPlanIsStable(t *testing.T) {
	a := func() *unit {
		return &unit{source: source{module: "/repo", pattern: "./a", importPath: "example.com/repo/a"}, function: &Function{}}
	}
	b := &unit{source: source{module: "/repo", pattern: "./b", importPath: "example.com/repo/b"}, function: &Function{Tags: []string{"x"}}}
	files := func(units ...*unit) string {
		place(units)
		plan(Binary{Kind: Legacy}, AWS, "out", units)
		return units[len(units)-1].file
	}
	if first, second := files(a()), files(b, a()); first != second {
		t.Errorf("a package moves from %s to %s when another one is added", first, second)
	}
	in := func(repository string) string {
		u := a()
		u.module = repository
		place([]*unit{u})
		out := filepath.Join(repository, "bin")
		plan(Binary{Kind: Legacy}, AWS, out, []*unit{u})
		return strings.TrimPrefix(u.file, out)
	}
	if before, after := in(t.TempDir()), in(t.TempDir()); before != after {
		t.Errorf("a package moves from %s to %s with its repository", before, after)
	}
}

// TestPlaces builds another binary of some functions: it must not get the path of
// a function that this build does not have.
func TestPlaces(t *testing.T) {
	of := func(dir string) *unit {
		return &unit{source: source{module: "/repo", pattern: "./" + dir, importPath: "example.com/repo/" + dir}, function: &Function{}}
	}
	upper, lower, other := of("x/Orders"), of("y/orders"), of("z")
	place([]*unit{upper, lower, other})
	again := &unit{source: lower.source, function: lower.function}
	place([]*unit{again, of("z/ORDERS")})
	plan(Binary{Kind: Legacy}, AWS, "out", []*unit{upper, lower, other})
	plan(Binary{Kind: Legacy}, AWS, "out", []*unit{again})
	if again.file != lower.file {
		t.Errorf("the package moves from %s to %s", lower.file, again.file)
	}
	if strings.EqualFold(upper.file, lower.file) {
		t.Errorf("two packages have the file %s", upper.file)
	}
	if filepath.Dir(other.file) != filepath.Dir(upper.file) {
		t.Errorf("files %s and %s, want one directory", upper.file, other.file)
	}
}
