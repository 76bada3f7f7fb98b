package objects

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/google/uuid"
)

// minPart is the size in bytes that every part but the last must have.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const minPart = 5 << 20

// maxParts is the highest number of a part.
const maxParts = 10000

// upload is a multipart upload in progress.
type upload struct {
	bucket, key string
	parts       map[int]Object // by number
	metadata    http.Header
}

// Part names a part of an upload that is to be completed.
type Part struct {
	Number   int
	ETag     string
	Checksum string // base64, "" if it is not given
}

// CreateUpload begins a multipart upload and returns its ID. The header may set
// metadata.
func (s *Store) CreateUpload(bucket, key string, header http.Header) (id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.bucket(bucket); err != nil {
		return "", err
	}
	id = uuid.NewString()
	s.uploads[id] = &upload{bucket, key, map[int]Object{}, metadata(header)}
	return id, nil
}

// find returns an upload in progress. It is called with mu held.
func (s *Store) find(bucket, key, id string) (*upload, error) {
	if _, err := s.bucket(bucket); err != nil {
		return nil, err
	}
	if u := s.uploads[id]; u != nil && u.bucket == bucket && u.key == key {
		return u, nil
	}
	return nil, refuse(http.StatusNotFound, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
}

func (s *Store) checkUpload(bucket, key, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.find(bucket, key, id)
	return err
}

// PutPart stores a part of an upload, as Put does an object.
func (s *Store) PutPart(bucket, key, id string, number int, header http.Header, body io.Reader) (Object, error) {
	if number < 1 || number > maxParts {
		return Object{}, badRequest("InvalidArgument", "Part number must be an integer between 1 and %d, inclusive", maxParts)
	}
	if err := s.checkUpload(bucket, key, id); err != nil {
		return Object{}, err
	}
	part, err := s.receive(header, body)
	if err != nil {
		return Object{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.find(bucket, key, id)
	if err != nil { // it ended meanwhile
		return Object{}, errors.Join(err, os.Remove(part.path))
	}
	previous, ok := u.parts[number]
	u.parts[number] = part
	if ok {
		return part, os.Remove(previous.path)
	}
	return part, nil
}

// Complete joins the listed parts of an upload to an object. The size in bytes, ""
// if it is not given, must be the object's.
func (s *Store) Complete(bucket, key, id string, list []Part, size string) (Object, error) {
	u, parts, err := s.end(bucket, key, id, list, size)
	if err != nil {
		return Object{}, err
	}
	object, err := s.write(func(w io.Writer) (Object, error) { return join(w, parts) })
	if err == nil {
		object.Metadata = u.metadata
		err = s.replace(bucket, key, object)
	}
	return object, errors.Join(err, u.remove())
}

// end ends an upload that can be completed, and returns the parts to join.
func (s *Store) end(bucket, key, id string, list []Part, size string) (*upload, []Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.find(bucket, key, id)
	if err != nil {
		return nil, nil, err
	}
	parts, err := u.choose(list, size)
	if err != nil {
		return nil, nil, err
	}
	delete(s.uploads, id)
	return u, parts, nil
}

// choose returns the listed parts.
func (u *upload) choose(list []Part, size string) (parts []Object, err error) {
	var total int64
	for i, p := range list {
		part, ok := u.parts[p.Number]
		switch {
		case i > 0 && p.Number <= list[i-1].Number:
			return nil, badRequest("InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
		case !ok || strings.Trim(p.ETag, `"`) != strings.Trim(part.ETag, `"`) || p.Checksum != "" && p.Checksum != part.Checksum.Value:
			return nil, badRequest("InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
		case i < len(list)-1 && part.Size < minPart:
			return nil, badRequest("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
		}
		total += part.Size
		parts = append(parts, part)
	}
	switch {
	case len(list) == 0:
		return nil, badRequest("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	case size != "" && size != fmt.Sprint(total):
		return nil, badRequest("InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match what was computed.")
	}
	return parts, nil
}

// join writes parts one after the other. The object has no checksum: S3's is a
// checksum of the parts' checksums, which nothing here reads.
func join(w io.Writer, parts []Object) (Object, error) {
	var object Object
	etags := md5.New()
	for _, part := range parts {
		file, err := os.Open(part.path)
		if err != nil {
			return object, err
		}
		n, err := io.Copy(w, file)
		if err = errors.Join(err, file.Close()); err != nil {
			return object, err
		}
		sum, _ := hex.DecodeString(strings.Trim(part.ETag, `"`))
		etags.Write(sum)
		object.Size += n
	}
	object.ETag = fmt.Sprintf(`"%x-%d"`, etags.Sum(nil), len(parts))
	return object, nil
}

// Abort ends an upload and removes its parts.
func (s *Store) Abort(bucket, key, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.find(bucket, key, id)
	if err != nil {
		return err
	}
	delete(s.uploads, id)
	return u.remove()
}

// remove removes the parts from disk.
func (u *upload) remove() (err error) {
	for _, part := range u.parts {
		err = errors.Join(err, os.Remove(part.path))
	}
	return err
}
