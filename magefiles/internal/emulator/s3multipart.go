package emulator

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"example.com/dualboot/magefiles/internal/emulator/objects"
)

// Multipart uploads.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html

func (r *s3Request) uploadID() string { return r.URL.Query().Get("uploadId") }

func (s *Server) createMultipartUpload(w http.ResponseWriter, r *s3Request) error {
	id, err := s.objects.CreateUpload(r.bucket, r.key, r.Header)
	if err != nil {
		return err
	}
	return writeXML(w, http.StatusOK, struct {
		XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
		Bucket, Key, UploadId string
	}{Bucket: r.bucket, Key: r.key, UploadId: id})
}

func (s *Server) uploadPart(w http.ResponseWriter, r *s3Request) error {
	number, _ := strconv.Atoi(r.URL.Query().Get("partNumber")) // zero is refused
	part, err := s.objects.PutPart(r.bucket, r.key, r.uploadID(), number, r.Header, r.Body)
	if err == nil {
		describeObject(w, part)
	}
	return err
}

type completeRequest struct {
	Part []struct {
		PartNumber                                                                           int
		ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 string
	}
}

func (s *Server) completeMultipartUpload(w http.ResponseWriter, r *s3Request) error {
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Checksum-") && name != "X-Amz-Checksum-Type" {
			return r.notImplemented("checksum of a whole multipart object, header " + name)
		}
	}
	var request completeRequest
	if err := readXML(r, &request); err != nil {
		return err
	}
	var parts []objects.Part
	for _, p := range request.Part {
		checksum := p.ChecksumCRC32 + p.ChecksumCRC32C + p.ChecksumCRC64NVME + p.ChecksumSHA1 + p.ChecksumSHA256 // a part has one
		parts = append(parts, objects.Part{Number: p.PartNumber, ETag: p.ETag, Checksum: checksum})
	}
	object, err := s.objects.Complete(r.bucket, r.key, r.uploadID(), parts, r.Header.Get("X-Amz-Mp-Object-Size"))
	if err != nil {
		return err
	}
	return writeXML(w, http.StatusOK, struct {
		XMLName                     xml.Name `xml:"CompleteMultipartUploadResult"`
		Location, Bucket, Key, ETag string
	}{Location: s.url + r.URL.EscapedPath(), Bucket: r.bucket, Key: r.key, ETag: object.ETag})
}

func (s *Server) abortMultipartUpload(w http.ResponseWriter, r *s3Request) error {
	if err := s.objects.Abort(r.bucket, r.key, r.uploadID()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
