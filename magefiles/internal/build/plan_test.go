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
		binary   Binary
		platform Platform
		units    []*unit
		want     []string // directory and arguments, {n} for the nth output directory
		files    []string
	}{
		{
			name: "lambda", binary: Lambda, platform: AWS, units: []*unit{root("a"), root("b")},
			want:  []string{"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./functions/a ./functions/b"},
			files: []string{"{0}/a", "{0}/b"},
		},
		{
			name: "bootstrap", binary: Bootstrap, platform: AWS, units: []*unit{root("a"), root("b")},
			want:  []string{"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -tags=lambda.norpc,timetzdata -o {0}/ ./functions/a ./functions/b"},
			files: []string{"{0}/a", "{0}/b"},
		},
		{
			name: "tags of a function", binary: Bootstrap, platform: AWS, units: []*unit{root("a"), root("b", "zz", "aa"), root("c")},
			want: []string{
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -tags=lambda.norpc,timetzdata -o {0}/ ./functions/a ./functions/c",
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -tags=aa,lambda.norpc,timetzdata,zz -o {1}/ ./functions/b",
			},
			files: []string{"{0}/a", "{1}/b", "{0}/c"},
		},
		{
			name: "one package, two functions", binary: Lambda, platform: AWS, units: []*unit{root("a"), root("a")},
			want:  []string{"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./functions/a"},
			files: []string{"{0}/a", "{0}/a"},
		},
		{
			name: "packages of one name", binary: Lambda, platform: AWS, units: []*unit{root("x/a"), root("y/a"), root("y/a"), root("z")},
			want: []string{
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./functions/x/a ./functions/z",
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {1}/ ./functions/y/a",
			},
			files: []string{"{0}/a", "{1}/a", "{1}/a", "{0}/z"},
		},
		{
			name: "a nested module", binary: Lambda, platform: AWS, units: []*unit{root("a"), nested},
			want: []string{
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./functions/a",
				"/repo/nested: build -trimpath -buildvcs=false -ldflags=-s -w -o {1}/ ./.",
			},
			files: []string{"{0}/a", "{1}/nested"},
		},
		{
			name: "a major version", binary: Lambda, platform: Platform{"windows", "amd64"}, units: []*unit{versioned},
			want:  []string{"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./api/v2"},
			files: []string{"{0}/api.exe"},
		},
		{
			name: "names that differ by case", binary: Lambda, platform: AWS, units: []*unit{root("x/orders"), root("y/Orders")},
			want: []string{
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {0}/ ./functions/x/orders",
				"/repo: build -trimpath -buildvcs=false -ldflags=-s -w -o {1}/ ./functions/y/Orders",
			},
			files: []string{"{0}/orders", "{1}/Orders"},
		},
		{name: "nothing", binary: Lambda, platform: AWS},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			commands := plan(test.binary, test.platform, "out", test.units)
			var files []string
			for _, u := range test.units {
				files = append(files, u.file)
			}
			var got []string
			var names []string
			for i, c := range commands {
				dir := filepath.Join("out", test.platform.OS+"-"+test.platform.Arch, string(test.binary))
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

func TestPlanIsStable(t *testing.T) {
	a := func() *unit {
		return &unit{source: source{module: "/repo", pattern: "./a", importPath: "example.com/repo/a"}, function: &Function{}}
	}
	b := &unit{source: source{module: "/repo", pattern: "./b", importPath: "example.com/repo/b"}, function: &Function{Tags: []string{"x"}}}
	first := plan(Lambda, AWS, "out", []*unit{a()})
	second := plan(Lambda, AWS, "out", []*unit{b, a()})
	if first[0].out != second[1].out {
		t.Errorf("a package moves from %s to %s when another one is added", first[0].out, second[1].out)
	}
}
