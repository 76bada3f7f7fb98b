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
  "environments": {
    "dev": {},
    "prod": {"profile": "チーム \"<本番>\" \\ &", "region": "ap-northeast-1", "prefix": "prod-", "account": "012345678901", "dual": false, "settle": "1m30s", "calls": 7.5, "terraform": "../infra/prod"}
  },
  "functions": [
    {"name": "b", "package": "./functions/b"},
    {"name": "a", "package": ".", "tags": ["x", "y.z"], "dual": false, "names": {"dev": "a-dev", "prod": "legacy-a"}}
  ]
}
`

func TestCreate(t *testing.T) {
	m := &Manifest{
		Schema: "./.lambdas.schema.json",
		Environments: map[string]Environment{
			"prod": {
				Name: "prod", Profile: `チーム "<本番>" \ &`, Region: "ap-northeast-1", Prefix: "prod-",
				Account: "012345678901", Settle: 90 * time.Second, Calls: 7.5, Terraform: "../infra/prod",
			},
			"dev": {Name: "dev", Dual: true, Settle: DefaultSettle},
		},
		Functions: []Function{
			{Name: "b", Package: "./functions/b", Dual: true},
			{Name: "a", Package: ".", Tags: []string{"x", "y.z"}, Names: map[string]string{"prod": "legacy-a", "dev": "a-dev"}},
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

	m.Schema = ""
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

// TestCreateSettle checks that a delay is written in a way that is read as the
// same delay.
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
		MaxSettle:                    "15m",
	} {
		got := formatSettle(d)
		if got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
		if read, message, _, ok := checkSettle(got); got != "" && (!ok || read != d) {
			t.Errorf("%q is read as %v: %s", got, read, message)
		}
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	m := parse(t, fleet)
	for _, test := range []struct {
		name string
		make func(file string) error
	}{
		{"a file", func(file string) error { return os.WriteFile(file, nil, 0o644) }},
		{"a directory", func(file string) error { return os.Mkdir(file, 0o755) }},
		{"a link that leads nowhere", func(file string) error { return os.Symlink("nowhere", file) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "lambdas.json")
			if err := test.make(file); err != nil {
				t.Skipf("there is no making %s here: %v", test.name, err)
			}
			before, err := os.Lstat(file)
			if err != nil {
				t.Fatal(err)
			}
			err = Create(file, m)
			want := fmt.Sprintf("creating %s: file already exists and is left as it is (move it away to have a new one)", file)
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

			// where files cannot have two names
			if err := writeExclusive(file, []byte("{}")); !errors.Is(err, fs.ErrExist) {
				t.Errorf("got error %v, want %v", err, fs.ErrExist)
			}
			checkAlone(t, file)
		})
	}
}

// TestCreateAtOnce checks that one of many wins, and that nobody sees a part of
// its file.
func TestCreateAtOnce(t *testing.T) {
	m := parse(t, fleet)
	file := filepath.Join(t.TempDir(), "lambdas.json")
	const count = 20
	errs := make([]error, count)
	var wg sync.WaitGroup
	for i := range count {
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
		t.Errorf("%d of %d have created the file, want 1", won, count)
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
			`/functions: no functions (there must be one, such as {"name": "example-api", "package": "./functions/example-api"})`},
		{"no environments", func(m *Manifest) { m.Environments, m.Functions = nil, m.Functions[:1] },
			`/environments: no environments (there must be one, such as "prod": {"profile": "our_prod"})`},
		{"a name that Lambda refuses", func(m *Manifest) { m.Functions[1].Name = `b"` },
			`/functions/1/name: "b\"" is not a name that Lambda accepts (use 1 to 64 letters, digits, "-" and "_")`},
		{"two of a name", func(m *Manifest) { m.Functions[1].Name = m.Functions[0].Name },
			`/functions/1/name: duplicate function "example-api" (give each function a name of its own)`},
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
		t.Errorf("not UTF-8: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("not UTF-8: got files %v, %v", entries, err)
	}

	missing := filepath.Join(t.TempDir(), "missing", "lambdas.json")
	if err := Create(missing, parse(t, fleet)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a directory that is missing: %v", err)
	}
}

// TestCreateRepository writes the manifest of this repository again.
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
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, SchemaFile)
	if written, err := WriteSchema(dir); !written || err != nil {
		t.Fatalf("written: %t, error %v", written, err)
	}
	checkFile(t, file, string(want))
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
		t.Errorf("in a directory that is missing: written: %t, error %v", written, err)
	}
}
