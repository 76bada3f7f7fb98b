// Package objects keeps S3 objects on disk: what Amazon S3 does with the
// requests that store and read them, without the network.
package objects

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Error is an error of S3.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
type Error struct {
	Status        int
	Code, Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(status int, code, format string, args ...any) error {
	return &Error{status, code, fmt.Sprintf(format, args...)}
}

func badRequest(code, format string, args ...any) error {
	return refuse(http.StatusBadRequest, code, format, args...)
}

// Store keeps the objects of all buckets. Its methods may be called concurrently.
// Their errors are an [*Error], or a failure of the disk or the request.
type Store struct {
	dir string

	mu      sync.Mutex
	buckets map[string]map[string]Object // by bucket and key
	uploads map[string]*upload           // by ID
}

// Object is an object, or a part of one.
type Object struct {
	Size     int64  // bytes
	ETag     string // with its quotation marks
	Checksum Checksum
	Modified time.Time
	Metadata http.Header // that the request set: X-Amz-Meta-*

	path string
}

// metadata returns the headers of a request that set metadata.
func metadata(header http.Header) http.Header {
	m := http.Header{}
	for name, values := range header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			m[name] = values
		}
	}
	return m
}

// NewStore returns a store in a directory that exists, with empty buckets.
func NewStore(dir string, buckets ...string) (*Store, error) {
	s := &Store{dir: dir, buckets: map[string]map[string]Object{}, uploads: map[string]*upload{}}
	for _, name := range buckets {
		if err := s.CreateBucket(name); err != nil {
			return nil, fmt.Errorf("creating bucket %q: %w", name, err)
		}
	}
	return s, nil
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// CreateBucket creates an empty bucket.
func (s *Store) CreateBucket(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !bucketName.MatchString(name):
		return badRequest("InvalidBucketName", "The specified bucket is not valid.")
	case s.buckets[name] != nil:
		return refuse(http.StatusConflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.")
	}
	s.buckets[name] = map[string]Object{}
	return nil
}

// CheckBucket returns an error if a bucket does not exist.
func (s *Store) CheckBucket(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.bucket(name)
	return err
}

// bucket returns the objects of a bucket. It is called with mu held.
func (s *Store) bucket(name string) (map[string]Object, error) {
	if objects, ok := s.buckets[name]; ok {
		return objects, nil
	}
	return nil, refuse(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
}

// Put stores an object with the body of a request, which header describes. It
// replaces an object of that key only when the body is complete and verified.
func (s *Store) Put(bucket, key string, header http.Header, body io.Reader) (Object, error) {
	if len(key) > 1024 {
		return Object{}, badRequest("KeyTooLongError", "Your key is too long")
	}
	if err := s.CheckBucket(bucket); err != nil {
		return Object{}, err
	}
	object, err := s.receive(header, body)
	if err != nil {
		return Object{}, err
	}
	object.Metadata = metadata(header)
	return object, s.replace(bucket, key, object)
}

// replace makes a file the object of a key, or removes it if the bucket is gone.
func (s *Store) replace(bucket, key string, object Object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	objects, err := s.bucket(bucket)
	if err != nil {
		return errors.Join(err, os.Remove(object.path))
	}
	previous, ok := objects[key]
	objects[key] = object
	if ok {
		return os.Remove(previous.path)
	}
	return nil
}

// Open opens an object. The caller must close the file, which stays readable
// when the object is replaced or deleted.
func (s *Store) Open(bucket, key string) (*os.File, Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	objects, err := s.bucket(bucket)
	if err != nil {
		return nil, Object{}, err
	}
	object, ok := objects[key]
	if !ok {
		return nil, Object{}, refuse(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	file, err := os.Open(object.path)
	return file, object, err
}

// Delete deletes an object. It does nothing if there is none.
func (s *Store) Delete(bucket, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	objects, err := s.bucket(bucket)
	if err != nil {
		return err
	}
	object, ok := objects[key]
	if !ok {
		return nil
	}
	delete(objects, key)
	return os.Remove(object.path)
}

// receive writes the body of a request to a new file, and verifies it.
func (s *Store) receive(header http.Header, body io.Reader) (Object, error) {
	p, err := newPayload(header, body)
	if err != nil {
		return Object{}, err
	}
	return s.write(func(w io.Writer) (Object, error) { return p.copyTo(w) })
}

// write returns an object with a new file, which fill fills. After an error there
// is no file.
func (s *Store) write(fill func(io.Writer) (Object, error)) (Object, error) {
	file, err := os.CreateTemp(s.dir, "object-")
	if err != nil {
		return Object{}, err
	}
	object, err := fill(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return Object{}, errors.Join(err, os.Remove(file.Name()))
	}
	object.path, object.Modified = file.Name(), time.Now().UTC()
	return object, nil
}
