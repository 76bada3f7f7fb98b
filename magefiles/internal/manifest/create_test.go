package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const created = `{
  "$schema": "./.lambdas.schema.json",
  "architecture": "arm64",
  "layerArchitectures": ["arm64"],
  "single": false,
  "snapshot": true,
  "environments": {
    "dev": {},
    "prod": {"profile": "チーム \"<本番>\" \\ &", "region": "ap-northeast-1", "prefix": "prod-", "account": "012345678901", "calls": 7.5, "bucket": "our-artifacts", "architecture": "x86_64", "layerArchitectures": ["x86_64"], "single": true, "snapshot": false, "terraform": "../infra/prod", "terraformVarFiles": ["prod.tfvars"], "rollbackTo": "provided", "dual": false, "settle": "1m30s"}
  },
  "functions": [
    {"name": "b", "package": "./functions/b"},
    {"name": "a", "package": ".", "tags": ["x", "y.z"], "rollbackTo": "provided.al2", "handler": "bin/a", "include": ["a & b/**"], "drop": ["*.md"], "architecture": "x86_64", "layerArchitectures": ["x86_64", "arm64"], "single": false, "snapshot": true, "names": {"dev": "a-dev", "prod": "legacy-a"}, "dual": false}
  ]
}
`

func TestCreate(t *testing.T) {
	m := &Manifest{
		Schema:             "./.lambdas.schema.json",
		Architecture:       "arm64",
		LayerArchitectures: []string{"arm64"},
		Single:             new(false),
		Snapshot:           new(true),
		Environments: map[string]Environment{
			"prod": {
				Name: "prod", Profile: `チーム "<本番>" \ &`, Region: "ap-northeast-1", Prefix: "prod-",
				Account: "012345678901", Settle: 90 * time.Second, Calls: 7.5, Terraform: "../infra/prod", TerraformVarFiles: []string{"prod.tfvars"}, RollbackTo: "provided",
				Bucket: "our-artifacts", Architecture: "x86_64", LayerArchitectures: []string{"x86_64"}, Single: new(true), Snapshot: new(false),
			},
			"dev": {Name: "dev", Dual: true, Settle: DefaultSettle},
		},
		Functions: []Function{
			{Name: "b", Package: "./functions/b", Dual: true},
			{Name: "a", Package: ".", Tags: []string{"x", "y.z"}, RollbackTo: "provided.al2", Handler: "bin/a", Include: []string{"a & b/**"}, Drop: []string{"*.md"},
				Architecture: "x86_64", LayerArchitectures: []string{"x86_64", "arm64"}, Single: new(false), Snapshot: new(true), Names: map[string]string{"prod": "legacy-a", "dev": "a-dev"}},
		},
	}
	file := filepath.Join(t.TempDir(), "lambdas.json")
	if err := Create(file, m); err != nil {
		t.Fatal(err)
	}
	checkFile(t, file, created)
	checkAlone(t, file)
	if again := parse(t, created); !same(m, again) {
		t.Errorf("got  %+v\nwant %+v", again, m)
	}

	m.Schema, m.Architecture, m.LayerArchitectures, m.Single, m.Snapshot = "", "", nil, nil, nil
	delete(m.Environments, "prod")
	m.Functions = m.Functions[:1]
	file = filepath.Join(t.TempDir(), "lambdas.json")
	if err := Create(file, m); err != nil {
		t.Fatal(err)
	}
	checkFile(t, file, `{
  "environments": {
    "dev": {}
  },
  "functions": [
    {"name": "b", "package": "./functions/b"}
  ]
}
`)
}

// TestCreateSettle checks that a settle delay survives writing and reading.
func TestCreateSettle(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                            "0s",
		1:                            "0.000000001s",
		1500 * time.Nanosecond:       "0.0000015s",
		999_999:                      "0.000999999s",
		time.Millisecond:             "1ms",
		1_000_001:                    "1.000001ms",
		time.Second + 1:              "1.000000001s",
		30 * time.Second:             "30s",
		DefaultSettle:                "",
		90 * time.Second:             "1m30s",
		2 * time.Minute:              "2m",
		10*time.Minute + time.Second: "10m1s",
		maxSettle:                    "15m",
	} {
		got := formatSettle(d)
		if got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
		if got == "" {
			continue
		}
		if read, err := time.ParseDuration(got); read != d || err != nil || checkSettle(got) != nil {
			t.Errorf("%q is read as %v, %v, %v", got, read, err, checkSettle(got))
		}
	}
}

func TestCreateKeepsExisting(t *testing.T) {
	m := parse(t, fleet)
	for name, occupy := range map[string]func(file string) error{
		"file":          func(file string) error { return os.WriteFile(file, nil, 0o644) },
		"directory":     func(file string) error { return os.Mkdir(file, 0o755) },
		"dangling link": func(file string) error { return os.Symlink("nowhere", file) },
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "lambdas.json")
			if err := occupy(file); err != nil {
				t.Skipf("cannot make a %s: %v", name, err)
			}
			before, err := os.Lstat(file)
			if err != nil {
				t.Fatal(err)
			}
			err = Create(file, m)
			want := fmt.Sprintf("creating %s: file already exists (move it away to create a new one)", file)
			if !errors.Is(err, fs.ErrExist) || err.Error() != want {
				t.Errorf("got error %v, want %s", err, want)
			}
			after, err := os.Lstat(file)
			if err != nil {
				t.Fatal(err)
			}
			if !os.SameFile(before, after) || before.Size() != after.Size() {
				t.Error("it was written to")
			}
			checkAlone(t, file)
		})
	}
}

// TestCreateConcurrently checks that one of many writers wins, and that no
// reader sees a part of its file.
func TestCreateConcurrently(t *testing.T) {
	m := parse(t, fleet)
	file := filepath.Join(t.TempDir(), "lambdas.json")
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = Create(file, m)
			data, err := os.ReadFile(file)
			if err == nil {
				_, err = Parse(file, data)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d have created the file, want 1", won, len(errs))
	}
	checkAlone(t, file)
}

func TestCreateRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Manifest)
		want   string
	}{
		{"no functions", func(m *Manifest) { m.Functions = nil },
			`/functions: no functions (add one, such as {"name": "example-api", "package": "./functions/example-api"})`},
		{"no environments", func(m *Manifest) { m.Environments, m.Functions = nil, m.Functions[:1] },
			`/environments: no environments (add one, such as "prod": {"profile": "our_prod"})`},
		{"invalid function name", func(m *Manifest) { m.Functions[1].Name = `b"` },
			`/functions/1/name: "b\"" is not a valid function name (use 1 to 64 letters, digits, "-" and "_")`},
		{"malformed pattern", func(m *Manifest) { m.Functions[1].Include = []string{"a", ""} },
			`/functions/1/include/1: the pattern is empty (patterns look like config.json or templates/**)`},
		{"duplicate name", func(m *Manifest) { m.Functions[1].Name = m.Functions[0].Name },
			`/functions/1/name: duplicate function "example-api" (give each function its own name)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := parse(t, fleet)
			test.change(m)
			dir := t.TempDir()
			err := Create(filepath.Join(dir, "lambdas.json"), m)
			checkLines(t, err, fmt.Sprintf("creating %s: %s", filepath.Join(dir, "lambdas.json"), test.want))
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
				t.Errorf("got files %v, %v", entries, err)
			}
		})
	}

	dir := t.TempDir()
	broken := parse(t, fleet)
	broken.Functions[1].Package = "./\xff"
	err := Create(filepath.Join(dir, "lambdas.json"), broken)
	if err == nil || !strings.Contains(err.Error(), `function "order-stream": `) || !strings.Contains(err.Error(), "invalid UTF-8") {
		t.Errorf("invalid UTF-8: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("invalid UTF-8: got files %v, %v", entries, err)
	}

	missing := filepath.Join(t.TempDir(), "missing", "lambdas.json")
	if err := Create(missing, parse(t, fleet)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a missing directory: %v", err)
	}
}

// TestCreateRepository copies the manifest of this repository.
func TestCreateRepository(t *testing.T) {
	m, err := Load(filepath.Join(root, "lambdas.json"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "lambdas.json")
	if err := Create(file, m); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if again := parse(t, string(data)); !same(m, again) {
		t.Errorf("got  %+v\nwant %+v", again, m)
	}
}

func TestWriteSchema(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, SchemaFile)
	if written, err := WriteSchema(dir); !written || err != nil {
		t.Fatalf("written: %t, error %v", written, err)
	}
	checkFile(t, file, string(schema))
	checkAlone(t, file)

	if err := os.WriteFile(file, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if written, err := WriteSchema(dir); written || err != nil {
		t.Errorf("again: written: %t, error %v", written, err)
	}
	checkFile(t, file, "{}")
	checkAlone(t, file)

	if written, err := WriteSchema(filepath.Join(dir, "missing")); written || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a missing directory: written: %t, error %v", written, err)
	}
}
