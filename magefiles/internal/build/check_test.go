package build

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/lambda"
)

// vendored returns a module whose vendor directory has a version of aws-lambda-go,
// so that the go command neither needs the network nor knows that its content is
// ours.
func vendored(version string) map[string]string {
	files := simple()
	for _, name := range []string{"sdk/go.mod", "sdk/lambda/lambda.go"} {
		delete(files, name)
	}
	files["go.mod"] = "module example.com/m\n\ngo 1.26\n\nrequire " + sdk + " " + version + "\n"
	files["vendor/modules.txt"] = "# " + sdk + " " + version + "\n## explicit\n" + sdk + "/lambda\n"
	files["vendor/"+sdk+"/lambda/lambda.go"] = sdkSource
	return files
}

// TestRefusals builds functions that Lambda could not start. The other functions
// of the same build are not affected.
func TestRefusals(t *testing.T) {
	const (
		plain   = "package main\n\nfunc main() { println() }\n"
		dynamic = "package main\n\nimport _ \"unsafe\"\n\n//go:cgo_import_dynamic _ _ \"libm.so.6\"\n\nfunc main() { println() }\n"
	)
	tests := []struct {
		name     string
		version  string // of aws-lambda-go
		source   string // of the package f; default hello
		tags     []string
		binaries []Binary
		want     string // DIR is the module's directory; "" if it is accepted
	}{
		{
			name: "old", version: "v1.17.0", binaries: both,
			want: "checking lambda: it uses github.com/aws/aws-lambda-go v1.17.0, which does not call the Runtime API, so every invocation on provided.al2023 would time out: run `go get github.com/aws/aws-lambda-go@latest` in DIR",
		},
		{
			name: "old on arm64", version: "v1.17.0", binaries: []Binary{onARM64},
			want: "checking bootstrap-arm64: it uses github.com/aws/aws-lambda-go v1.17.0, which does not call the Runtime API, so every invocation on provided.al2023 would time out: run `go get github.com/aws/aws-lambda-go@latest` in DIR",
		},
		{name: "oldest", version: "v1.18.0", binaries: all},
		{
			name: "no net/rpc", version: "v1.55.1", tags: []string{"lambda.norpc"}, binaries: both,
			want: `checking lambda: it has the build tag lambda.norpc, so go1.x cannot invoke it: remove the tag from the function's tags`,
		},
		{
			name: "one binary without net/rpc", version: "v1.55.1", tags: []string{"lambda.norpc"}, binaries: []Binary{single},
			want: `checking single: it has the build tag lambda.norpc, so go1.x cannot invoke it: remove the tag from the function's tags`,
		},
		{
			name: "another program", version: "v1.55.1", source: plain, binaries: both,
			want: "checking lambda: example.com/m/f does not import github.com/aws/aws-lambda-go, so go1.x cannot invoke it: is it the right package?",
		},
		{name: "a bootstrap of its own", version: "v1.55.1", source: plain, binaries: []Binary{bootstrap, onARM64}},
		{
			name: "dynamically linked", version: "v1.55.1", source: dynamic, binaries: []Binary{bootstrap},
			want: "checking bootstrap: it needs libm.so.6, which Lambda may lack: remove the import that loads C libraries without cgo, for example github.com/ebitengine/purego",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := vendored(test.version)
			files["f/main.go"], files["f/text.go"] = hello, "package main\n\nconst text = \"f\"\n"
			if test.source != "" {
				files["f/main.go"] = test.source
			}
			root := module(t, files)
			f := &Function{Name: "f", Tags: test.tags, Binaries: test.binaries}
			other := &Function{Name: "bad"}
			build(t, root, f, other)
			if _, ok := errors.AsType[*Error](other.Err); !ok {
				t.Errorf("bad: error %v, want the compiler's", other.Err)
			}
			if test.want == "" {
				if f.Err != nil || len(f.Files) != len(test.binaries) {
					t.Errorf("error %v, files %v", f.Err, f.Files)
				}
				return
			}
			want := strings.ReplaceAll(test.want, "DIR", root)
			if f.Err == nil || f.Err.Error() != want {
				t.Errorf("error:\n%v\nwant:\n%s", f.Err, want)
			}
			if len(f.Files) > 0 {
				t.Errorf("files %v, want none", f.Files)
			}
		})
	}
}

// TestRefusalsOfHostBuilds accepts what Lambda would refuse.
func TestRefusalsOfHostBuilds(t *testing.T) {
	root := module(t, vendored("v1.17.0"))
	f := &Function{Name: "a", Package: filepath.Join(root, "a"), Binaries: both}
	if err := Build(t.Context(), Options{Host: true, Out: filepath.Join(root, "bin")}, []*Function{f}); err != nil {
		t.Fatal(err)
	}
	sums(t, f)
}

func TestCheckModules(t *testing.T) {
	replaced := func(path, version string) debug.BuildInfo {
		return debug.BuildInfo{Deps: []*debug.Module{{Path: sdk, Version: "v1.17.0", Replace: &debug.Module{Path: path, Version: version}}}}
	}
	at := func(version string) debug.BuildInfo {
		return debug.BuildInfo{Deps: []*debug.Module{{Path: "example.com/a", Version: "v0.1.0"}, {Path: sdk, Version: version}}}
	}
	tagged := at("v1.55.1")
	tagged.Settings = []debug.BuildSetting{{Key: "-tags", Value: "a,lambda.norpc,timetzdata"}}
	similar := at("v1.55.1")
	similar.Settings = []debug.BuildSetting{{Key: "-tags", Value: "xlambda.norpc"}, {Key: "-ldflags", Value: "lambda.norpc"}}

	const old, norpc, missing = "does not call the Runtime API", "has the build tag", "does not import"
	tests := []struct {
		name   string
		info   debug.BuildInfo
		legacy string // part of the error for a binary that go1.x starts, or ""
		boot   string // and for a bootstrap
	}{
		{"v1.17.0", at("v1.17.0"), old, old},
		{"v1.17.99", at("v1.17.99"), old, old},
		{"a commit before v1.18.0", at("v1.17.1-0.20200722172104-d2d3ee1b9a3d"), old, old},
		{"v1.18.0", at("v1.18.0"), "", ""},
		{"v1.55.1", at("v1.55.1"), "", ""},
		{"a workspace's copy", at("(devel)"), "", ""},
		{"replaced by a directory", replaced("../aws-lambda-go", ""), "", ""},
		{"replaced by a fork", replaced("example.com/aws-lambda-go", "v0.1.0"), "", ""},
		{"replaced by a new version", replaced(sdk, "v1.55.1"), "", ""},
		{"replaced by an old version", replaced(sdk, "v1.16.0"), "aws-lambda-go v1.16.0", "aws-lambda-go v1.16.0"},
		{"itself", debug.BuildInfo{Main: debug.Module{Path: sdk, Version: "(devel)"}}, "", ""},
		{"without", debug.BuildInfo{}, missing, ""},
		{"no net/rpc", tagged, norpc, ""},
		{"similar settings", similar, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for kind, want := range map[Kind]string{Legacy: test.legacy, Single: test.legacy, Bootstrap: test.boot} {
				err := checkModules(&test.info, kind, "/repo")
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%s: error %v, want %q", kind, err, want)
				}
			}
		})
	}
}

// TestCheckELF checks files that no go build for Linux writes.
func TestCheckELF(t *testing.T) {
	root := module(t, simple())
	f := build(t, root, &Function{Name: "a", Binaries: []Binary{bootstrap, onARM64}})[0]
	sums(t, f)
	amd64, err := os.ReadFile(f.Files[bootstrap])
	if err != nil {
		t.Fatal(err)
	}
	typed := func(typ elf.Type) []byte { // e_type is 2 bytes at offset 16
		data := bytes.Clone(amd64)
		data[16] = byte(typ)
		return data
	}
	arm64, err := os.ReadFile(f.Files[onARM64])
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		data   []byte
		binary Binary
		want   string // the beginning of the error, or ""
	}{
		{"executable", amd64, bootstrap, ""},
		{"executable on arm64", arm64, onARM64, ""},
		{"position-independent", typed(elf.ET_DYN), bootstrap, ""},
		{"object file", typed(elf.ET_REL), bootstrap, "it is not an executable: its ELF type is ET_REL"},
		{"arm64 for x86_64", arm64, bootstrap, "it is built for EM_AARCH64 and not for EM_X86_64"},
		{"x86_64 for arm64", amd64, Binary{Bootstrap, lambda.ARM64}, "it is built for EM_X86_64 and not for EM_AARCH64"},
		{"script", []byte("#!/bin/sh\n"), bootstrap, "it is not an executable for Linux: "},
		{"truncated", amd64[:100], bootstrap, "it is not an executable for Linux: "},
		{"empty", nil, bootstrap, "it is not an executable for Linux: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := checkELF(bytes.NewReader(test.data), test.binary)
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// BenchmarkCheck checks a sample function, as each deploy does for each binary.
func BenchmarkCheck(b *testing.B) {
	f := &Function{Package: "../../../functions/example-api", Binaries: both}
	if err := Build(b.Context(), Options{Out: b.TempDir()}, []*Function{f}); err != nil || f.Err != nil {
		b.Fatal(err, f.Err)
	}
	for b.Loop() {
		if err := check(f.Files[legacy], legacy, ""); err != nil {
			b.Fatal(err)
		}
	}
}
