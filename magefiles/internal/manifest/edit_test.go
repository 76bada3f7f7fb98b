package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestSetDual sets dual to false in an environment, which stands for %s in the
// text around it. Everything else must stay.
func TestSetDual(t *testing.T) {
	const functions = `"functions": [{"name": "a", "package": "./a"}]`
	oneLine := `{"environments": {"stg": {"dual": true}, "dev": %s}, ` + functions + `}`
	indented := "{\n  \"environments\": {\n    \"dev\": %s\n  },\n  " + functions + "\n}\n"
	tabs := strings.ReplaceAll(indented, "  ", "\t")
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

	for _, test := range []struct{ name, around, before, after string }{
		{"replaced", oneLine, `{"dual": true, "prefix": "dev-"}`, `{"dual": false, "prefix": "dev-"}`},
		{"replaced, odd spaces", oneLine, "{ \"dual\"  :\ttrue\n}", "{ \"dual\"  :\tfalse\n}"},
		{"replaced, escaped name", oneLine, `{"du\u0061l": true}`, `{"du\u0061l": false}`},
		{"empty object", oneLine, `{}`, `{"dual": false}`},
		{"empty object with a space", oneLine, `{ }`, `{ "dual": false }`},
		{"one member", oneLine, `{"prefix": "dev-"}`, `{"prefix": "dev-", "dual": false}`},
		{"one member, spaces inside the braces", oneLine, `{ "prefix": "dev-" }`, `{ "prefix": "dev-", "dual": false }`},
		{"one member, compact", oneLine, `{"prefix":"dev-"}`, `{"prefix":"dev-","dual":false}`},
		{"two members", oneLine, `{"prefix": "dev-", "settle": "30s"}`, `{"prefix": "dev-", "settle": "30s", "dual": false}`},
		{"two members, compact", oneLine, `{"prefix":"dev-","settle":"30s"}`, `{"prefix":"dev-","settle":"30s","dual":false}`},
		{"two members, space before the colon", oneLine, `{"prefix" : "dev-" , "settle" : "30s" }`, `{"prefix" : "dev-" , "settle" : "30s" , "dual" : false }`},
		{"a string that looks like it", oneLine, `{"profile": "\"dual\": true"}`, `{"profile": "\"dual\": true", "dual": false}`},
		{"wide text", oneLine, `{"profile": "チーム🚀"}`, `{"profile": "チーム🚀", "dual": false}`},
		{
			"a member a line", indented,
			"{\n      \"prefix\": \"dev-\",\n      \"settle\": \"30s\"\n    }",
			"{\n      \"prefix\": \"dev-\",\n      \"settle\": \"30s\",\n      \"dual\": false\n    }",
		},
		{
			"one member on a line", indented,
			"{\n      \"prefix\": \"dev-\"\n    }",
			"{\n      \"prefix\": \"dev-\",\n      \"dual\": false\n    }",
		},
		{
			"commas first", indented,
			"{ \"prefix\": \"dev-\"\n    , \"settle\": \"30s\"\n    }",
			"{ \"prefix\": \"dev-\"\n    , \"settle\": \"30s\"\n    , \"dual\": false\n    }",
		},
		{
			"tabs", tabs,
			"{\n\t\t\t\"prefix\":\t\"dev-\"\n\t\t}",
			"{\n\t\t\t\"prefix\":\t\"dev-\",\n\t\t\t\"dual\":\tfalse\n\t\t}",
		},
		{
			"empty object on two lines", indented,
			"{\n    }",
			"{\n      \"dual\": false\n    }",
		},
		{
			"empty object on two lines, tabs", tabs,
			"{\n\t\t}",
			"{\n\t\t\t\"dual\": false\n\t\t}",
		},
		{
			"empty object on two lines, four spaces", strings.ReplaceAll(indented, "  ", "    "),
			"{\n        }",
			"{\n            \"dual\": false\n        }",
		},
		{
			"empty object on two lines of a file on one", oneLine,
			"{\n}",
			"{\n  \"dual\": false\n}",
		},
		{
			"value on another line", indented,
			"\n    {}",
			"\n    {\"dual\": false}",
		},
		{
			"last value on another line", indented,
			"{\"prefix\":\n\"dev-\"}",
			"{\"prefix\":\n\"dev-\", \"dual\": false}",
		},
		{
			"CRLF, a member a line", crlf(indented),
			crlf("{\n      \"prefix\": \"dev-\"\n    }"),
			crlf("{\n      \"prefix\": \"dev-\",\n      \"dual\": false\n    }"),
		},
		{
			"CRLF, empty object on two lines", crlf(indented),
			crlf("{\n    }"),
			crlf("{\n      \"dual\": false\n    }"),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := fmt.Sprintf(test.around, test.before)
			after := fmt.Sprintf(test.around, test.after)
			file := filepath.Join(t.TempDir(), "lambdas.json")
			if err := os.WriteFile(file, []byte(before), 0o644); err != nil {
				t.Fatal(err)
			}
			if changed, err := SetDual(file, "dev", false); err != nil || !changed {
				t.Fatalf("changed: %t, error %v", changed, err)
			}
			if changed, err := SetDual(file, "dev", false); err != nil || changed {
				t.Errorf("again: changed: %t, error %v", changed, err)
			}
			checkFile(t, file, after)
			checkOnlyDual(t, before, after)

			if _, err := SetDual(file, "dev", true); err != nil {
				t.Fatal(err)
			}
			checkFile(t, file, strings.Replace(after, "false", "true", 1))
			checkAlone(t, file)
		})
	}
}

// checkOnlyDual checks that before and after differ in one place, and that dual
// is in that place.
func checkOnlyDual(t *testing.T, before, after string) {
	t.Helper()
	start := 0
	for start < min(len(before), len(after)) && before[start] == after[start] {
		start++
	}
	end := 0
	for end < min(len(before), len(after))-start && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	removed, added := before[start:len(before)-end], after[start:len(after)-end]
	if removed == "tru" && added == "fals" { // without the common e
		return
	}
	if removed != "" || !strings.Contains(added, `"dual"`) || !strings.Contains(added, "false") {
		t.Errorf("replaced %q by %q", removed, added)
	}
}

func checkFile(t *testing.T, file, want string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// checkAlone checks that the directory of file contains nothing else.
func checkAlone(t *testing.T, file string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("got files %v, want %s alone", entries, filepath.Base(file))
	}
}

// writeFleet writes the manifest fleet to a new directory, with an old
// modification time.
func writeFleet(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lambdas.json")
	if err := os.WriteFile(file, []byte(fleet), 0o644); err != nil {
		t.Fatal(err)
	}
	longAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSetDualWritesNothing(t *testing.T) {
	file := writeFleet(t)
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	for env, dual := range map[string]bool{"prod": true, "stg": false} {
		if _, err := SetDual(file, env, dual); err != nil {
			t.Error(err)
		}
	}
	after, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("the file was written")
	}
}

func TestSetDualKeepsModeAndLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file modes")
	}
	file := writeFleet(t)
	if err := os.Chmod(file, 0o606); err != nil { // not the result of any umask
		t.Fatal(err)
	}
	links := t.TempDir()
	link := filepath.Join(links, "link.json")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if _, err := SetDual(link, "prod", false); err != nil {
		t.Fatal(err)
	}
	checkFile(t, file, strings.Replace(fleet, `"prod-"}`, `"prod-", "dual": false}`, 1))
	checkAlone(t, file)
	checkAlone(t, link)
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o606 {
		t.Errorf("got mode %v, %v, want 0606", info.Mode(), err)
	}
	if target, err := os.Readlink(link); err != nil || target != file {
		t.Errorf("got link to %q, %v, want %q", target, err, file)
	}
}

func TestSetDualErrors(t *testing.T) {
	file := writeFleet(t)
	t.Chdir(filepath.Dir(file))

	_, err := SetDual("lambdas.json", "prd", false)
	checkLines(t, err,
		`lambdas.json:2:19: /environments: no environment "prd" (did you mean "prod"?)`)
	checkFile(t, file, fleet)

	if _, err := SetDual("other.json", "prod", false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}

	broken := strings.Replace(fleet, "package", "Package", 1)
	if err := os.WriteFile(file, []byte(broken), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = SetDual("lambdas.json", "prod", false)
	checkLines(t, err,
		`lambdas.json:7:29: /functions/0/Package: unknown member "Package" (write "package", in lower case)`)
	checkFile(t, file, broken)
	checkAlone(t, file)
}

func TestSetDualInUnwritableDirectory(t *testing.T) {
	if os.Getuid() <= 0 || runtime.GOOS == "windows" {
		t.Skip("this user can write everywhere")
	}
	file := writeFleet(t)
	dir := filepath.Dir(file)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
	_, err := SetDual(file, "prod", false)
	if !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(err.Error(), `setting "dual" of environment "prod" to false in `+file+": ") {
		t.Errorf("got %v", err)
	}
	checkFile(t, file, fleet)
	checkAlone(t, file)
}
