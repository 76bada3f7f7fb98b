package mark

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, File), []byte("A"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LAMBDA_TASK_ROOT", dir)
	t.Setenv(Variable, "1")
	t.Setenv("_HANDLER", "bootstrap")
	m := Read()
	if m.Code != "A" || m.Configuration != "1" || m.Handler != "bootstrap" || m.Executable == "" || len(m.Instance) != 8 {
		t.Errorf("%+v", m)
	}
	if m.Instance == Read().Instance {
		t.Error("two instances have the same name")
	}
}

func TestPrettyName(t *testing.T) {
	for release, want := range map[string]string{
		"NAME=\"Amazon Linux\"\nPRETTY_NAME=\"Amazon Linux 2023\"\n": "Amazon Linux 2023",
		"PRETTY_NAME=Other": "Other",
		"NAME=none\n":       "",
	} {
		if got := prettyName(release); got != want {
			t.Errorf("%q: got %q, want %q", release, got, want)
		}
	}
}
