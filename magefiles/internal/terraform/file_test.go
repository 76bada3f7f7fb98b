package terraform_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.com/dualboot/magefiles/internal/terraform"
)

// unreadable puts something at a path that must not be read. It returns false if
// the system has no such thing.
type unreadable func(t *testing.T, path string) bool

func TestReadRefusesFiles(t *testing.T) {
	for _, test := range []struct {
		name, file string
		put        unreadable
		want       string
	}{
		{"named pipe", "pipe.tf", mkfifo, "pipe.tf is a named pipe, not a regular file; remove it, or name another directory with -dir="},
		{"named pipe of values", "terraform.tfvars", mkfifo, "terraform.tfvars is a named pipe"},
		{"device", "null.tf", symlink(os.DevNull), "null.tf is a device"},
		{"link to a directory", "dir.tf", symlink("."), "dir.tf is a directory"},
		{"link to itself", "loop.tf", symlink("loop.tf"), "loop.tf: too many levels of symbolic links"},
		{"link to nothing", "gone.tf", symlink("gone"), "gone.tf: no such file"},
		{"socket", "socket.tf", socket, "socket.tf is a socket"},
		{"large", "large.tf", large, "large.tf is larger than 5 MB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir()) // the path of a socket must be short
			put(t, "main.tf", orders)
			if !test.put(t, test.file) {
				t.Skip("needs files that this system does not have")
			}
			_, err := terraform.Read(".", wanted("orders"), terraform.Variables{})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func symlink(target string) unreadable {
	return func(t *testing.T, path string) bool {
		if runtime.GOOS == "windows" {
			return false
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return true
	}
}

func socket(t *testing.T, path string) bool {
	if runtime.GOOS == "windows" {
		return false
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return true
}

func large(t *testing.T, path string) bool {
	put(t, path, "")
	if err := os.Truncate(path, 5<<20+1); err != nil {
		t.Fatal(err)
	}
	return true
}

// TestReadSkipsDirectories checks that, as in Terraform, the name of a directory
// does not matter.
func TestReadSkipsDirectories(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"main.tf", "terraform.tfvars", "x.auto.tfvars"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := terraform.Read(".", nil, terraform.Variables{}); err == nil || !strings.HasPrefix(err.Error(), "no Terraform files") {
		t.Errorf("got %v", err)
	}
}

func TestWriteRefusesPipe(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "main.tf", orders)
	r := read(t, wanted("orders"), terraform.Variables{})
	if err := os.Remove("main.tf"); err != nil {
		t.Fatal(err)
	}
	if !mkfifo(t, "main.tf") {
		t.Skip("needs named pipes")
	}
	if err := r.Write(); err == nil || !strings.Contains(err.Error(), "main.tf is a named pipe") {
		t.Errorf("got %v", err)
	}
}

func TestVariableFileInDirectory(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "main.tf"), orders)
	put(t, filepath.Join(dir, "prod.tfvars"), "")
	t.Chdir(t.TempDir())
	_, err := terraform.Read(dir, wanted("orders"), terraform.Variables{Files: []string{"prod.tfvars"}})
	want := "paths are relative to the current directory: -varfile=" + filepath.Join(dir, "prod.tfvars")
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestNesting checks that files whose tree would be deep are refused before they
// are parsed, and that long but flat ones are not.
func TestNesting(t *testing.T) {
	const n, many = 5000, 1000
	repeat := strings.Repeat
	for _, test := range []struct {
		name, text string
		refused    bool
	}{
		{"brackets", "locals {\n  a = " + repeat("[", 20*n) + repeat("]", 20*n) + "\n}\n", true},
		{"open brackets", "locals {\n  a = " + repeat("[", n), true},
		{"parentheses", "locals {\n  a = " + repeat("(", n) + "1" + repeat(")", n) + "\n}\n", true},
		{"braces", "locals {\n  a = " + repeat("{a=", n) + "1" + repeat("}", n) + "\n}\n", true},
		{"blocks", repeat("a {\n", n) + repeat("}\n", n), true},
		{"calls", "locals {\n  a = " + repeat("f(", n) + repeat(")", n) + "\n}\n", true},
		{"templates", "locals {\n  a = " + repeat(`"${`, n) + "1" + repeat(`}"`, n) + "\n}\n", true},
		{"ifs", "locals {\n  a = \"" + repeat(`%{if a}`, n) + repeat(`%{endif}`, n) + "\"\n}\n", true},
		{"heredoc", "locals {\n  a = <<E\n" + repeat("%{if a}\n", n) + repeat("%{endif}\n", n) + "E\n}\n", true},
		{"not", "locals {\n  a = " + repeat("!", n) + "true\n}\n", true},
		{"minus", "locals {\n  a = " + repeat("- ", n) + "1\n}\n", true},
		{"sum", "locals {\n  a = 1" + repeat(" + 1", n) + "\n}\n", true},
		{"sum with comments", "locals {\n  a = 1" + repeat(" /**/ + /**/ 1", n) + "\n}\n", true},
		{"sum on many lines", "locals {\n  a = (1" + repeat("\n+ 1", n) + ")\n}\n", true},
		{"for on many lines", "locals {\n  a = {for k, v in b : k => 1" + repeat("\n+ 1", n) + "}\n}\n", true},
		{"conditions", "locals {\n  a = " + repeat("b ? 1 : ", n) + "2\n}\n", true},
		{"indexes", "locals {\n  a = b" + repeat("[c]", n) + "\n}\n", true},
		{"attributes", "locals {\n  a = f()" + repeat(".a", n) + "\n}\n", true},
		{"values", "a = " + repeat("[", n) + repeat("]", n) + "\n", true},
		{"long list", "locals {\n  a = [" + repeat("1 + 1, ", many) + "]\n}\n", false},
		{"long object", "locals {\n  a = {\n" + repeat("b = c.d[e] # f\n", many) + "}\n}\n", false},
		{"long string", `locals {` + "\n  a = \"" + repeat("[ ${b.c} ] ", many) + "\"\n}\n", false},
		{"many blocks", repeat("a {\n  b = 1 + 1\n}\n", many), false},
		{"deep enough", "locals {\n  a = " + repeat("[", 200) + repeat("]", 200) + "\n}\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, filepath.Join(dir, "main.tf"), orders)
			file := "other.tf"
			if test.name == "values" {
				file = "terraform.tfvars"
			}
			put(t, filepath.Join(dir, file), test.text)
			_, err := terraform.Read(dir, wanted("orders"), terraform.Variables{})
			switch {
			case !test.refused && err != nil:
				t.Error(err)
			case test.refused && (err == nil || !strings.Contains(err.Error(), "nested deeper than 500 levels")):
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNestingOfJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "main.tf", orders)
	const n = 100_000
	put(t, "terraform.tfvars.json", `{"a": `+strings.Repeat("[", n)+strings.Repeat("]", n)+"}")
	_, err := terraform.Read(".", wanted("orders"), terraform.Variables{})
	if err == nil || !strings.Contains(err.Error(), "terraform.tfvars.json:1: ") || !strings.Contains(err.Error(), "depth") {
		t.Errorf("got %v", err)
	}
}

// TestLongChain checks that locals that depend on each other in a long row take
// no more stack than a limit.
func TestLongChain(t *testing.T) {
	t.Chdir(t.TempDir())
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(orders, `"go1.x"`, "local.a1000") + "locals {\n")
	for i := 1000; i < 1600; i++ {
		fmt.Fprintf(&b, "  a%d = local.a%d\n", i, i+1)
	}
	put(t, "main.tf", b.String()+"  a1600 = \"go1.x\"\n}\n")
	r := read(t, wanted("orders"), terraform.Variables{})
	if len(r.Changes) > 0 || len(r.Unsure) != 1 || !strings.Contains(r.Unsure[0].Reason, "local.a1500, which is at the end of 500 locals") {
		t.Errorf("got %v, %v", r.Changes, r.Unsure)
	}
}
