package objects

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// plain are the headers of a body that says nothing about itself.
func plain() http.Header { return http.Header{"X-Amz-Content-Sha256": {unsigned}} }

func newStore(t *testing.T) *Store {
	s, err := NewStore(t.TempDir(), "artifacts")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// files returns the number of files on disk.
func (s *Store) files(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// What is replaced, refused, deleted or aborted leaves no files.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	put := func(header http.Header, body io.Reader) error {
		_, err := s.Put("artifacts", "k", header, body)
		return err
	}
	for _, body := range []string{"one", "two"} {
		if err := put(plain(), strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.files(t); n != 1 {
		t.Errorf("%d files after the object was replaced", n)
	}
	wrong := plain()
	wrong.Set("Content-Md5", "x")
	if err := put(wrong, strings.NewReader("three")); err == nil {
		t.Error("a wrong digest was accepted")
	}
	if err := put(plain(), io.MultiReader(strings.NewReader("three"), broken{})); err == nil {
		t.Error("a broken body was accepted")
	}
	file, object, err := s.Open("artifacts", "k")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := s.Delete("artifacts", "k"); err != nil {
		t.Error(err)
	}
	if content, err := io.ReadAll(file); string(content) != "two" || err != nil || object.Size != 3 {
		t.Errorf("the deleted object is %q with %d bytes, %v", content, object.Size, err)
	}
	id, err := s.CreateUpload("artifacts", "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.PutPart("artifacts", "k", id, 1, plain(), strings.NewReader("part")); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.files(t); n != 1 {
		t.Errorf("%d files after a part was replaced", n)
	}
	if err := s.Abort("artifacts", "k", id); err != nil {
		t.Error(err)
	}
	if n := s.files(t); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// aborting ends an upload while its part arrives.
type aborting struct {
	s  *Store
	id string
}

func (a aborting) Read([]byte) (int, error) {
	if err := a.s.Abort("artifacts", "k", a.id); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

func TestPartOfAbortedUpload(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	id, err := s.CreateUpload("artifacts", "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.PutPart("artifacts", "k", id, 1, plain(), aborting{s, id})
	if err == nil || !strings.HasPrefix(err.Error(), "NoSuchUpload: ") {
		t.Errorf("the error is %v", err)
	}
	if n := s.files(t); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	id, err := s.CreateUpload("artifacts", "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	var list []Part
	for i, size := range []int{minPart, minPart - 1, 3} {
		part, err := s.PutPart("artifacts", "k", id, i+1, plain(), strings.NewReader(strings.Repeat(string(rune('a'+i)), size)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, Part{Number: i + 1, ETag: part.ETag})
	}
	if _, err := s.Complete("artifacts", "k", id, list, ""); err == nil || !strings.HasPrefix(err.Error(), "EntityTooSmall: ") {
		t.Errorf("with a small part the error is %v", err)
	}
	other := []Part{{1, list[0].ETag, "checksum"}}
	if _, err := s.Complete("artifacts", "k", id, other, ""); err == nil || !strings.HasPrefix(err.Error(), "InvalidPart: ") {
		t.Errorf("with a wrong checksum the error is %v", err)
	}
	object, err := s.Complete("artifacts", "k", id, []Part{list[0], list[2]}, "5242883")
	if err != nil || object.Size != minPart+3 || !strings.HasSuffix(object.ETag, `-2"`) {
		t.Errorf("the object is %+v, %v", object, err)
	}
	file, _, err := s.Open("artifacts", "k")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if content, err := io.ReadAll(file); string(content) != strings.Repeat("a", minPart)+"ccc" || err != nil {
		t.Errorf("the object has %d bytes, %v", len(content), err)
	}
	if n := s.files(t); n != 1 {
		t.Errorf("%d files, want the object's", n)
	}
}
