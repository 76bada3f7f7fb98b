//go:build unix

package emulator_test

import (
	"context"
	"debug/buildinfo"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

// foreignArch is an architecture that this machine cannot run, by Go's and by
// Lambda's name.
func foreignArch() (goarch string, arch types.Architecture) {
	if runtime.GOARCH == "arm64" {
		return "amd64", types.ArchitectureX8664
	}
	return "arm64", types.ArchitectureArm64
}

// idleFor builds the program in testdata/idle, which is much smaller than the
// handler.
func idleFor(t testing.TB, goarch string) []byte { return buildFor(t, goarch, "./testdata/idle") }

// buildFor builds a package for Linux.
func buildFor(t testing.TB, goarch, pkg string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-tags", "lambda.norpc", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+goarch, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// createForeign creates a function for foreignArch.
func (b *bench) createForeign(name string, content []byte) {
	b.Helper()
	_, arch := foreignArch()
	b.create(function(name, types.RuntimeProvidedal2023, makeZip(b, file{"bootstrap", 0o755, content}), func(in *lambda.CreateFunctionInput) {
		in.Architectures = []types.Architecture{arch}
	}))
}

// noQEMU finds nothing.
func noQEMU(string) (string, error) { return "", exec.ErrNotFound }

func TestForeignArchitecture(t *testing.T) {
	t.Parallel()
	if hostBinaries {
		t.Skip("this machine cannot run linux binaries")
	}
	goarch, arch := foreignArch()
	idle := idleFor(t, goarch)

	t.Run("a build for this machine", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		var seen []string
		options := emulator.Options{HostBuild: func(_ context.Context, info *buildinfo.BuildInfo) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, info.Path)
			return built.norpc, nil
		}}
		b := newBench(t, options.WithLookPath(noQEMU))
		for _, name := range []string{"a", "b"} {
			b.createForeign(name, idle)
			for range 2 {
				if r := b.invoke(name, event{}); r.Pid == 0 {
					t.Errorf("%s answers %+v", name, r)
				}
			}
		}
		if len(seen) != 1 || !strings.HasSuffix(seen[0], "/testdata/idle") {
			t.Errorf("built %v, want idle once", seen)
		}
	})

	t.Run("a build that fails", func(t *testing.T) {
		t.Parallel()
		options := emulator.Options{HostBuild: func(context.Context, *buildinfo.BuildInfo) (string, error) { return "", errors.New("no sources") }}
		b := newBench(t, options.WithLookPath(noQEMU))
		b.createForeign("a", idle)
		b.wantUninvokable("a", "failed: no sources. Install qemu-user.")
	})

	t.Run("nothing to run it with", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, emulator.Options{}.WithLookPath(noQEMU))
		b.createForeign("a", idle)
		b.wantUninvokable("a", "this machine cannot run "+string(arch)+". Install qemu-user.")
	})

	t.Run("QEMU", func(t *testing.T) {
		t.Parallel()
		qemu := filepath.Join(t.TempDir(), "qemu")
		// It stands for QEMU: it gets the path of the binary.
		script := "#!/bin/sh\ncase $1 in */bootstrap) exec '" + built.norpc + "';; esac\n"
		if err := os.WriteFile(qemu, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		b := newBench(t, emulator.Options{}.WithLookPath(func(name string) (string, error) {
			if strings.HasPrefix(name, "qemu-") {
				return qemu, nil
			}
			return "", exec.ErrNotFound
		}))
		b.createForeign("a", idle)
		if r := b.invoke("a", event{}); r.Pid == 0 {
			t.Errorf("it answers %+v", r)
		}
	})

	t.Run("the real QEMU", func(t *testing.T) {
		t.Parallel()
		if _, err := exec.LookPath("qemu-aarch64"); err != nil || runtime.GOARCH != "amd64" {
			t.Skip("this test needs an amd64 machine with qemu-aarch64 (qemu-user)")
		}
		b := newBench(t, emulator.Options{})
		b.createForeign("a", buildFor(t, goarch, "./testdata/handler"))
		if r := b.invoke("a", event{}); r.Pid == 0 {
			t.Errorf("it answers %+v", r)
		}
	})
}

// A binary for another architecture than the function's does not start, whatever
// this machine can run.
func TestWrongArchitecture(t *testing.T) {
	t.Parallel()
	if hostBinaries {
		t.Skip("this machine cannot run linux binaries")
	}
	goarch, arch := foreignArch()
	content, own := idleFor(t, goarch), idleFor(t, runtime.GOARCH)
	b := newBench(t, emulator.Options{})
	b.create(function("foreign", types.RuntimeProvidedal2023, makeZip(t, file{"bootstrap", 0o755, content})))
	b.create(function("own", types.RuntimeProvidedal2023, makeZip(t, file{"bootstrap", 0o755, own}), func(in *lambda.CreateFunctionInput) {
		in.Architectures = []types.Architecture{arch}
	}))
	for _, name := range []string{"foreign", "own"} {
		want := failure{"Runtime.InvalidEntrypoint", "RequestId: ID Error: fork/exec /var/task/bootstrap: exec format error", nil}
		wantFailure(t, name, b.fail(name, event{}), want)
	}
}

// wantUninvokable checks that the emulator cannot invoke a function.
func (b *bench) wantUninvokable(name, message string) {
	b.Helper()
	_, err := b.client.Invoke(b.Context(), &lambda.InvokeInput{FunctionName: &name}, func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
	if err == nil || !strings.Contains(err.Error(), message) {
		b.Errorf("error %v, want %q", err, message)
	}
}

func TestLinkedBootstrap(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	zip := makeZip(t, launcher("bin/foo", built.rpc), file{"bootstrap", os.ModeSymlink | 0o777, []byte("bin/foo")})
	for _, r := range []types.Runtime{types.RuntimeGo1x, types.RuntimeProvidedal2023} {
		name := strings.NewReplacer(".", "-").Replace(string(r))
		b.create(function(name, r, zip, func(in *lambda.CreateFunctionInput) { in.Handler = aws.String("bin/foo") }))
		if answer := b.invoke(name, event{}); answer.Pid == 0 {
			t.Errorf("%s answers %+v", r, answer)
		}
	}
}
