package lambda

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPackage(t *testing.T) {
	p := &Package{Legacy: "bin/foo", Files: []string{"bin/foo", "bootstrap", "config.json"}, Size: 13 << 19}
	want := &Contents{Made: true, Legacy: "bin/foo", Files: []File{{"bin/foo", true}, {"bootstrap", true}, {"config.json", false}}}
	if diff := cmp.Diff(want, p.Contents()); diff != "" {
		t.Error(diff)
	}
	if got := p.String(); got != "bin/foo + bootstrap + 1 file, 6.5 MB" {
		t.Errorf("the package is %q", got)
	}
	clean := &Package{Files: []string{"bootstrap"}}
	if !p.Dual() || clean.Dual() {
		t.Errorf("dual: %t and %t", p.Dual(), clean.Dual())
	}
	if diff := cmp.Diff(&Contents{Made: true, Files: []File{{"bootstrap", true}}}, clean.Contents()); diff != "" {
		t.Error(diff)
	}
}

func TestPackageRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lambda.zip")
	p := &Package{Path: path, CodeSha256: CodeSha256(sha256.Sum256([]byte("zip")))}
	check := func(want string) {
		t.Helper()
		data, err := p.Read()
		file, openErr := p.Open()
		if openErr == nil {
			defer file.Close()
		}
		for _, err := range []error{err, openErr} {
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		}
		if err == nil && string(data) != "zip" {
			t.Errorf("read %q", data)
		}
	}
	check("no such file")
	if err := os.WriteFile(path, []byte("zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("")

	if err := os.WriteFile(path, []byte("bad"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Unix(1e9, 0)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	check("lambda.zip has changed since it was built: run the command again")
	if info, err := os.Stat(path); err != nil || info.ModTime().Equal(old) {
		t.Errorf("the next run does not examine the zip (%v)", err)
	}
}

func TestZipsFind(t *testing.T) {
	dual, alone := &Package{CodeSha256: "a"}, &Package{CodeSha256: "b"}
	zips := Zips{Dual: dual, Bootstrap: alone}
	if zips.Find("a") != dual || zips.Find("b") != alone || zips.Find("c") != nil || (Zips{}).Find("") != nil {
		t.Error("the wrong package is found")
	}
}

func TestContents(t *testing.T) {
	c := deployed("README* bin/foo* bootstrap* config.json")
	for name, want := range map[string]bool{"bin/foo": true, "bootstrap": true, "config.json": false, "bin": false, "": false, "z": false} {
		if c.Executable(name) != want {
			t.Errorf("%q is executable: %t", name, !want)
		}
	}
	if diff := cmp.Diff([]string{"README", "bin/foo", "bootstrap", "config.json"}, c.Names()); diff != "" {
		t.Error(diff)
	}
	if got := (*Contents)(nil).Names(); got != nil {
		t.Errorf("nothing has the files %q", got)
	}
	for want, c := range map[string]*Contents{
		"README + bin/foo + bootstrap + 1 file": c,
		"2 files":                               deployed("a b"),
		"bootstrap":                             deployed("bootstrap*"),
		"no file":                               deployed(""),
		"bootstrap + lambda + 1 file":           made("lambda", "bootstrap* lambda* tool*"),
	} {
		if got := c.String(); got != want {
			t.Errorf("the contents are %q, want %q", got, want)
		}
	}
}

// deployed returns the contents of a zip of another tool. A star marks the
// executable files.
func deployed(names string) *Contents {
	c := &Contents{}
	for _, name := range strings.Fields(names) {
		name, executable := strings.CutSuffix(name, "*")
		c.Files = append(c.Files, File{name, executable})
	}
	return c
}

// made returns the contents of a zip that dualboot made.
func made(legacy, names string) *Contents {
	c := deployed(names)
	c.Made, c.Legacy = true, legacy
	return c
}
