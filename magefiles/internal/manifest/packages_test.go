package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// write writes files to a new directory, and returns it. Each file in the text
// begins with a line "-- name --".
func write(t *testing.T, files string) string {
	t.Helper()
	dir := t.TempDir()
	for file := range strings.SplitSeq("\n"+files, "\n-- ") {
		name, content, ok := strings.Cut(file, " --\n")
		if !ok {
			continue
		}
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load loads the manifest with functions in dir, by a name relative to it.
func load(t *testing.T, dir, functions string) error {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "lambdas.json"), []byte(withFunctions(functions)), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	_, err := Load("lambdas.json")
	return err
}

const packages = `
-- functions/example-api/main.go --
package main
-- functions/example-api/main_test.go --
package main
-- functions/order-stream/main.go --
package main

import "no/such/package"

func main() { syntax error
-- functions/no-import/main.go --
package main

import 7
-- functions/library/library.go --
package library
-- functions/mixed/a.go --
package main
-- functions/mixed/b.go --
package other
-- functions/tagged/main.go --
//go:build special

package main
-- functions/untagged/main.go --
//go:build !special

package main
-- functions/windows/main_windows.go --
package main
-- functions/norpc/main.go --
//go:build linux && amd64 && !cgo

package main
-- functions/cgo/main.go --
package main

import "C"
-- functions/tests/main_test.go --
package main
-- functions/docs/README --
Nothing here.
-- functions/words/main.go --
just words
-- functions/halves/a.go --
just words
-- functions/halves/b.go --
package main
-- functions/deep/er/main.go --
package main
-- main.go --
package main
`

func TestLoadPackages(t *testing.T) {
	dir := write(t, packages)
	for _, test := range []struct{ pkg, tags, want string }{
		{"./functions/example-api", "", ""},
		{"functions/example-api/", "", ""},
		{".", "", ""},
		{"./", "", ""},
		{"./functions/order-stream", "", ""},
		{"./functions/no-import", "", ""},
		{"./functions/halves", "", ""},
		{"./functions/tagged", `"special"`, ""},
		{"./functions/untagged", "", ""},
		{"./functions/norpc", "", ""},
		{"./functions/deep/er", "", ""},

		{"./functions/exmaple-api", "", `no such directory "functions/exmaple-api" (did you mean "functions/example-api"?)`},
		{"./function/order-strem", "", `no such directory "function/order-strem" (did you mean "functions/order-stream"?)`},
		{"./functions/Example-API", "", `no such directory "functions/Example-API" (did you mean "functions/example-api"?)`},
		{"./functions/something-else", "", `no such directory "functions/something-else"`},
		{"./functions/deeep/something-else", "", `no such directory "functions/deeep/something-else"`},
		{"./functions/example-api/main.go", "", `"functions/example-api/main.go" is not a directory (name the directory that holds the package)`},
		{"./main.go/functions", "", `"main.go" is not a directory (name the directory that holds the package)`},
		{"./functions", "", `"functions" holds no Go files`},
		{"./functions/docs", "", `"functions/docs" holds no Go files`},
		{"./functions/tests", "", `"functions/tests" holds nothing but tests`},
		{"./functions/tagged", "", `"functions/tagged" holds no Go files for linux/amd64 (main.go: excluded by a build constraint or by import "C")`},
		{"./functions/untagged", `"other", "special"`, `"functions/untagged" holds no Go files for linux/amd64 with tags other,special (main.go: excluded by a build constraint or by import "C")`},
		{"./functions/windows", "", `"functions/windows" holds no Go files for linux/amd64 (main_windows.go: excluded by a build constraint or by import "C")`},
		{"./functions/cgo", "", `"functions/cgo" holds no Go files for linux/amd64 (main.go: excluded by a build constraint or by import "C")`},
		{"./functions/library", "", `"functions/library" is package library, not package main (only package main becomes a binary)`},
		{"./functions/mixed", "", `"functions/mixed" holds several packages: main in a.go and other in b.go (a function is one package main)`},
		{"./functions/words", "", `"functions/words" cannot be read as a package: functions/words/main.go:1:1: expected 'package', found just`},
	} {
		t.Run(test.pkg+" "+test.tags, func(t *testing.T) {
			err := load(t, dir, `{"name": "a", "package": "`+test.pkg+`", "tags": [`+test.tags+`]}`)
			if test.want == "" {
				checkLines(t, err)
			} else {
				checkLines(t, err, "lambdas.json:1:70: /functions/0/package: "+test.want)
			}
		})
	}
}

func TestLoadPackageBehindLinks(t *testing.T) {
	outside := write(t, "-- a/main.go --\npackage main\n")
	dir := write(t, packages)
	for name, target := range map[string]string{
		"inside":    filepath.Join("functions", "example-api"),
		"outside":   filepath.Join(outside, "a"),
		"elsewhere": outside,
		"nowhere":   "no-such-file",
		"file":      "main.go",
		"loop":      "loop",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links can be made here: %v", err)
		}
	}
	for _, test := range []struct{ pkg, want string }{
		{"./inside", ""},
		{"./outside", `"outside" leads out of the repository by a symbolic link (only packages inside can be built)`},
		{"./elsewhere/a", `"elsewhere/a" leads out of the repository by a symbolic link (only packages inside can be built)`},
		{"./nowhere", `cannot follow "nowhere": no such file or directory`},
		{"./nowhere/a", `cannot look for "nowhere/a": no such file or directory`},
		{"./file", `"file" is not a directory (name the directory that holds the package)`},
		{"./loop", `cannot follow "loop": EvalSymlinks: too many links`},
	} {
		t.Run(test.pkg, func(t *testing.T) {
			err := load(t, dir, `{"name": "a", "package": "`+test.pkg+`"}`)
			if test.want == "" {
				checkLines(t, err)
			} else {
				checkLines(t, err, "lambdas.json:1:70: /functions/0/package: "+test.want)
			}
		})
	}

	t.Run("the repository itself", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(dir, link); err != nil {
			t.Fatal(err)
		}
		checkLines(t, load(t, link, `{"name": "a", "package": "./functions/example-api"}`))
	})
}

func TestLoadPackageUnreadable(t *testing.T) {
	if os.Getuid() <= 0 || runtime.GOOS == "windows" {
		t.Skip("nothing is unreadable for this user")
	}
	dir := write(t, packages)
	functions := filepath.Join(dir, "functions")
	if err := os.Chmod(functions, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(functions, 0o755) })
	checkLines(t, load(t, dir, `{"name": "a", "package": "./functions/example-api"}`),
		`lambdas.json:1:70: /functions/0/package: cannot look for "functions/example-api": permission denied`)
}

// TestLoadAllAtOnce checks that everything wrong with a manifest is reported at
// once, in the order of the file.
func TestLoadAllAtOnce(t *testing.T) {
	dir := write(t, packages+`
-- lambdas.json --
{
  "$schema": "./.lambdas.schema.json",
  "environments": {
    "prod": {"profile": "our_prod", "Region": "ap-northeast-1", "prefix": "prod-", "account": 123456789012},
    "stg": {"region": "Tokyo", "dual": "true", "settle": "20m"},
    "stg": {}
  },
  "functions": [
    {"name": "example-api", "package": "./functions/exmaple-api"},
    {"name": "example api", "package": "./functions/library", "tags": ["a", "a"]},
    {"name": "Example-API", "package": "../example-api", "names": {"prd": "x"}},
    {"name": "tagged", "package": "./functions/tagged", "tags": ["special"], "names": {"prod": "prod-example-api"}},
    {"name": "order-stream", "pakage": "./functions/order-stream", "dual": null},
    {"package": "./functions/mixed"}
  ]
} true
`)
	t.Chdir(dir)
	m, err := Load("lambdas.json")
	if m != nil {
		t.Errorf("got manifest %v", m)
	}
	checkLines(t, err,
		`lambdas.json:4:37: /environments/prod/Region: unknown member "Region" (write "region", in lower case)`,
		`lambdas.json:4:95: /environments/prod/account: expected a string, found a number (write "123456789012")`,
		`lambdas.json:5:23: /environments/stg/region: "Tokyo" is not an AWS region (regions look like ap-northeast-1)`,
		`lambdas.json:5:40: /environments/stg/dual: expected true or false, found a string (write true without quotes)`,
		`lambdas.json:5:58: /environments/stg/settle: "20m" is not a duration from 0s to 15m (the longest delay is 15m)`,
		`lambdas.json:6:5: /environments/stg: duplicate member "stg" (keep one of the two)`,
		`lambdas.json:9:40: /functions/0/package: no such directory "functions/exmaple-api" (did you mean "functions/example-api"?)`,
		`lambdas.json:10:14: /functions/1/name: "example api" is not a name that Lambda accepts (use 1 to 64 letters, digits, "-" and "_")`,
		`lambdas.json:10:40: /functions/1/package: "functions/library" is package library, not package main (only package main becomes a binary)`,
		`lambdas.json:10:77: /functions/1/tags/1: duplicate build tag "a" (remove it)`,
		`lambdas.json:11:14: /functions/2/name: function "Example-API" differs from "example-api" only in case (some file systems cannot hold the directories of both)`,
		`lambdas.json:11:40: /functions/2/package: package path "../example-api" leaves the repository (only packages beside or below the manifest can be built)`,
		`lambdas.json:11:68: /functions/2/names/prd: no environment "prd" (did you mean "prod"?)`,
		`lambdas.json:12:96: /functions/3/names/prod: "prod-example-api", the name in environment "prod", is taken by function "example-api" (two functions cannot share a name on AWS)`,
		`lambdas.json:13:30: /functions/4/pakage: unknown member "pakage" (did you mean "package"?)`,
		`lambdas.json:13:76: /functions/4/dual: expected true or false, found null (give it a value or leave it out)`,
		`lambdas.json:14:5: /functions/5: missing member "name"`,
		`lambdas.json:14:17: /functions/5/package: "functions/mixed" holds several packages: main in a.go and other in b.go (a function is one package main)`,
		`lambdas.json:16:3: unexpected data after the manifest (remove it)`,
	)

	var first Problem
	if !errors.As(err, &first) || first.Line != 4 || first.Pointer != "/environments/prod/Region" {
		t.Errorf("errors.As finds %#v", first)
	}
	if !errors.Is(err, first) {
		t.Error("errors.Is does not find the first problem")
	}
}

func TestCheckPackage(t *testing.T) {
	dir := write(t, packages)
	for pkg, want := range map[string]string{
		"./functions/example-api":  "",
		"./functions/order-stream": "",
		"./functions/library":      `"functions/library" is package library, not package main (only package main becomes a binary)`,
		"./functions/exmaple-api":  `no such directory "functions/exmaple-api" (did you mean "functions/example-api"?)`,
		"./functions/日本":           `"./functions/日本" is not a package directory (package directories look like ./functions/example-api)`,
		"../functions":             `package path "../functions" leaves the repository (only packages beside or below the manifest can be built)`,
	} {
		err := CheckPackage(dir, pkg)
		if want == "" {
			checkLines(t, err)
		} else {
			checkLines(t, err, want)
		}
		if problem := (Problem{}); err != nil && !errors.As(err, &problem) {
			t.Errorf("%s: got %T, want a Problem", pkg, err)
		}
	}
}

func TestLoadUnreadable(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("huge.json", []byte(strings.Repeat(" ", MaxSize+1)), 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"lambdas.json": "reading manifest: open lambdas.json: no such file or directory (run from the directory that holds it; mage init writes a first one)",
		"huge.json":    "reading manifest: huge.json is larger than 1048576 bytes (is it the right file?)",
		".":            "reading manifest: read .: is a directory",
	} {
		if _, err := Load(file); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
	if _, err := Load("lambdas.json"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
}

// TestLoadRepository checks the manifest of this repository.
func TestLoadRepository(t *testing.T) {
	m, err := Load(filepath.Join(root, "lambdas.json"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "./" + SchemaFile; m.Schema != want {
		t.Errorf("got schema %q, want %q", m.Schema, want)
	}
	targets, err := m.Select("prod", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := targets[0]; got.FunctionName != "prod-example-api" || got.Environment.Profile != "our_prod" {
		t.Errorf("got first function %s of profile %s, want prod-example-api of our_prod", got.FunctionName, got.Environment.Profile)
	}
}
