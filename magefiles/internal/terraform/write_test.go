package terraform_test

import (
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/terraform"
	"github.com/google/go-cmp/cmp"
)

// TestWrite writes every fixture, as it is and with other line ends and blanks.
// Every byte outside of the changes must stay, and nothing may be left to change.
func TestWrite(t *testing.T) {
	for _, layout := range []struct {
		name   string
		change func(string) string
	}{
		{"as it is", same},
		{"CRLF", func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }},
		{"byte order mark", func(s string) string { return "\ufeff" + s }},
		{"no newline at the end", func(s string) string { return strings.TrimSuffix(s, "\n") }},
		{"trailing blanks", func(s string) string { return strings.ReplaceAll(s, "\"\n", "\" \t\n") }},
	} {
		for _, f := range fixtures(t) {
			if strings.HasPrefix(f.name, "error_") {
				continue
			}
			t.Run(layout.name+"/"+f.name, func(t *testing.T) {
				f.write(t, layout.change)
				before := contents(t)
				r := read(t, f.functions, f.variables)
				want := replaceLines(t, before, r.Changes)
				if err := r.Write(); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, contents(t)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				again := read(t, f.functions, f.variables)
				if len(again.Changes) > 0 || again.Diff() != "" {
					t.Errorf("changes left after Write: %+v", again.Changes)
				}
				if len(again.Unsure) != len(r.Unsure) {
					t.Errorf("unsure before Write: %v\nafter: %v", r.Unsure, again.Unsure)
				}
			})
		}
	}
}

// replaceLines makes changes using only their positions.
func replaceLines(t *testing.T, files map[string]string, changes []terraform.Change) map[string]string {
	t.Helper()
	done := map[token.Position]bool{}
	after := map[string]string{}
	for file, text := range files {
		lines := strings.SplitAfter(text, "\n")
		for i := len(changes) - 1; i >= 0; i-- { // from the end of a line, so that columns stay valid
			c := changes[i]
			if c.At.Filename != file || done[c.At] {
				continue
			}
			done[c.At] = true
			text, mark := strings.CutPrefix(lines[c.At.Line-1], "\ufeff")
			line := []rune(text)
			rest, ok := strings.CutPrefix(string(line[c.At.Column-1:]), `"`+c.From+`"`)
			if !ok {
				t.Fatalf("%v is not %q", c.At, c.From)
			}
			lines[c.At.Line-1] = string(line[:c.At.Column-1]) + `"` + c.To + `"` + rest
			if mark {
				lines[c.At.Line-1] = "\ufeff" + lines[c.At.Line-1]
			}
		}
		after[file] = strings.Join(lines, "")
	}
	return after
}

// contents returns the files in the parent of the working directory by their path
// from the working directory.
func contents(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		here, err := os.Getwd()
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, filepath.Join("..", filepath.Base(here))+string(filepath.Separator))
		files[name] = string(data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

const orders = `resource "aws_lambda_function" "orders" {
  function_name = "orders"
  runtime       = "go1.x"
  handler       = "lambda"
}
`

const ordersAfter = `resource "aws_lambda_function" "orders" {
  function_name = "orders"
  runtime       = "provided.al2023"
  handler       = "bootstrap"
}
`

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestWriteKeepsModeAndLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links and modes of Unix")
	}
	dir := t.TempDir()
	shared := filepath.Join(t.TempDir(), "shared.tf")
	put(t, shared, orders)
	if err := os.Chmod(shared, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "main.tf")
	if err := os.Symlink(shared, link); err != nil {
		t.Fatal(err)
	}
	r, err := terraform.Read(dir, wanted("orders"), terraform.Variables{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "--- " + link + "\n+++ " + link + "\n"; !strings.HasPrefix(r.Diff(), want) {
		t.Errorf("the diff starts with\n%s\nwant\n%s", r.Diff(), want)
	}
	if err := r.Write(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("the link became %v, %v", info.Mode(), err)
	}
	info, err = os.Stat(link)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode became %v, %v", info.Mode(), err)
	}
	if data, err := os.ReadFile(shared); err != nil || string(data) != ordersAfter {
		t.Errorf("got %v\n%s", err, data)
	}
	for _, dir := range []string{dir, filepath.Dir(shared)} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("got files %v in %s, want one; %v", entries, dir, err)
		}
	}
}

func TestWriteRefusesChangedFile(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "a.tf", orders)
	put(t, "b.tf", strings.ReplaceAll(orders, "orders", "report"))
	r := read(t, wanted("orders report"), terraform.Variables{})
	put(t, "b.tf", "# edited meanwhile\n")
	before := contents(t)
	err := r.Write()
	if err == nil || !strings.Contains(err.Error(), "b.tf has changed since it was read; nothing was written") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, contents(t)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
