package emulator

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"example.com/dualboot/magefiles/internal/emulator/objects"
)

// s3Name is the name of Amazon S3 in signatures.
const s3Name = "s3"

// s3Request is a request for S3. Path-style requests name the bucket in the path.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html#path-style-access
type s3Request struct {
	*http.Request
	bucket, key string
	id          string
}

type s3Operation struct {
	name string
	run  func(*Server, http.ResponseWriter, *s3Request) error
}

// isS3 reports whether a request is signed for S3.
func isS3(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Authorization"), "/"+s3Name+"/aws4_request")
}

// s3Operations returns S3's operations by method, what the path names, and the
// names in the query.
func s3Operations() map[string]s3Operation {
	return map[string]s3Operation{
		"PUT bucket":                     {"CreateBucket", (*Server).createBucket},
		"HEAD bucket":                    {"HeadBucket", (*Server).headBucket},
		"PUT object":                     {"PutObject", (*Server).putObject},
		"HEAD object":                    {"HeadObject", (*Server).getObject},
		"GET object":                     {"GetObject", (*Server).getObject},
		"DELETE object":                  {"DeleteObject", (*Server).deleteObject},
		"POST object uploads":            {"CreateMultipartUpload", (*Server).createMultipartUpload},
		"PUT object partNumber,uploadId": {"UploadPart", (*Server).uploadPart},
		"POST object uploadId":           {"CompleteMultipartUpload", (*Server).completeMultipartUpload},
		"DELETE object uploadId":         {"AbortMultipartUpload", (*Server).abortMultipartUpload},
	}
}

// s3Headers are the headers with which an operation does what it does without
// them. S3 would act on others, and the emulator would silently not.
var s3Headers = []string{
	"X-Amz-Checksum-Algorithm", "X-Amz-Checksum-Crc32", "X-Amz-Checksum-Crc32c", "X-Amz-Checksum-Crc64nvme", "X-Amz-Checksum-Mode",
	"X-Amz-Checksum-Sha1", "X-Amz-Checksum-Sha256", "X-Amz-Checksum-Type", "X-Amz-Content-Sha256", "X-Amz-Date",
	"X-Amz-Decoded-Content-Length", "X-Amz-Mp-Object-Size", "X-Amz-Sdk-Checksum-Algorithm", "X-Amz-Security-Token", "X-Amz-Trailer", "X-Amz-User-Agent",
}

// route returns the operation of a request.
func (r *s3Request) route() s3Operation {
	what := "object"
	if r.bucket, r.key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); r.key == "" {
		what = "bucket"
	}
	query := r.URL.Query()
	delete(query, "x-id") // the SDKs repeat the operation's name in it
	names := strings.Join(slices.Sorted(maps.Keys(query)), ",")
	if op, ok := s3Operations()[strings.TrimSpace(r.Method+" "+what+" "+names)]; ok {
		return op
	}
	return s3Operation{"Unknown", func(_ *Server, _ http.ResponseWriter, r *s3Request) error {
		return r.notImplemented(r.Method + " " + r.URL.RequestURI())
	}}
}

// checkHeaders refuses what the emulator does not implement.
func (r *s3Request) checkHeaders() error {
	for name := range r.Header {
		conditional := r.Method != http.MethodGet && r.Method != http.MethodHead && (name == "If-Match" || name == "If-None-Match")
		if conditional || strings.HasPrefix(name, "X-Amz-") && !strings.HasPrefix(name, "X-Amz-Meta-") && !slices.Contains(s3Headers, name) {
			return r.notImplemented("header " + name)
		}
	}
	return nil
}

func (r *s3Request) notImplemented(what string) error {
	return apiErrorf(http.StatusNotImplemented, "NotImplemented", "The emulator's S3 does not implement %s.", what)
}

// serveS3 serves a request for S3. It locks mu.
func (s *Server) serveS3(w http.ResponseWriter, request *http.Request, id string) {
	w.Header().Set("X-Amz-Request-Id", id)
	r := &s3Request{Request: request, id: id}
	if err := s.runS3(w, r); err != nil {
		r.fail(w, err)
	}
}

func (s *Server) runS3(w http.ResponseWriter, r *s3Request) error {
	if !s.begin() {
		return errClosing()
	}
	defer s.work.Done()
	op := r.route()
	s.mu.Lock()
	s.calls[op.name]++
	s.mu.Unlock()
	if err := s.authenticate(r); err != nil {
		w.Header().Set("Connection", "close") // do not wait for the body
		return err
	}
	err := r.checkHeaders()
	if err == nil {
		err = op.run(s, w, r)
	}
	if err != nil {
		// Read the rest, within reason, as readBody does.
		_, _ = io.CopyN(io.Discard, r.Body, 4*maxPackageRequest)
	}
	return err
}

// authenticate checks the signature, which covers the digest of the body, but not
// the body.
func (s *Server) authenticate(r *s3Request) error {
	claim, err := s.verifier.claim(r.Request, s3Name)
	payload := r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case err != nil:
		return err
	case payload == "":
		return apiErrorf(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	}
	return s.verifier.verify(r.Request, claim, payload)
}

// fail answers with an error. An answer to HEAD has no body.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (r *s3Request) fail(w http.ResponseWriter, err error) {
	e := asAPIError(err)
	if stored, ok := errors.AsType[*objects.Error](err); ok {
		e = &apiError{stored.Status, stored.Code, stored.Message}
	}
	code := e.queryCode()
	switch code {
	case "InvalidClientTokenId":
		code = "InvalidAccessKeyId"
	case "IncompleteSignature":
		code = "AuthorizationHeaderMalformed"
	case "ServiceException":
		code = "InternalError"
	}
	_ = writeXML(w, e.status, struct {
		XMLName                            xml.Name `xml:"Error"`
		Code, Message, Resource, RequestId string
	}{Code: code, Message: e.message, Resource: r.URL.Path, RequestId: r.id})
}

func writeXML(w http.ResponseWriter, status int, v any) error {
	body, err := xml.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "%s%s", xml.Header, body) // or the client is gone
	return nil
}

// readXML reads the body of a request.
func readXML(r *s3Request, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 4*maxOtherRequest))
	if err == nil && len(body) > 0 {
		err = xml.Unmarshal(body, v)
	}
	if err != nil {
		return apiErrorf(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema: %v", err)
	}
	return nil
}

// createBucket creates a bucket, which must be in the server's region.
func (s *Server) createBucket(w http.ResponseWriter, r *s3Request) error {
	var request struct{ LocationConstraint string }
	if err := readXML(r, &request); err != nil {
		return err
	}
	if where := cmp.Or(request.LocationConstraint, "us-east-1"); where != s.options.Region {
		return apiErrorf(http.StatusBadRequest, "IllegalLocationConstraintException", "The %s location constraint is incompatible for the region specific endpoint this request was sent to.", cmp.Or(request.LocationConstraint, "unspecified"))
	}
	if err := s.objects.CreateBucket(r.bucket); err != nil {
		return err
	}
	w.Header().Set("Location", "/"+r.bucket)
	return nil
}

func (s *Server) headBucket(w http.ResponseWriter, r *s3Request) error {
	err := s.objects.CheckBucket(r.bucket)
	if err == nil {
		w.Header().Set("X-Amz-Bucket-Region", s.options.Region)
	}
	return err
}

func (s *Server) putObject(w http.ResponseWriter, r *s3Request) error {
	object, err := s.objects.Put(r.bucket, r.key, r.Header, r.Body)
	if err == nil {
		describeObject(w, object)
	}
	return err
}

func describeObject(w http.ResponseWriter, object objects.Object) {
	w.Header().Set("ETag", object.ETag)
	if object.Checksum.Header != "" {
		w.Header().Set(object.Checksum.Header, object.Checksum.Value)
	}
}

// getObject answers with an object, or a range of it.
func (s *Server) getObject(w http.ResponseWriter, r *s3Request) error {
	file, object, err := s.objects.Open(r.bucket, r.key)
	if err != nil {
		return err
	}
	defer file.Close()
	var from int64
	part := r.Header.Get("Range")
	if n, _ := fmt.Sscanf(part, "bytes=%d-", &from); n == 1 && from >= object.Size {
		return apiErrorf(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
	}
	if part != "" || r.Header.Get("X-Amz-Checksum-Mode") != "ENABLED" {
		object.Checksum = objects.Checksum{} // it is the whole object's
	}
	describeObject(w, object)
	maps.Copy(w.Header(), object.Metadata)
	w.Header().Set("Content-Type", "binary/octet-stream")
	http.ServeContent(w, r.Request, "", object.Modified, file)
	return nil
}

func (s *Server) deleteObject(w http.ResponseWriter, r *s3Request) error {
	if err := s.objects.Delete(r.bucket, r.key); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
