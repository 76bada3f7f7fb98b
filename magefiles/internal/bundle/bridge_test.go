package bundle

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"example.com/dualboot/magefiles/internal/lambda"
)

// TestBridge checks that the bytes of the layer depend on the database alone. Others
// are published as another layer.
func TestBridge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zones")
	if err := os.WriteFile(path, []byte("Asia/Tokyo"), 0o600); err != nil {
		t.Fatal(err)
	}
	layer, err := Bridge(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "dualboot-bridge-e62ded23d4be"; layer.Name != want || layer.CodeSha256 != "5i3tI9S+eumYA+3bXB3CzBKdd6pMO44Mk+AuzhAoBBE=" {
		t.Errorf("layer %s with CodeSha256 %s, want %s", layer.Name, layer.CodeSha256, want)
	}
	if !lambda.IsBridge("arn:aws:lambda:eu-west-1:123456789012:layer:" + layer.Name + ":1") {
		t.Errorf("%s is not recognized", layer.Name)
	}
	z, err := zip.NewReader(bytes.NewReader(layer.Zip), int64(len(layer.Zip)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ name, mode, content string }{
		{"bootstrap", "-rwxr-xr-x", "#!/bin/sh\nexport ZONEINFO=\"${ZONEINFO:-${0%/*}/zoneinfo.zip}\"\nexec \"$LAMBDA_TASK_ROOT/$_HANDLER\"\n"},
		{"zoneinfo.zip", "-rw-r--r--", "Asia/Tokyo"},
	} {
		content, err := read(z.File[i])
		if f := z.File[i]; err != nil || f.Name != want.name || f.Mode().String() != want.mode || content != want.content {
			t.Errorf("file %s, %v: %q, %v", f.Name, f.Mode(), content, err)
		}
	}
	if _, err := Bridge(path + "?"); err == nil {
		t.Error("a layer without a database")
	}
}
