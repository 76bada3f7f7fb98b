package objects

import (
	"bufio"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"io/fs"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strconv"
	"strings"
)

// Values of the header X-Amz-Content-Sha256 other than a digest.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
const (
	unsigned        = "UNSIGNED-PAYLOAD"
	unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// Checksum is a checksum that a client has sent. The zero value is none.
type Checksum struct {
	Header string // such as X-Amz-Checksum-Crc32
	Value  string // base64
}

const checksumPrefix = "X-Amz-Checksum-"

// algorithms are S3's checksums, by the end of their header.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
func algorithms() map[string]hash.Hash {
	return map[string]hash.Hash{
		"Crc32":     crc32.NewIEEE(),
		"Crc32c":    crc32.New(crc32.MakeTable(crc32.Castagnoli)),
		"Crc64nvme": crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)),
		"Sha1":      sha1.New(),
		"Sha256":    sha256.New(),
	}
}

// payload is the body of a request that stores bytes.
type payload struct {
	body     io.Reader     // decoded
	framed   *bufio.Reader // has the trailer after the body, nil if there is none
	size     string        // of the body in chunks, when decoded, "" if it is not known
	digest   string        // SHA-256 of the body, hexadecimal, or ""
	md5      string        // base64, or ""
	checksum Checksum      // its value is "" if it is in the trailer
	hash     hash.Hash     // of the checksum, or nil
}

// newPayload returns the payload of a body that header describes.
func newPayload(header http.Header, body io.Reader) (*payload, error) {
	p := &payload{body: body, md5: header.Get("Content-Md5")}
	names := header["X-Amz-Trailer"]
	for name := range header {
		if end, ok := strings.CutPrefix(name, checksumPrefix); ok && algorithms()[end] != nil {
			names = append(names, name)
			p.checksum.Value = header.Get(name)
		}
	}
	switch content := header.Get("X-Amz-Content-Sha256"); {
	case content == unsignedTrailer:
		p.framed = bufio.NewReader(body)
		p.body = httputil.NewChunkedReader(p.framed)
		p.size = header.Get("X-Amz-Decoded-Content-Length")
	case strings.HasPrefix(content, "STREAMING-"):
		return nil, refuse(http.StatusNotImplemented, "NotImplemented", "The emulator does not implement %s.", content)
	case content != unsigned:
		p.digest = content
	}
	switch {
	case len(names) > 1:
		return nil, badRequest("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
	case len(names) == 1:
		p.checksum.Header = http.CanonicalHeaderKey(names[0])
		p.hash = algorithms()[strings.TrimPrefix(p.checksum.Header, checksumPrefix)]
		if p.hash == nil {
			return nil, badRequest("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
		}
	}
	return p, nil
}

// copyTo writes the decoded body and verifies all that the client said about it.
func (p *payload) copyTo(w io.Writer) (Object, error) {
	etag, digest := md5.New(), sha256.New()
	writers := []io.Writer{w, etag, digest}
	if p.hash != nil {
		writers = append(writers, p.hash)
	}
	n, err := io.Copy(io.MultiWriter(writers...), p.body)
	if _, disk := errors.AsType[*fs.PathError](err); disk {
		return Object{}, err
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == nil && p.size != "" && p.size != strconv.FormatInt(n, 10):
		return Object{}, badRequest("IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header.")
	case err != nil:
		return Object{}, badRequest("InvalidRequest", "reading the request's body: %v", err)
	}
	if err := p.readTrailer(); err != nil {
		return Object{}, err
	}
	sum := etag.Sum(nil)
	switch {
	case p.digest != "" && p.digest != hex.EncodeToString(digest.Sum(nil)):
		return Object{}, badRequest("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	case p.md5 != "" && p.md5 != base64.StdEncoding.EncodeToString(sum):
		return Object{}, badRequest("BadDigest", "The Content-MD5 you specified did not match what we received.")
	case p.hash != nil && p.checksum.Value != base64.StdEncoding.EncodeToString(p.hash.Sum(nil)):
		name := strings.ToUpper(strings.TrimPrefix(p.checksum.Header, checksumPrefix))
		return Object{}, badRequest("BadDigest", "The %s you specified did not match the calculated checksum.", name)
	}
	return Object{Size: n, ETag: quoted(sum), Checksum: p.checksum}, nil
}

// readTrailer reads the checksum after a body in chunks.
func (p *payload) readTrailer() error {
	if p.framed == nil {
		return nil
	}
	trailer, err := textproto.NewReader(p.framed).ReadMIMEHeader()
	if err == nil && p.hash != nil {
		p.checksum.Value = trailer.Get(p.checksum.Header)
	}
	if err != nil || p.hash != nil && p.checksum.Value == "" {
		return badRequest("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
	}
	return nil
}

func quoted(sum []byte) string { return `"` + hex.EncodeToString(sum) + `"` }
