package build

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/lambda"
)

// other builds a program as another tool does. It skips the test if that needs a C
// compiler and there is none.
func other(t *testing.T, files map[string]string, pkg string, args []string, env ...string) []byte {
	t.Helper()
	root := module(t, files)
	out := filepath.Join(root, "out")
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-o", out}, args...), "./"+pkg)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), append([]string{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "PWD=" + root}, env...)...)
	if output, err := cmd.CombinedOutput(); err != nil {
		if bytes.Contains(output, []byte("C compiler")) || bytes.Contains(output, []byte("cgo:")) {
			t.Skipf("no C compiler for linux/amd64: %s", output)
		}
		t.Fatalf("%v: %s", err, output)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestCheckDeployed checks programs that another tool has built.
func TestCheckDeployed(t *testing.T) {
	const (
		dynamic = "package main\n\nimport (\n\t_ \"unsafe\"\n\n\t\"github.com/aws/aws-lambda-go/lambda\"\n)\n\n//go:cgo_import_dynamic _ _ \"LIBRARY\"\n\nfunc main() { lambda.Start(\"\") }\n"
		cgo     = "package main\n\n// #include <stdlib.h>\nimport \"C\"\n\nimport \"github.com/aws/aws-lambda-go/lambda\"\n\nfunc main() { C.abs(1); lambda.Start(\"\") }\n"
		plain   = "package main\n\nfunc main() { println() }\n"
	)
	norpc, arm64 := []string{"-tags=x,lambda.norpc", "-ldflags=-s -w"}, "GOARCH=arm64"
	for _, test := range []struct {
		name    string
		version string   // of aws-lambda-go, or "" for a copy beside the package
		source  string   // default hello
		args    []string // of go build
		env     string
		damage  string // bytes to overwrite in the program
		arch    string // of the function; default x86_64
		runtime string // that starts it, or "none"; default go1.x
		lacks   string // the library that it needs and provided.al2023 may lack
		want    string // begins the error; "" if it is accepted
	}{
		{name: "oldest", version: "v1.18.0"},
		{name: "old", version: "v1.17.0", want: "it has github.com/aws/aws-lambda-go v1.17.0, and only v1.18.0 or later calls the Runtime API"},
		{name: "copy", want: "it has ./sdk in place of github.com/aws/aws-lambda-go, so it does not reveal"},
		{name: "no net/rpc", version: "v1.55.1", args: norpc, want: "it has the build tag lambda.norpc, so go1.x cannot invoke it"},
		{name: "no net/rpc on provided.al2", version: "v1.55.1", args: norpc, runtime: lambda.ProvidedAL2},
		{name: "no net/rpc, not started yet", version: "v1.55.1", args: norpc, runtime: "none"},
		{name: "another program, not started yet", version: "v1.55.1", source: plain, runtime: "none", want: "it does not import github.com/aws/aws-lambda-go"},
		{name: "for another machine", version: "v1.55.1", env: arm64, want: "it is built for EM_AARCH64 and not for EM_X86_64"},
		{name: "arm64", version: "v1.55.1", env: arm64, arch: lambda.ARM64, runtime: lambda.ProvidedAL2},
		{name: "another program", version: "v1.55.1", source: plain, want: "it does not import github.com/aws/aws-lambda-go, so it does not reveal"},
		{name: "without build information", version: "v1.55.1", damage: "\xff Go buildinf:", want: "it has no Go build information ("},
		{name: "glibc", version: "v1.55.1", source: strings.Replace(dynamic, "LIBRARY", "libm.so.6", 1)},
		{name: "cgo", version: "v1.55.1", source: cgo, env: "CGO_ENABLED=1"},
		{name: "another library", version: "v1.55.1", source: strings.Replace(dynamic, "LIBRARY", "libcurl.so.4", 1), lacks: "libcurl.so.4"},
		{name: "another linker", version: "v1.55.1", source: strings.Replace(dynamic, "LIBRARY", "libm.so.6", 1), args: []string{"-ldflags=-I /lib/ld-musl-x86_64.so.1"},
			want: "it needs the dynamic linker /lib/ld-musl-x86_64.so.1, and provided.al2023 has that of glibc only"},
		{name: "another program on provided.al2", version: "v1.55.1", source: plain, runtime: lambda.ProvidedAL2},
		{name: "old on provided", version: "v1.17.0", runtime: lambda.Provided},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files := simple()
			if test.version != "" {
				files = vendored(test.version)
			}
			files["f/main.go"], files["f/text.go"] = hello, "package main\n\nconst text = \"f\"\n"
			if test.source != "" {
				files["f/main.go"] = test.source
			}
			program := other(t, files, "f", test.args, test.env)
			if test.damage != "" {
				program = bytes.ReplaceAll(program, []byte(test.damage), make([]byte, len(test.damage)))
			}
			p := checkDeployed(t, program, test.arch, test.runtime, test.want)
			if got := strings.Join(p.Libraries, " "); got != test.lacks || test.want == "" && !p.Go {
				t.Errorf("got %+v, want libraries %q of a Go program", p, test.lacks)
			}
		})
	}
}

func checkDeployed(t *testing.T, program []byte, arch, runtime, want string) Program {
	t.Helper()
	if arch == "" {
		arch = lambda.X86_64
	}
	switch runtime {
	case "":
		runtime = lambda.Go1x
	case "none":
		runtime = ""
	}
	p, err := CheckDeployed(bytes.NewReader(program), arch, runtime)
	if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	return p
}

// TestCheckDeployedNoGo checks files that are no Go programs.
func TestCheckDeployedNoGo(t *testing.T) {
	checkDeployed(t, []byte("#!/bin/sh\nexec ./main\n"), "", "", `it is a script ("#!/bin/sh"), which does not reveal what it starts`)
	checkDeployed(t, nil, "", "", "it is not an executable for Linux: ")
	t.Run("C", func(t *testing.T) {
		dir := t.TempDir()
		source, out := filepath.Join(dir, "bootstrap.c"), filepath.Join(dir, "bootstrap")
		if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if output, err := exec.CommandContext(t.Context(), "cc", "-o", out, source).CombinedOutput(); err != nil {
			t.Skipf("no C compiler: %v: %s", err, output)
		}
		program, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(program, []byte("\x7fELF\x02\x01")) || program[18] != 62 {
			t.Skip("the C compiler is not one for linux/amd64")
		}
		checkDeployed(t, program, "", lambda.Go1x, "it has no Go build information (")
		if p := checkDeployed(t, program, "", lambda.ProvidedAL2, ""); p.Go || len(p.Libraries) > 0 {
			t.Errorf("got %+v, want a program of another language", p)
		}
		checkDeployed(t, program, lambda.ARM64, lambda.ProvidedAL2, "it is built for EM_X86_64 and not for EM_AARCH64")
	})
}

// TestCheckSDK checks what build information says about aws-lambda-go.
func TestCheckSDK(t *testing.T) {
	for _, test := range []struct {
		module *debug.Module
		want   string
	}{
		{&debug.Module{Path: sdk, Version: "v1.17.1-0.20200101000000-0123456789ab"}, " and only v1.18.0 or later"},
		{&debug.Module{Path: sdk, Version: "v1.18.1-0.20200601000000-0123456789ab"}, ""},
		{&debug.Module{Path: sdk, Version: "v1.55.1", Replace: &debug.Module{Path: sdk, Version: "v1.17.0"}}, " and only v1.18.0 or later"},
		{&debug.Module{Path: sdk, Version: "v1.17.0", Replace: &debug.Module{Path: sdk, Version: "v1.20.0"}}, ""},
		{&debug.Module{Path: sdk, Version: "v1.55.1", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.55.1"}}, "it has example.com/fork in place of "},
		{&debug.Module{Path: sdk, Version: "(devel)"}, `it has version "(devel)" of `},
		{nil, "it was built without modules"},
	} {
		info := &debug.BuildInfo{}
		if test.module != nil {
			info.Deps = []*debug.Module{test.module}
		}
		err := checkSDK(info)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v, want %q", test.module, err, test.want)
		}
	}
}

// TestBringsZones looks for a time zone database in programs, also across the ends of
// blocks.
func TestBringsZones(t *testing.T) {
	program := func(args ...string) []byte {
		files := vendored("v1.55.1")
		files["f/main.go"] = "package main\n\nimport \"time\"\n\nfunc main() { println(time.LoadLocation(\"Asia/Tokyo\")) }\n"
		return other(t, files, "f", append([]string{"-ldflags=-s -w"}, args...))
	}
	far := append(make([]byte, 1<<20-5), zones...)
	for _, test := range []struct {
		name    string
		program []byte
		want    bool
	}{
		{"without", program(), false},
		{"build tag", program("-tags=timetzdata"), true},
		{"nothing", nil, false},
		{"between two blocks", far, true},
		{"cut off", far[:len(far)-1], false},
	} {
		if got, err := BringsZones(bytes.NewReader(test.program)); err != nil || got != test.want {
			t.Errorf("%s: got %t, %v", test.name, got, err)
		}
	}
}
