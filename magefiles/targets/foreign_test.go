package targets_test

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"example.com/dualboot/magefiles/internal/emulator"
)

// TestRollbackOfForeignZip returns a function to go1.x only if what another tool
// called lambda starts there.
func TestRollbackOfForeignZip(t *testing.T) {
	t.Parallel()
	zips, err := legacyZips()
	if err != nil {
		t.Fatal(err)
	}
	program := entry(t, zips["order-stream"], "lambda")
	f := newFixture(t, emulator.Options{}, "order-stream")
	for _, test := range []struct {
		name    string
		lambda  []byte
		refused string
	}{
		{"script", []byte("#!/bin/sh\necho helper\n"), `its lambda cannot be shown to start on go1.x: it is a script ("#!/bin/sh"), which does not reveal what it starts; deploy the function first`},
		{"program", program, ""},
	} {
		in := legacy("prod-order-stream", executables(t, map[string][]byte{"bootstrap": program, "lambda": test.lambda}))
		in.Runtime = types.RuntimeProvidedal2023
		if err := f.account.create(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		for _, target := range [][]string{{"plan", "-rollback"}, {"rollback", "-yes"}} {
			_, _, stderr := result(t, f.command(target...))
			if got := strings.Contains(stderr, "cannot be shown to start"); got != (test.refused != "") || !strings.Contains(stderr, test.refused) {
				t.Errorf("%s: %v, want %q:\n%s", test.name, target, test.refused, stderr)
			}
		}
		runtime, handler := "go1.x", "lambda"
		if test.refused != "" {
			runtime, handler = "provided.al2023", "lambda" // as it was created
		}
		f.expect(runtime, handler, dual, "order-stream")
		if _, err := f.client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: in.FunctionName}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSwitchedTooEarly reports a function without sources whose runtime somebody has
// changed although its zip has nothing that starts there.
func TestSwitchedTooEarly(t *testing.T) {
	t.Parallel()
	f := newStub(t, emulator.Options{}, "order-stream")
	f.replace("lambdas.json", `"package": "./functions/order-stream"`, `"source": "deployed"`)
	in := legacy("prod-order-stream", zipOf("lambda"))
	in.Runtime = types.RuntimeProvidedal2023
	if err := f.account.create(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"plan", "deployProd"} {
		status, _, stderr := result(t, f.command(target))
		if want := "the function is on provided.al2023, and its zip (lambda) has no bootstrap that starts there: return its runtime"; status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit status %d, want 1 and %q:\n%s", target, status, want, stderr)
		}
	}
}

// entry returns the content of a file of a zip.
func entry(t *testing.T, data []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	file, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// executables returns a zip of executable files.
func executables(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := newZip(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(0o755)
		file, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
