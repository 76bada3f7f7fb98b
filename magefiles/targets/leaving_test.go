package targets_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

// dynamic returns a program for Linux on x86-64 that is linked to libcurl.so.4. No C
// compiler is needed.
func dynamic(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":  "module example.com/dynamic\n\ngo 1.26.0\n",
		"main.go": "package main\n\nimport _ \"unsafe\"\n\n//go:cgo_import_dynamic _ _ \"libcurl.so.4\"\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", "program", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", noCgo, "GOWORK=off", "PWD="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(filepath.Join(dir, "program"))
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// TestLeaving moves programs of all kinds from provided.al2 without their sources, and
// warns beforehand of what they may miss on provided.al2023.
func TestLeaving(t *testing.T) {
	t.Parallel()
	curl := dynamic(t)
	ssl := bytes.ReplaceAll(curl, []byte("libcurl.so.4"), []byte("libssl.so.10"))
	foreign := bytes.ReplaceAll(ssl, []byte("\xff Go buildinf:"), []byte("\xff not of Go .:"))
	var failed atomic.Bool
	f := startFixture(t, emulator.Options{FailUpdate: func(function, operation string) *emulator.Failure {
		if function == "prod-static" && operation == "UpdateFunctionConfiguration" && failed.CompareAndSwap(false, true) {
			return &emulator.Failure{ReasonCode: "InternalError", Reason: "for the test"}
		}
		return nil
	}})
	const layer = "arn:aws:lambda:ap-northeast-1:123456789012:layer:l:1"
	var entries []string
	for _, test := range []struct {
		name, layer string
		zip         map[string][]byte
	}{
		{"bare", "", map[string][]byte{"bootstrap": curl}},
		{"layered", layer, map[string][]byte{"bootstrap": foreign}},
		{"bundled", "", map[string][]byte{"bootstrap": foreign, "lib/libssl.so.10": entry(t, echo(t), "main")}},
		{"chained", "", map[string][]byte{"bootstrap": curl, "opt/libcurl.so.4": ssl}},
		{"script", "", map[string][]byte{"bootstrap": []byte("#!/bin/sh\nexec ./main\n")}},
		{"static", "", map[string][]byte{"bootstrap": entry(t, echo(t), "main")}},
	} {
		in := legacy("prod-"+test.name, executables(t, test.zip))
		in.Runtime, in.Handler = types.RuntimeProvidedal2, aws.String("orders.create")
		if test.layer != "" {
			in.Layers = []string{test.layer}
		}
		if err := f.account.create(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, fmt.Sprintf(`{"name": %q, "source": "deployed"}`, test.name))
	}
	f.server.Age(60)
	f.manifest("300ms")
	f.replace("lambdas.json", `"prefix"`, `"rollbackTo": "provided.al2", "prefix"`)
	f.replace("lambdas.json", `"functions": [`, `"functions": [`+strings.Join(entries, ",\n"))

	refused := func(name, why string) string {
		return fmt.Sprintf("migrating the deployed zip of %q: its bootstrap cannot be shown to start on provided.al2023: %s; if you have its sources", "prod-"+name, why)
	}
	lacks := func(library string) string {
		return "it needs " + library + ", which provided.al2023 may lack, and neither the zip nor a layer has it"
	}
	for _, target := range []string{"plan", "deployProd"} {
		status, _, stderr := result(t, f.command(target))
		if status != 1 {
			t.Errorf("%s: exit status %d", target, status)
		}
		for _, want := range []string{
			"with layers: prod-layered; ", "and the zip does not have: prod-layered (libssl.so.10); ",
			"not written in Go: prod-layered, prod-bundled; ",
			"1 function without a time zone database, and provided.al2023 has none: prod-static; deploy adds zoneinfo.zip to the zip",
			refused("bare", lacks("libcurl.so.4")), refused("chained", lacks("libssl.so.10")),
			refused("script", `it is a script ("#!/bin/sh"), which does not reveal what it starts`),
		} {
			if strings.Count(stderr, want) != 1 {
				t.Errorf("%s does not say once %q:\n%s", target, want, stderr)
			}
		}
		if change := strings.Index(stderr, ": switch to "); change >= 0 && change < strings.LastIndex(stderr, "WARNING") {
			t.Errorf("%s warns too late:\n%s", target, stderr)
		}
		if strings.Contains(stderr, "to which a rollback would not return") {
			t.Errorf("%s does not know where the functions come from:\n%s", target, stderr)
		}
	}
	f.must("deployProd", "-only=static") // whose switch has failed: the code is sent again
	f.expectFiles("provided.al2023", map[string]string{
		"layered": "bootstrap", "bundled": "bootstrap+lib/libssl.so.10", "static": "bootstrap+zoneinfo.zip",
	})
	f.expectFiles("provided.al2", map[string]string{"bare": "bootstrap", "chained": "bootstrap+opt/libcurl.so.4", "script": "bootstrap"})
	if n := f.updates(); n != 6 {
		t.Errorf("%d updates, want one for each function that moves, the code of prod-static, and both again", n)
	}

	// Without rollbackTo, a rollback would not return the function.
	f.replace("lambdas.json", `"rollbackTo": "provided.al2", `, "")
	f.must("rollback", "-only=bundled", "-runtime=provided.al2")
	const note = "1 function from provided.al2, to which a rollback would not return: prod-bundled; add \"rollbackTo\": \"provided.al2\" to each in lambdas.json"
	if _, _, stderr := result(t, f.command("plan", "-only=bundled")); !strings.Contains(stderr, note) {
		t.Errorf("plan does not say %q:\n%s", note, stderr)
	}
}

// expectFiles checks functions without sources: their runtime, the files in their zips,
// and that they keep their handler, which programs may read.
func (f *fixture) expectFiles(runtime string, zips map[string]string) {
	f.t.Helper()
	for name, files := range zips {
		if err := f.check(f.t.Context(), "prod-"+name, runtime, "orders.create", strings.Split(files, "+")); err != nil {
			f.t.Error(err)
		}
	}
}
